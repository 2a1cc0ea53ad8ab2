package webgpu

import (
	"fmt"
	"math"

	"sae/nn"
)

// Limits are those of a device that plans depend on.
type Limits struct {
	Workgroup int // bytes of a workgroup's memory
	Buffer    int // bytes of a buffer
}

// Minimal are the limits that every device has.
var Minimal = Limits{Workgroup: 16 << 10, Buffer: 128 << 20}

// Buffers of the device. Activations h and gradients g of the hidden layers lie in two, so
// that no dispatch reads and writes one: h of even and g of odd layers in even, the others
// in odd. With AuxK, the latent layer's h is followed by the activations of its dead units,
// and the last layer's g by their gradient: see sparse.go.
const (
	parameters = "w"          // kernel and bias of each layer
	moments    = "mv"         // Adam's m, then v, as in w
	even       = "even"       // of h and g
	odd        = "odd"        // of h and g
	output     = "g"          // gradients of the last layer, then the parts of the loss, then centre
	parts      = "parts"      // of sums
	images     = "data"       // training images, then validation images: bytes, or numbers
	order      = "order"      // numbers of the images of each batch
	losses     = "losses"     // of each step: sums of the loss of the values, |codes|, squared errors
	codes      = "codes"      // of an evaluation
	active     = "lastActive" // with AuxK: step in which each latent unit was active last
)

// A Kernel is a dispatch of a step.
type Kernel struct {
	Name    string
	Code    string
	Reads   []string // buffers, by binding
	Writes  []string // buffers, by the bindings after those
	Threads int      // of a workgroup
	Grid    [2]int   // workgroups along x and y; z is Parts
	Parts   int
}

// maxSteps is the most steps whose losses and parameters the device holds. Only a test
// changes it.
var maxSteps = 4096

// orders is the most images of these steps.
const orders = 1 << 20

// A Plan is how a device trains a network.
type Plan struct {
	Train    []Kernel       // dispatches of a step
	Evaluate []Kernel       // dispatches of the evaluation of a batch
	Bytes    map[string]int // of each buffer
	Steps    int            // most steps at a time

	network
}

// network is the network and the batch of a plan, in the device's units.
type network struct {
	nn.Architecture
	adam    nn.Adam
	limits  Limits
	numbers bool  // whether images are numbers, not bytes
	rows    int   // images of a batch, padded to whole tiles
	widths  []int // of the layers, from the input on, padded, in vec4f
	kernels []int // where the kernel of each dense layer, from 1 on, begins in w, in vec4f
	biases  []int // where its bias does
	total   int   // of w, in vec4f
	h, g    []int // where those of each hidden layer begin

	// In vec4f, if the network has them:
	found    int // in the latent layer's h: whether there are dead units
	parallel int // after the latent layer's g: of each unit, its direction times that one's gradient
	centre   int // in output: the last layer's bias before the update
	room     int // that parts of sums take
}

// Unfit is why a device cannot train a network, for people.
type Unfit string

func (u Unfit) Error() string { return string(u) }

// NewPlan returns the plan for batches of at most batch images, of numbers of training and
// validation images, which are bytes or, with numbers, float32. An error is an Unfit.
func NewPlan(a nn.Architecture, adam nn.Adam, batch, training, validation int, numbers bool, limits Limits) (*Plan, error) {
	if most := limits.Workgroup/4 - 4; a.K > 0 && a.LatentDims > most { // see sparse.go
		return nil, Unfit(fmt.Sprintf("TopK of more than %d units trains on the processor only", most))
	}
	n := network{Architecture: a, adam: adam, limits: limits, numbers: numbers, rows: 32 * ceil(batch, 32)}
	if batch > 32 {
		n.rows = 64 * ceil(batch, 64)
	}
	var size [2]int
	place := func(which, width int) int {
		at := size[which]
		size[which] += n.rows * width
		return at
	}
	all := a.Widths()
	for l, width := range all {
		n.widths = append(n.widths, ceil(width, 4))
		h, g := 0, 0
		if l > 0 && l < len(all)-1 {
			h, g = place(l%2, n.widths[l]), place((l+1)%2, n.widths[l])
		}
		if l == n.latent() {
			if a.Aux > 0 {
				place(l%2, n.widths[l])
				n.found = size[l%2]
				size[l%2]++
			}
			n.parallel = size[(l+1)%2]
			size[(l+1)%2] += n.widths[l]
		}
		n.h, n.g = append(n.h, h), append(n.g, g)
		kernel, bias := n.total, n.total
		if l > 0 {
			bias += 4 * n.widths[l-1] * n.widths[l]
			n.total = bias + n.widths[l]
		}
		n.kernels, n.biases = append(n.kernels, kernel), append(n.biases, bias)
	}
	last := n.rows * n.widths[n.last()]
	if a.Aux > 0 {
		last *= 2
	}
	n.centre = last + n.lossParts()
	p := &Plan{}
	p.Steps = max(1, min(maxSteps, orders/n.rows))
	batches := ceil(validation, n.rows)
	p.Bytes = map[string]int{
		parameters: 16 * n.total,
		moments:    32 * n.total,
		even:       16 * max(1, size[0]),
		odd:        16 * max(1, size[1]),
		output:     16 * (n.centre + n.widths[n.last()]),
		images:     4 * n.widths[0] * (training + validation),
		order:      4 * n.rows * (p.Steps + 1), // a short batch reads beyond its end
		losses:     16 * p.Steps,
		codes:      16 * n.rows * n.widths[n.latent()] * batches,
		active:     16 * n.widths[n.latent()],
	}
	if numbers {
		p.Bytes[images] *= 4
	}
	p.Train, p.Evaluate = n.step()
	p.network, p.Bytes[parts] = n, 16*max(1, n.room)
	for _, part := range []struct {
		what    string
		buffers []string
	}{
		{"the data set", []string{images}},
		{"the network", []string{moments}},
		{"a batch", []string{even, odd, output, parts, order}},
		{"the codes", []string{codes}},
	} {
		for _, buffer := range part.buffers {
			if bytes := p.Bytes[buffer]; bytes > limits.Buffer {
				return nil, Unfit(fmt.Sprintf("%s takes %d MB, and this graphics card has room for %d MB at a time", part.what, ceil(bytes, 1<<20), limits.Buffer>>20))
			}
		}
	}
	return p, nil
}

func (n *network) last() int   { return len(n.widths) - 1 }
func (n *network) latent() int { return len(n.EncoderHidden) + 1 }

// parity is the name of the buffer of the activations of a layer. Its gradients lie in the
// other one.
func parity(layer int) string { return [...]string{even, odd}[layer%2] }

// inner returns the first and last of the layers around the latent one that one dispatch
// computes, forward, and another, backward: as many as every workgroup can afford to read
// the kernels of. ok is false if there are none, as with TopK and directions of unit norm,
// which do more with the latent layer.
func (n *network) inner() (first, last int, ok bool) {
	good := func(first, last int) bool {
		weights := 0
		for l := first - 1; l <= last; l++ {
			if 4*n.widths[l] > 1024 {
				return false
			}
			if l >= first {
				weights += 16 * n.widths[l-1] * n.widths[l]
			}
		}
		return first >= 2 && last < n.last() && weights <= 160<<10 && n.innerImages(first, last) > 0
	}
	first, last = max(2, n.latent()), min(n.last()-1, n.latent()+1)
	if n.K > 0 || n.Unit || first > last || !good(first, last) {
		return 0, 0, false
	}
	for grown := true; grown; {
		grown = false
		if good(first-1, last) {
			first, grown = first-1, true
		}
		if good(first, last+1) {
			last, grown = last+1, true
		}
	}
	return first, last, true
}

// innerThreads is the number of threads of a workgroup of the inner layers.
const innerThreads = 256

// innerImages returns the number of images of each workgroup of the inner layers: 4, 2 or
// 1, or 0 if its memory is too small.
func (n *network) innerImages(first, last int) int {
	widest := 0
	for _, width := range n.widths[first-1 : last+1] {
		widest = max(widest, width)
	}
	for images := 4; images > 0; images /= 2 {
		if 16*images*(2*widest+innerThreads) <= n.limits.Workgroup {
			return images
		}
	}
	return 0
}

// tileOf returns the tile for a product with that many columns.
func (n *network) tileOf(columns int) tile {
	switch {
	case columns <= 16 && n.rows%64 == 0:
		return tile{64, 16, 32}
	case columns <= 16:
		return tile{32, 16, 32}
	case columns < 64:
		return tile{32, 32, 32}
	case n.rows%64 != 0:
		return tile{32, 64, 16}
	}
	return tile{64, 64, 16}
}

// split returns into how many parts, of how many terms, a sum is split so that some 200
// workgroups compute the product.
func split(t tile, rows, columns, depth int) (parts, terms int) {
	tiles := rows / t.rows * ceil(columns, t.columns)
	parts = max(1, min(256/tiles, depth/(4*t.depth), 16))
	terms = ceil(ceil(depth, parts), t.depth) * t.depth
	return ceil(depth, terms), terms
}

// lossParts is the number of workgroups of the last layer, each of which adds up its part
// of the loss.
func (n *network) lossParts() int {
	columns := 4 * n.widths[n.last()]
	t := n.tileOf(columns)
	return n.rows / t.rows * ceil(columns, t.columns)
}

// A Step is the parameters of a step, as its kernels read them.
type Step struct {
	First  int     // of its images in order
	N      int     // number of its images
	Slot   int     // in losses
	Rate   float32 // of Adam, with its bias correction
	Scale  float32 // of the gradient of the loss: 1 / (n·values), twice that for the squared error
	L1     float32 // of the gradient of the penalty: λ / n
	Code   int     // of its first image in codes, in vec4f
	Number int     // from 1; 0 in an evaluation
}

// stepBytes is the distance between the parameters of steps, which every device can bind.
const stepBytes = 256

func (s Step) words() [8]uint32 {
	return [8]uint32{uint32(s.First), uint32(s.N), uint32(s.Slot), math.Float32bits(s.Rate), math.Float32bits(s.Scale), math.Float32bits(s.L1), uint32(s.Code), uint32(s.Number)}
}

// pad copies parameters, in the order of nn.Autoencoder.Params, to where they lie on the
// device; unpad copies them back.
func (n *network) pad(padded, params []float32) {
	n.eachRow(padded, params, func(wide, row []float32) { copy(wide, row) })
}

func (n *network) unpad(params, padded []float32) {
	n.eachRow(padded, params, func(wide, row []float32) { copy(row, wide) })
}

func (n *network) eachRow(padded, params []float32, move func(wide, row []float32)) {
	all := n.Widths()
	for l := 1; l < len(all); l++ {
		wide := 4 * n.widths[l]
		for row := range all[l-1] + 1 {
			at := 4*n.kernels[l] + row*wide
			if row == all[l-1] {
				at = 4 * n.biases[l]
			}
			move(padded[at:at+wide], params[:all[l]])
			params = params[all[l]:]
		}
	}
}
