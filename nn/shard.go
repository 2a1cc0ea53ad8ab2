package nn

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"sae/nn/kernel"
)

// shard is what one member of a team holds of an autoencoder in training: some
// of the units of each layer. It does the computing; alone in its team it has
// all units.
type shard struct {
	Architecture
	team  Team
	adam  Adam
	batch int // images at most
	steps int // done

	// Kernels and biases of the own units, layer by layer, and Adam's moments.
	parameters, moments1, moments2 []float32

	yield  func() error
	layers []shardLayer

	input  []float32 // [batch, InputDims]
	target []float32 // of the own units of the output, [batch, width]

	gradient []float32   // of some rows of a kernel, or of a bias
	terms    [][]float32 // of sums of gradients, one for each level of the tree
	message  []float32   // to another member or from it
	partial  [][]float32 // what each member adds to the gradient of the own units
}

// shardLayer is a member's part of a layer.
type shardLayer struct {
	in, out     int  // width of the layer's input, and of the whole layer
	whole       bool // whether every member has all units
	first, last int  // own units
	start, own0 int  // where the layer starts in the whole arrays and in the own

	own      []float32 // activations of the own units, [batch, width]; the logits of the output
	all      []float32 // activations of all units, [batch, out]; nil for the output
	gradient []float32 // of the loss by the sums of the own units, [batch, width]
}

func (l *shardLayer) width() int { return l.last - l.first }

// of returns the layer's part of one of the shard's arrays: [in+1, width], the
// bias after the kernel.
func (l *shardLayer) of(array []float32) []float32 {
	return array[l.own0:][:(l.in+1)*l.width()]
}

// wholeSize is the number of weights up to which every member computes all of a
// hidden layer: that takes less time than to exchange the parts. Only a test
// changes it.
var wholeSize = 1 << 16

// units returns the units that a member owns, up to and without the last.
func (l *shardLayer) units(team Team, rank int) (first, last int) {
	if l.whole {
		return 0, l.out
	}
	return team.units(rank, l.out)
}

// updateRows is for how many rows of a kernel the gradient is computed before
// Adam uses it up: enough for an efficient product, few enough that they stay
// in the cache.
const updateRows = 132

// newShard returns a member's shard, all zero.
func newShard(architecture Architecture, adam Adam, batch int, team Team) *shard {
	s := &shard{
		Architecture: architecture,
		team:         team,
		adam:         adam,
		batch:        max(batch, evaluationBatch),
		yield:        noYield,
	}
	widths := architecture.Layers()
	n, start, widest := 0, 0, 0
	for i, in := range widths[:len(widths)-1] {
		layer := shardLayer{in: in, out: widths[i+1], start: start, own0: n}
		isOutput := i == len(widths)-2
		layer.whole = team.Size == 1 || !isOutput && in*layer.out <= wholeSize
		layer.first, layer.last = layer.units(team, team.Rank)
		layer.own = make([]float32, s.batch*layer.width())
		switch {
		case isOutput:
			layer.gradient = layer.own // takes the place of the logits
		case layer.whole:
			layer.all = layer.own
		default:
			layer.all = make([]float32, s.batch*layer.out)
		}
		if layer.gradient == nil {
			layer.gradient = make([]float32, s.batch*layer.width())
			widest = max(widest, layer.out)
		}
		start += (in + 1) * layer.out
		n += (in + 1) * layer.width()
		s.layers = append(s.layers, layer)
		s.gradient = grow(s.gradient, max(len(s.gradient), min(in, updateRows)*layer.width()))
	}
	s.input = make([]float32, s.batch*architecture.InputDims)
	s.target = s.input
	for terms := Slices; terms > 1; terms /= 2 {
		s.terms = append(s.terms, make([]float32, s.batch*widest))
	}
	if team.Size > 1 {
		s.target = make([]float32, len(s.output().own))
		s.message = make([]float32, s.batch*widest)
		s.partial = make([][]float32, team.Size)
		for rank := range s.partial {
			s.partial[rank] = make([]float32, s.batch*widest)
		}
		s.adopt([][]float32{make([]float32, n), make([]float32, n), make([]float32, n)})
	}
	return s
}

// adopt makes the arrays the shard's.
func (s *shard) adopt(arrays [][]float32) {
	s.parameters, s.moments1, s.moments2 = arrays[0], arrays[1], arrays[2]
}

func (s *shard) output() *shardLayer { return &s.layers[len(s.layers)-1] }

// kernel and bias return the parameters of the layer's own units: [in, width]
// and [width].
func (s *shard) kernel(l *shardLayer) blas32.General {
	return general(l.of(s.parameters), l.in, l.width())
}

func (s *shard) bias(l *shardLayer) []float32 { return l.of(s.parameters)[l.in*l.width():] }

// load takes a batch of images.
func (s *shard) load(images []byte) {
	kernel.FromBytes(s.input[:len(images)], images)
	if s.team.Size > 1 {
		output := s.output()
		for i := range len(images) / s.InputDims {
			copy(s.target[i*output.width():(i+1)*output.width()], s.input[i*s.InputDims+output.first:])
		}
	}
}

// forward computes the activations of the n images that are loaded; those of
// the output are left at x·kernel, the logits less their bias.
func (s *shard) forward(n int) error {
	x := s.input
	for i := range s.layers {
		l := &s.layers[i]
		own := l.own[:n*l.width()]
		if err := gemm(blas.NoTrans, blas.NoTrans, general(x, n, l.in), s.kernel(l), general(own, n, l.width()), s.yield); err != nil {
			return err
		}
		if l == s.output() {
			break
		}
		if s.activation(i) == Linear {
			addBias(own, s.bias(l))
		} else {
			kernel.BiasReLU(own, s.bias(l))
		}
		if err := s.share(l, n); err != nil {
			return err
		}
		x = l.all
	}
	return nil
}

// share exchanges the activations of a layer for n images.
func (s *shard) share(l *shardLayer, n int) error {
	if l.whole {
		return nil
	}
	own := l.own[:n*l.width()]
	for rank := range s.team.others {
		s.team.Send(rank, bytesOf(own))
	}
	l.place(own, s.team, s.team.Rank)
	for rank := range s.team.others {
		first, last := l.units(s.team, rank)
		part := s.message[:n*(last-first)]
		if err := s.team.Receive(rank, bytesOf(part)); err != nil {
			return err
		}
		l.place(part, s.team, rank)
	}
	return nil
}

// place copies the activations of a member's units to their places.
func (l *shardLayer) place(part []float32, team Team, rank int) {
	first, last := l.units(team, rank)
	width := last - first
	for i := 0; i*width < len(part); i++ {
		copy(l.all[i*l.out+first:][:width], part[i*width:])
	}
}

// step trains on the n images that are loaded. The first member gets the sums
// of the cross-entropies over all units.
func (s *shard) step(n int) (result sums, err error) {
	if err := s.forward(n); err != nil {
		return result, err
	}
	if err := s.loss(&result, n, 1/float32(n*s.InputDims)); err != nil {
		return result, err
	}
	s.report(result)
	s.steps++
	rate := float32(s.adam.rate(s.steps))
	latent := len(s.EncoderHidden)
	for i := len(s.layers) - 1; i >= 0; i-- {
		l := &s.layers[i]
		if i == 0 {
			return result, s.update(l, s.input, n, rate)
		}
		below := &s.layers[i-1]
		// The gradients that others wait for come first, and the exchange goes
		// on behind the update.
		if err := s.sendGradients(l, below, n); err != nil {
			return result, err
		}
		if err := s.update(l, below.all, n, rate); err != nil {
			return result, err
		}
		if l == s.output() {
			// They came before the gradients, so this waits for nothing more.
			if result, err = s.totals(result); err != nil {
				return result, err
			}
		}
		if err := s.receiveGradients(l, below, n); err != nil {
			return result, err
		}
		gradient, activation := below.gradient[:n*below.width()], below.own[:n*below.width()]
		if i-1 == latent {
			scale := float32(s.Lambda / float64(n))
			if s.Latent == Linear {
				signGradient(gradient, activation, scale)
				continue
			}
			kernel.L1Gradient(gradient, activation, scale)
		}
		kernel.ReLUGradient(gradient, activation)
	}
	panic("unreachable")
}

// signGradient adds the gradient of an L1 penalty on activations of any sign:
// scale times their sign.
func signGradient(gradient, activation []float32, scale float32) {
	if scale == 0 {
		return
	}
	for i, a := range activation {
		switch {
		case a > 0:
			gradient[i] += scale
		case a < 0:
			gradient[i] -= scale
		}
	}
}

// lossCost is what the loss of one output costs, in multiply-adds: an
// exponential and a logarithm.
const lossCost = 64

// loss adds up the cross-entropies of the own outputs for n images, and replaces
// the logits by scale times their gradient. Each slice has a sum of its own.
func (s *shard) loss(result *sums, n int, scale float32) error {
	output := s.output()
	width, bias := output.width(), s.bias(output)
	rows := max(1, Stride/(lossCost*max(1, width)))
	for i := range n {
		if i%rows == 0 {
			if err := s.yield(); err != nil {
				return err
			}
		}
		for slice := range output.slices(s.team) {
			result.bce[slice.number] += kernel.SigmoidBCE(
				output.own[i*width+slice.first:i*width+slice.last],
				bias[slice.first:slice.last],
				s.target[i*width+slice.first:i*width+slice.last], scale)
		}
	}
	return nil
}

// ownSlice is a slice of a layer's units that a member owns: those from first
// to last of its own.
type ownSlice struct{ number, first, last int }

// slices yields the own slices of a layer that is not whole.
func (l *shardLayer) slices(team Team) func(yield func(ownSlice) bool) {
	return func(yield func(ownSlice) bool) {
		from, to := team.slices(team.Rank)
		for number := from; number < to; number++ {
			slice := ownSlice{number, sliceStart(number, l.out) - l.first, sliceStart(number+1, l.out) - l.first}
			if slice.first < slice.last && !yield(slice) {
				return
			}
		}
	}
}

// sendGradients computes what the own units of a layer add to the gradient by
// the activations of the layer below, and sends it to their owners. The own
// part goes to below.gradient or, where others add to it, to s.partial.
func (s *shard) sendGradients(l, below *shardLayer, n int) error {
	if l.whole {
		return s.sumSlices(l, below.gradient[:n*below.width()], n, below.first, below.last, 0, Slices, s.terms)
	}
	from, to := s.team.slices(s.team.Rank)
	own := s.partial[s.team.Rank][:n*below.width()]
	if below.whole {
		if err := s.sumSlices(l, own, n, 0, below.out, from, to, s.terms); err != nil {
			return err
		}
		for rank := range s.team.others {
			s.team.Send(rank, bytesOf(own))
		}
		return nil
	}
	for rank := range s.team.others {
		first, last := below.units(s.team, rank)
		part := s.message[:n*(last-first)]
		if err := s.sumSlices(l, part, n, first, last, from, to, s.terms); err != nil {
			return err
		}
		s.team.Send(rank, bytesOf(part))
	}
	return s.sumSlices(l, own, n, below.first, below.last, from, to, s.terms)
}

// sumSlices stores in dst, [n, last−first], what some slices of a layer's
// units, own ones, add to the gradient by its inputs from first to last. It
// sums first the halves of the slices and then both: (0+1)+(2+3) and so on. A
// team continues the sum in receiveGradients, in the order in which one worker
// would.
func (s *shard) sumSlices(l *shardLayer, dst []float32, n, first, last, from, to int, terms [][]float32) error {
	if to-from > 1 {
		middle := (from + to) / 2
		if err := s.sumSlices(l, dst, n, first, last, from, middle, terms[1:]); err != nil {
			return err
		}
		term := terms[0][:len(dst)]
		if err := s.sumSlices(l, term, n, first, last, middle, to, terms[1:]); err != nil {
			return err
		}
		add(dst, term)
		return nil
	}
	unit, end := sliceStart(from, l.out)-l.first, sliceStart(to, l.out)-l.first
	if unit == end {
		clear(dst)
		return nil
	}
	units := func(x blas32.General, row int) blas32.General {
		x.Data = x.Data[row*x.Stride+unit:]
		x.Cols = end - unit
		return x
	}
	gradient := units(general(l.gradient, n, l.width()), 0)
	kernel := units(s.kernel(l), first)
	kernel.Rows = last - first
	return gemm(blas.NoTrans, blas.Trans, gradient, kernel, general(dst, n, last-first), s.yield)
}

// receiveGradients completes below.gradient by what the others' units of the
// layer add.
func (s *shard) receiveGradients(l, below *shardLayer, n int) error {
	if l.whole {
		return nil
	}
	values := n * below.width()
	for rank := range s.team.others {
		if err := s.team.Receive(rank, bytesOf(s.partial[rank][:values])); err != nil {
			return err
		}
	}
	for distance := 1; distance < s.team.Size; distance *= 2 {
		for rank := 0; rank < s.team.Size; rank += 2 * distance {
			add(s.partial[rank][:values], s.partial[rank+distance][:values])
		}
	}
	copy(below.gradient, s.partial[0][:values])
	return nil
}

// add adds x to dst.
func add(dst, x []float32) {
	if len(dst) > 0 {
		blas32.Axpy(1, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(dst), Inc: 1, Data: dst})
	}
}

// update changes the parameters of a layer by its gradient for n images, with
// x its input, some rows of the kernel at a time.
func (s *shard) update(l *shardLayer, x []float32, n int, rate float32) error {
	width := l.width()
	if width == 0 {
		return nil
	}
	gradient := general(l.gradient, n, width)
	input := general(x, n, l.in)
	parameters, moments1, moments2 := l.of(s.parameters), l.of(s.moments1), l.of(s.moments2)
	adam := func(first int, gradient []float32) {
		last := first + len(gradient)
		kernel.Adam(parameters[first:last], gradient, moments1[first:last], moments2[first:last],
			rate, float32(s.adam.Beta1), float32(s.adam.Beta2), float32(s.adam.Epsilon))
	}
	for first := 0; first < l.in; first += updateRows {
		rows := min(updateRows, l.in-first)
		part := general(s.gradient, rows, width)
		if err := gemm(blas.Trans, blas.NoTrans, rowsOf(input, blas.Trans, first, rows), gradient, part, s.yield); err != nil {
			return err
		}
		adam(first*width, part.Data)
	}
	bias := s.gradient[:width]
	kernel.ColumnSums(bias, gradient.Data)
	adam(l.in*width, bias)
	return nil
}

func absoluteSum(values []float32) (total float64) {
	for _, value := range values {
		total += math.Abs(float64(value))
	}
	return total
}

// evaluate compares the reconstructions of the n images that are loaded with
// them. The first member gets the sums over all units of the cross-entropies
// and of the squared errors.
func (s *shard) evaluate(n int) (result sums, err error) {
	if err := s.forward(n); err != nil {
		return result, err
	}
	// At scale 1 the gradient is the reconstruction's error.
	if err := s.loss(&result, n, 1); err != nil {
		return result, err
	}
	output := s.output()
	for slice := range output.slices(s.team) {
		for i := range n {
			for _, x := range output.own[i*output.width()+slice.first : i*output.width()+slice.last] {
				result.squares[slice.number] += float64(x) * float64(x)
			}
		}
	}
	s.report(result)
	return s.totals(result)
}

// reconstruct runs the n images that are loaded through the autoencoder.
func (s *shard) reconstruct(n int) error {
	if err := s.forward(n); err != nil {
		return err
	}
	output := s.output()
	kernel.BiasSigmoid(output.own[:n*output.width()], s.bias(output))
	return nil
}
