package nn

import (
	"iter"

	"sae/nn/internal/collective"
)

// network is an autoencoder in training. In a team, it is one member's part: some
// units of each layer.
type network struct {
	Architecture
	adam Adam
	team *collective.Group
	pace pace

	layers []layer
	arrays [][]float32 // parameters, Adam's m and v of the own units, layer by layer
	steps  int         // completed

	input  []float32 // [images, InputDims]
	target []float32 // of the own units of the output, [images, own units]

	kernelGradient []float32 // of some rows of a kernel
	biasGradient   []float32

	scratch []uint32  // of TopK
	rows    []float32 // with Unit, a number for each row of the decoder's first kernel
	aux     auxiliary
	center  []float32 // with Center, the decoder's bias before the update, [InputDims]
	before  []float32 // some rows of the first kernel before the update
	shift   []float32 // what the first bias changes in return for its kernel, [own units]

	message [8]byte // from the first member to the others
}

// layer is a dense layer in training. Its Dense has only this member's units.
type layer struct {
	Dense
	params, m, v []float32 // [In+1, Out]: kernel, then bias

	split    collective.Split // of all units among the members
	own      collective.Range // units of this member
	output   []float32        // activations of the own units, [images, Out]; x·W in the last layer
	all      []float32        // activations of all units, [images, units]; nil in the last layer
	gradient []float32        // of the loss with respect to the activations, then to x·W + b, [images, Out]
}

// wholeSize is the largest number of weights of a hidden layer that every member
// computes as a whole, because that is faster than exchanging its parts. Only a test
// changes it.
var wholeSize = 1 << 16

// newNetwork returns a network, or a member's part of it, for batches of at most
// images. The caller sets its arrays by lay.
func newNetwork(a Architecture, adam Adam, images int, team *collective.Group) *network {
	s := &network{Architecture: a, adam: adam, team: team, input: make([]float32, images*a.InputDims)}
	dense := a.dense()
	for i, d := range dense {
		output := i == len(dense)-1
		l := layer{Dense: d, split: collective.Split{Units: d.Out, Whole: team.Size() == 1 || !output && d.In*d.Out <= wholeSize}}
		l.own, l.K = team.Units(l.split), 0 // TopK needs the activations of all units
		l.Out = l.own.Len()
		l.output, l.gradient = make([]float32, images*l.Out), make([]float32, images*l.Out)
		switch {
		case output:
		case l.split.Whole:
			l.all = l.output
		default:
			l.all = make([]float32, images*d.Out)
		}
		s.layers = append(s.layers, l)
		s.kernelGradient = grow(s.kernelGradient, max(len(s.kernelGradient), min(l.In, updateRows)*l.Out))
		s.biasGradient = grow(s.biasGradient, max(len(s.biasGradient), l.Out))
	}
	if a.K > 0 {
		s.scratch = make([]uint32, a.LatentDims)
	}
	if a.Center {
		first := &s.layers[0]
		s.center = make([]float32, a.InputDims)
		s.before, s.shift = make([]float32, min(first.In, updateRows)*first.Out), make([]float32, first.Out)
	}
	if a.Unit {
		s.rows = make([]float32, a.LatentDims)
	}
	if a.Aux > 0 {
		s.aux.idle = make([]int, a.LatentDims)
	}
	if s.target = s.input; team.Size() > 1 {
		s.target = make([]float32, images*s.last().Out)
	}
	return s
}

// size returns the length of the arrays.
func (s *network) size() (n int) {
	for _, l := range s.layers {
		n += (l.In + 1) * l.Out
	}
	return n
}

// lay sets the arrays, of which the layers become views.
func (s *network) lay(arrays [][]float32) {
	s.arrays = arrays
	start := 0
	for i := range s.layers {
		l := &s.layers[i]
		end := start + (l.In+1)*l.Out
		l.params, l.m, l.v = arrays[0][start:end], arrays[1][start:end], arrays[2][start:end]
		l.lay(l.params)
		start = end
	}
}

// setTarget sets the target of n images, given the input.
func (s *network) setTarget(n int) {
	if l := s.last(); !l.split.Whole {
		for i := range n {
			copy(s.target[i*l.Out:][:l.Out], s.input[i*s.InputDims+l.own.First:])
		}
	}
}

func (s *network) last() *layer   { return &s.layers[len(s.layers)-1] }
func (s *network) latent() *layer { return &s.layers[len(s.EncoderHidden)] }

// decoder returns the layer whose kernel has a row, a direction, for each latent unit.
func (s *network) decoder() *layer { return &s.layers[len(s.EncoderHidden)+1] }

// slices yields the member's slices of a layer that are not empty, with their ranges
// of its own units.
func (s *network) slices(l *layer) iter.Seq2[int, collective.Range] {
	return func(yield func(int, collective.Range) bool) {
		own := s.team.Slices()
		for slice := own.First; slice < own.Last; slice++ {
			units := l.split.Slice(slice)
			units.First -= l.own.First
			units.Last -= l.own.First
			if units.Len() > 0 && !yield(slice, units) {
				return
			}
		}
	}
}
