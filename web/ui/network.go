package ui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vugu/vugu/js"

	"sae/data"
	"sae/nn"
	"sae/nn/experiment"
	"sae/web/state"
)

// Network is a picture of the network: how the selected picture passes through its
// layers, and, phase by phase, what training on a batch does to them.
type Network struct {
	Page  *state.Page
	Stage *stage

	due string // version and phase of the step whose next phase is waited for

	// The layers are worked out again only when what they are of is another.
	of    layersOf
	drawn []layer
}

// layersOf is what the layers that are drawn depend on.
type layersOf struct {
	settings experiment.Settings
	version  int // of the step that is explained; 0 for none
	phase    state.Phase
}

// paces are the training speeds to choose from.
var paces = []struct {
	perSecond   float64
	label, help string
}{
	{0, "Full speed", "Train at full speed, and explain only single steps"},
	{4, "4/s", "Train on four batches a second, and explain each: too fast to play the phases"},
	{1, "1/s", "Train on one batch a second, and play the phases of each"},
	{0.25, "1 in 4 s", "Train on one batch in four seconds, and play the phases of each"},
}

// phases are those of a step, in the order of [state.Phase].
var phases = []struct{ name, label, help string }{
	{"forward", "1 Forward", "The batch passes through the layers; lit are the units that it activates"},
	{"loss", "2 Loss", "The reconstructions are compared with the pictures"},
	{"backward", "3 Backward", "The gradient of the loss passes back through the layers"},
	{"update", "4 Update", "Adam changes the weights; lit are the units that move"},
}

func (c *Network) bar() *Bar   { return &Bar{Page: c.Page} }
func (c *Network) code() *Code { return &Code{Page: c.Page, Stage: c.Stage} }

// rows says how many pictures or patches the network read.
func (c *Network) rows(n int) string {
	if c.Page.Settings.Patch != 0 {
		return count(n) + " patches"
	}
	return plural(n, "picture")
}

// title says whose way through the network is shown.
func (c *Network) title() string {
	if name := c.Page.Pictures.ClassName(c.Page.Pictures.Selected); name != "" {
		return "The network and the " + name
	}
	return "The network"
}

func (c *Network) explained() bool { return c.Page.Slow.Current() != nil }

// phase names the phase that is shown; nil for none.
func (c *Network) phase() any {
	if !c.explained() {
		return nil
	}
	return phases[c.Page.Slow.Phase].name
}

func (c *Network) pressed(phase int) string {
	return strconv.FormatBool(c.explained() && int(c.Page.Slow.Phase) == phase)
}

func (c *Network) show(phase int) { c.Page.Slow.Show(state.Phase(phase)) }

// play waits for the time of the phase that is shown, and shows the next one.
func (c *Network) play(js.Value) {
	c.Stage.afterRender(func() {
		slow := &c.Page.Slow
		step := slow.Current()
		if step == nil || !slow.Playing {
			return
		}
		version, phase := step.Version, slow.Phase
		if due := fmt.Sprint(version, " ", phase); due != c.due {
			c.due = due
			time.AfterFunc(slow.PhaseTime(), func() { c.Stage.do(func() { slow.Next(version, phase) }) })
		}
	})
}

// quantity names the numbers below the layers.
func (c *Network) quantity() string {
	if !c.explained() {
		return "in"
	}
	switch c.Page.Slow.Phase {
	case state.PhaseForward:
		return "active:"
	case state.PhaseBackward:
		return "gradient:"
	case state.PhaseUpdate:
		return "moved:"
	}
	return "in"
}

// layer is a layer of the network as it is drawn.
type layer struct {
	units      int
	wires      string // the path of the lines from the layer before
	text, help string
	label      string // accessible name of its units' picture
	version    string
	lit        []float32 // what lights its units up, [units]; nil where that is not known
}

// layers returns all layers but the input.
func (c *Network) layers() []layer {
	p := c.Page
	of := layersOf{settings: p.Settings}
	if step := p.Slow.Current(); step != nil {
		of.version, of.phase = step.Version, p.Slow.Phase
	}
	if c.drawn != nil && of == c.of {
		return c.drawn
	}
	network := p.Settings.Architecture(data.ImageSize)
	var layers []layer
	add := func(text string, widths ...int) {
		for _, units := range widths {
			layers = append(layers, layer{units: units, text: text})
		}
	}
	add("hidden", network.EncoderHidden...)
	add("", network.LatentDims)
	add("hidden", network.DecoderHidden...)
	add("out", network.InputDims)
	before := network.InputDims
	for i := range layers {
		l := &layers[i]
		l.wires = wires(before, l.units)
		l.help = plural(l.units, "unit")
		l.label = l.help + ", whose activations a step shows"
		l.version = fmt.Sprint(l.units)
		before = l.units
		if step := p.Slow.Current(); step != nil {
			l.explain(step.Step.Layers[i], p.Slow.Phase)
			l.version = fmt.Sprint(l.units, " ", step.Version, " ", p.Slow.Phase)
		}
	}
	if step := p.Slow.Current(); step != nil {
		if out := &layers[len(layers)-1]; p.Slow.Phase == state.PhaseLoss {
			out.text = "loss " + lossText(p.Settings, step.Step.Before.Total())
		}
	}
	c.of, c.drawn = of, layers
	return layers
}

// explain shows what a phase of a step did to the layer.
func (l *layer) explain(step nn.LayerStep, phase state.Phase) {
	l.help = fmt.Sprintf("%s, %s: %s. %.0f %% of the activations on the batch are not zero. Norm of the gradient %.2g, of the update %.2g.",
		step.Name, step.Activation, plural(l.units, "unit"), 100*step.Share, step.Gradient, step.Update)
	switch phase {
	case state.PhaseForward:
		l.text, l.lit = fmt.Sprintf("%.0f %%", 100*step.Share), step.Activations
		l.label = "Mean activation of the units of " + step.Name + " on the batch"
	case state.PhaseLoss:
		l.lit, l.label = step.Activations, "Mean activation of the units of "+step.Name+" on the batch"
	case state.PhaseBackward:
		l.text = fmt.Sprintf("%.2g", step.Gradient)
		l.label = fmt.Sprintf("Gradient of %s: %.2g", step.Name, step.Gradient)
	case state.PhaseUpdate:
		l.text, l.lit = fmt.Sprintf("%.2g %%", 100*moved(step)), step.Updates
		l.label = "How far the units of " + step.Name + " moved"
	}
}

// hidden is where the latent layer is among the layers.
func (c *Network) hidden() int {
	return len(c.Page.Settings.Architecture(data.ImageSize).EncoderHidden)
}

func (c *Network) encoder() []layer { return c.layers()[:c.hidden()] }

func (c *Network) latent() layer { return c.layers()[c.hidden()] }

func (c *Network) decoder() []layer {
	layers := c.layers()
	return layers[c.hidden()+1 : len(layers)-1]
}

func (c *Network) output() layer {
	layers := c.layers()
	return layers[len(layers)-1]
}

// numbers is the width of the input and the output.
func (c *Network) numbers() string {
	return count(c.Page.Settings.Architecture(data.ImageSize).InputDims)
}

// inputHelp says what the network reads.
func (c *Network) inputHelp() string {
	if s := c.Page.Settings; s.Patch != 0 {
		return fmt.Sprintf("The network reads one patch of %d×%d pixels at a time, three colours each: %s numbers", s.Patch, s.Patch, c.numbers())
	}
	return "A picture of 32×32 pixels, three colours each: 3,072 numbers"
}

// The picture of a layer is as high as its width in units says, on a logarithmic scale
// that ends with the input, and at most so wide.
const (
	layerHeight = 96
	layerWidth  = 64
)

// height returns the height of a layer's picture in pixels.
func height(units int) int {
	return max(8, min(layerHeight, int(layerHeight*math.Log(float64(units)+1)/math.Log(data.ImageSize+1))))
}

// grid returns how the units of a layer are laid out: columns and rows of squares of a
// size in pixels.
func grid(units int) (columns, rows, size int) {
	for size = 8; ; size-- {
		rows = max(1, height(units)/size)
		columns = (units + rows - 1) / rows
		if columns*size <= layerWidth || size == 1 {
			return columns, (units + columns - 1) / columns, size
		}
	}
}

// across is the width of the layer's picture in pixels.
func (l layer) across() int {
	columns, _, size := grid(l.units)
	return columns * size
}

// pixels draws the units as squares, lit by the theme's sequential map from zero to the
// largest; those that are zero, or not known, are plain.
func (l layer) pixels(t *theme) []byte {
	columns, rows, size := grid(l.units)
	across := columns * size
	var largest float32
	for _, value := range l.lit {
		largest = max(largest, value)
	}
	pixels := make([]byte, 4*across*rows*size)
	for unit := range l.units {
		color := t.plain
		if unit < len(l.lit) && l.lit[unit] > 0 {
			color = t.activation(l.lit[unit] / largest)
		}
		left, top, side := unit%columns*size, unit/columns*size, size
		if size > 2 {
			side-- // a gap between squares
		}
		for y := top; y < top+side; y++ {
			for x := left; x < left+side; x++ {
				copy(pixels[4*(y*across+x):], []byte{color[0], color[1], color[2], 255})
			}
		}
	}
	return pixels
}

// wires returns the path of a fan of lines between two layers of the given widths, in a
// square of 100 by 100 that is as high as the largest layer.
func wires(from, to int) string {
	const lines = 5
	at := func(units, line int) float64 {
		share := 100 * float64(height(units)) / layerHeight
		return 50 + share*(float64(line)/(lines-1)-0.5)*0.9
	}
	var path strings.Builder
	for a := range lines {
		for b := range lines {
			fmt.Fprintf(&path, "M0 %.1fL100 %.1f", at(from, a), at(to, b))
		}
	}
	return path.String()
}

// moved returns how far a layer moved, relative to its own norm.
func moved(layer nn.LayerStep) float64 {
	if layer.Weights == 0 {
		return 0
	}
	return layer.Update / layer.Weights
}

// text describes the phase that is shown, or says what there is to see.
func (c *Network) text() string {
	e := c.Page.Slow.Current()
	if e == nil {
		if e := c.Page.Slow.Explained; e != nil && e.Step == nil {
			return "This network is too large to explain a step: that needs two more copies of its weights. Choose smaller hidden layers."
		}
		return "Next batch trains on one batch and plays the four phases of that step on the network. A slower speed does so for every batch."
	}
	step := e.Step
	switch c.Page.Slow.Phase {
	case state.PhaseForward:
		return fmt.Sprintf("Epoch %d, batch %d: %s pass through the encoder. On average, %.1f of %d latent units are active on a picture. The decoder turns them into %s numbers.",
			e.Epoch, e.Batch, c.rows(step.Images), step.Active, c.Page.Settings.Latent, c.numbers())
	case state.PhaseLoss:
		if c.Page.Loss.MSE() {
			return fmt.Sprintf("The reconstructions differ from the pictures by a mean squared error of %.5f. The loss is %.5f.", step.Before.MSE, step.Before.Total())
		}
		loss := fmt.Sprintf("The reconstructions differ from the pictures by a binary cross-entropy of %.4f", step.Before.BCE)
		if step.Before.L1 > 0 {
			loss += fmt.Sprintf("; λ times the activations adds %.4f", step.Before.L1)
		}
		return loss + fmt.Sprintf(". The loss is %.4f. No reconstruction gets below the entropy of the pictures themselves, %.4f for the validation pictures.", step.Before.Total(), c.Page.Dataset.Floor)
	case state.PhaseBackward:
		largest, smallest := e.Most(func(l nn.LayerStep) float64 { return l.Gradient })
		return fmt.Sprintf("The gradient says how the loss changes with every weight. Its norm is largest in %s (%.2g) and smallest in %s (%.2g).",
			largest.Name, largest.Gradient, smallest.Name, smallest.Gradient)
	}
	farthest, _ := e.Most(moved)
	change := step.After.Total() - step.Before.Total()
	verb := "fell"
	if change > 0 {
		verb = "rose"
	}
	return fmt.Sprintf("Adam takes a step of at most about %.2g for each weight against the gradient's running mean. By its own length %s moves farthest. On the same batch the loss %s by %.2g to %.4f.",
		step.Rate, farthest.Name, verb, max(change, -change), step.After.Total())
}
