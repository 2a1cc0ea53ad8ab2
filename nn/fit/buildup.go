package fit

import (
	"cmp"
	"math"
	"slices"

	"sae/nn/patch"
)

// BuildUp is the reconstruction of an image, built up from the active units of its code. What
// a unit contributes is the magnitude of its activation times the norm of its direction, its
// row of the decoder's first kernel: with a decoder of one linear layer, the norm of what it
// adds to the output.
type BuildUp struct {
	Counts  []int     // of units, from 0 to that of all active ones
	Units   []int     // active units, the one that contributes most first; nil if images are cut into patches
	Outputs []float32 // reconstructions from the first Counts units, [len(Counts), Data.Dims]
}

// BuildUp builds up the reconstruction of an image, [Data.Dims] bytes. If images are cut into
// patches, each patch has its own first units, and Counts ends with the most that are active
// on one of them.
func (r *Run) BuildUp(image []byte) (BuildUp, error) {
	if err := r.Collect(); err != nil {
		return BuildUp{}, err
	}
	rows := image
	if r.Settings.Patch != 0 {
		rows = patch.Cut(r.Settings.Grid(), image)
	}
	codes, _, err := r.Trainer.Reconstruct(rows)
	if err != nil {
		return BuildUp{}, err
	}
	kernel, latent := r.Auto.Decoder.Layers[0], r.Settings.Latent
	norms := make([]float64, latent)
	for i, w := range kernel.Kernel {
		norms[i/kernel.Out] += float64(w) * float64(w)
	}
	var ranked [][]int // for each row
	most := 0
	for code := range slices.Chunk(codes, latent) {
		var units []int
		for unit, activation := range code {
			if activation != 0 {
				units = append(units, unit)
			}
		}
		size := func(unit int) float64 { return math.Abs(float64(code[unit])) * math.Sqrt(norms[unit]) }
		slices.SortStableFunc(units, func(a, b int) int { return cmp.Compare(size(b), size(a)) })
		ranked = append(ranked, units)
		most = max(most, len(units))
	}
	b := BuildUp{Counts: counts(most)}
	if r.Settings.Patch == 0 {
		b.Units = ranked[0]
	}
	for _, count := range b.Counts {
		part := make([]float32, len(codes))
		for i, units := range ranked {
			for _, unit := range units[:min(count, len(units))] {
				part[i*latent+unit] = codes[i*latent+unit]
			}
		}
		outputs := r.Auto.Decode(nil, part)
		if w := r.whitening; w != nil {
			outputs = w.Restore(outputs, patch.Means(rows, w.Dims))
		}
		if r.Settings.Patch != 0 {
			outputs = patch.Join(r.Settings.Grid(), outputs)
		}
		b.Outputs = append(b.Outputs, outputs...)
	}
	return b, nil
}

// counts returns 0, 1, 2, 3, 4, 6, 8, 12, 16, … up to most, which is the last.
func counts(most int) []int {
	list := []int{0}
	for n := 1; n < most; {
		list = append(list, n)
		switch {
		case n < 4:
			n++
		case n&(n-1) == 0:
			n += n / 2
		default:
			n += n / 3
		}
	}
	if most > 0 {
		list = append(list, most)
	}
	return list
}
