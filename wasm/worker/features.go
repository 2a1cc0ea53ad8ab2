package worker

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"sae/data"
	"sae/nn"
	"sae/nn/baseline"
	"sae/nn/pca"
	"sae/wasm/protocol"
)

// units are the statistics of the latent units, as Frame describes them.
type units struct {
	mean, activity, histogram, center, classMeans []float32
	bins                                          protocol.Histogram
}

// latentUnits summarises the latent activations of an evaluation of images with
// the given labels.
func latentUnits(result *nn.Evaluation, labels []byte, classes int) *units {
	shares, zero, largest := result.Histogram(protocol.HistogramBins)
	latent := len(result.UnitMean)
	u := &units{
		mean:       slices.Clone(result.UnitMean),
		activity:   slices.Clone(result.UnitActivity),
		histogram:  shares,
		center:     make([]float32, latent),
		classMeans: make([]float32, latent*classes),
		bins:       protocol.Histogram{Zero: zero, Max: largest},
	}
	ofClass := make([]float32, classes)
	for i, label := range labels {
		ofClass[label]++
		for unit, activation := range result.Codes[i*latent:][:latent] {
			u.center[unit] += activation / float32(len(labels))
			u.classMeans[unit*classes+int(label)] += float32(math.Abs(float64(activation)))
		}
	}
	for i := range u.classMeans {
		u.classMeans[i] /= max(1, ofClass[i%classes])
	}
	return u
}

// atoms returns what each latent unit adds to a picture, [latent, 3072] bytes:
// the change of the mean code's decoding when the unit's activation grows by as
// much as it usually has, the largest change of each unit being 127.
func (r *run) atoms(u *units) ([]byte, error) {
	if err := r.Trainer.Collect(); err != nil {
		return nil, err
	}
	latent, dims := len(u.center), r.data.Dims
	atoms := make([]byte, latent*dims)
	base := r.Auto.Decode(nil, u.center)
	const together = 64 // bounds the memory
	codes := make([]float32, 0, together*latent)
	for first := 0; first < latent; first += together {
		n := min(together, latent-first)
		codes = codes[:0]
		for unit := first; unit < first+n; unit++ {
			codes = append(codes, u.center...)
			usual := float32(1)
			if u.activity[unit] > 0 {
				usual = u.mean[unit] / u.activity[unit]
			}
			codes[len(codes)-latent+unit] += usual
		}
		decoded := r.Auto.Decode(nil, codes)
		for i := range n {
			change := decoded[i*dims:][:dims]
			largest := 1e-9
			for j := range change {
				change[j] -= base[j]
				if size := math.Abs(float64(change[j])); size > largest { // max is slow in WebAssembly
					largest = size
				}
			}
			atom := atoms[(first+i)*dims:][:dims]
			for j, x := range change {
				atom[j] = byte(math.Floor(128.5 + 127*float64(x)/largest))
			}
		}
	}
	return atoms, nil
}

// maxPictures is how many validation images a command can ask for: many more than
// are ever shown.
const maxPictures = 500

// check reports an image that there is not, and too many of them.
func (w *Worker) check(command protocol.Type, images []int) error {
	if w.dataset == nil {
		return fmt.Errorf("%s: there is no data set; load one first", command)
	}
	if len(images) > maxPictures {
		return fmt.Errorf("%s: %d images: want at most %d", command, len(images), maxPictures)
	}
	for _, image := range images {
		if n := w.dataset.Validation.Len(); image < 0 || image >= n {
			return fmt.Errorf("%s: image %d: want one of the %d validation images", command, image, n)
		}
	}
	return nil
}

// pixels returns the bytes of validation images.
func (w *Worker) pixels(images []int) []byte {
	pixels := make([]byte, 0, len(images)*data.ImageSize)
	for _, image := range images {
		pixels = append(pixels, w.dataset.Validation.Image(image)...)
	}
	return pixels
}

func (w *Worker) images(m protocol.Message) (protocol.Message, error) {
	command, err := protocol.Decode[protocol.Images](m)
	if err != nil {
		return protocol.Message{}, err
	}
	if err := w.check(m.Type, command.Images); err != nil {
		return protocol.Message{}, err
	}
	return protocol.Message{Buffers: [][]byte{w.pixels(command.Images)}}, nil
}

// evaluated returns the latent activations of the last evaluation.
func (w *Worker) evaluated(command protocol.Type) (*nn.Evaluation, error) {
	if err := w.model(command); err != nil {
		return nil, err
	}
	r := w.run
	if r.evaluation == nil {
		if err := r.evaluate(); err != nil {
			return nil, fmt.Errorf("%s: %w", command, r.fail(w, err))
		}
	}
	return r.evaluation, nil
}

func (w *Worker) unit(m protocol.Message) (protocol.Message, error) {
	command, err := protocol.Decode[protocol.Unit](m)
	if err != nil {
		return protocol.Message{}, err
	}
	evaluation, err := w.evaluated(m.Type)
	if err != nil {
		return protocol.Message{}, err
	}
	latent := len(evaluation.UnitMean)
	if command.Unit < 0 || command.Unit >= latent {
		return protocol.Message{}, fmt.Errorf("unit: %d: want one of the %d latent units", command.Unit, latent)
	}
	n := len(evaluation.Codes) / latent
	activations := make([]float32, n)
	var active []int
	for i := range activations {
		if activations[i] = evaluation.Codes[i*latent+command.Unit]; activations[i] != 0 {
			active = append(active, i)
		}
	}
	slices.SortStableFunc(active, func(a, b int) int {
		return cmp.Compare(math.Abs(float64(activations[b])), math.Abs(float64(activations[a])))
	})
	top := active[:min(protocol.TopImages, len(active))]
	r := w.run
	if err := r.Trainer.Collect(); err != nil {
		return protocol.Message{}, fmt.Errorf("unit: %w", r.fail(w, err))
	}
	layers := r.Auto.Encoder.Layers
	detail := protocol.UnitDetail{Images: top, Bias: float64(layers[len(layers)-1].Bias[command.Unit])}
	return protocol.New("", detail, protocol.Bytes(activations), w.pixels(top)), nil
}

// codeMap puts the codes of the validation images on a plane.
func (w *Worker) codeMap() (protocol.Message, error) {
	evaluation, err := w.evaluated(protocol.TypeMap)
	if err != nil {
		return protocol.Message{}, err
	}
	latent := len(evaluation.UnitMean)
	n := len(evaluation.Codes) / latent
	points := make([]float32, 2*n)
	k := min(2, n, latent)
	components, err := pca.FitVectors(evaluation.Codes, latent, k, w.yield)
	if err != nil {
		return protocol.Message{}, err
	}
	for i := range n {
		for j := range k {
			for unit, weight := range components.Components[j*latent:][:latent] {
				points[2*i+j] += weight * evaluation.Codes[i*latent+unit]
			}
		}
	}
	return protocol.Message{Buffers: [][]byte{protocol.Bytes(points)}}, nil
}

// unusual compares an image with the validation images, by the cross-entropy of
// its reconstruction above its own entropy.
func (w *Worker) unusual(m protocol.Message) (protocol.Message, error) {
	if err := w.model(m.Type); err != nil {
		return protocol.Message{}, err
	}
	if len(m.Buffers) != 1 || len(m.Buffers[0]) != data.ImageSize {
		return protocol.Message{}, fmt.Errorf("unusual: want one buffer of %d bytes", data.ImageSize)
	}
	r := w.run
	excess := func(images []byte) ([]float64, error) {
		_, outputs, err := r.Trainer.Reconstruct(images)
		if err != nil {
			return nil, fmt.Errorf("unusual: %w", r.fail(w, err))
		}
		result := make([]float64, len(images)/data.ImageSize)
		for i, value := range images {
			x, y := float64(value)/255, min(max(float64(outputs[i]), 1e-7), 1-1e-7)
			result[i/data.ImageSize] -= x*math.Log(y) + (1-x)*math.Log1p(-y)
		}
		for i := range result {
			result[i] = result[i]/data.ImageSize - baseline.Floor(images[i*data.ImageSize:][:data.ImageSize])
		}
		return result, nil
	}
	own, err := excess(m.Buffers[0])
	if err != nil {
		return protocol.Message{}, err
	}
	smaller, all := 0, w.dataset.Validation.Images
	const together = 64 * data.ImageSize
	for first := 0; first < len(all); first += together {
		others, err := excess(all[first:min(first+together, len(all))])
		if err != nil {
			return protocol.Message{}, err
		}
		for _, other := range others {
			if other < own[0] {
				smaller++
			}
		}
	}
	return protocol.New("", protocol.Unusual{BCE: own[0], Share: float64(smaller) / float64(w.dataset.Validation.Len())}), nil
}
