package ui

import (
	"fmt"
	"slices"

	"sae/data"
	"sae/nn"
	"sae/web/state"
)

// Slow explains the training step of a batch.
type Slow struct {
	Page  *state.Page
	Stage *stage
}

// paces are the training speeds to choose from.
var paces = []struct {
	perSecond   float64
	label, help string
}{
	{0, "Full speed", "Train at full speed, and explain only single steps"},
	{4, "4/s", "Train on four batches a second, and explain each"},
	{1, "1/s", "Train on one batch a second, and explain each"},
	{0.25, "1 in 4 s", "Train on one batch in four seconds, and explain each"},
}

func (c *Slow) steppable() bool { return (&Bar{Page: c.Page}).steppable() }

func (c *Slow) explained() bool {
	return c.Page.Slow.Explained != nil && c.Page.Slow.Explained.Step != nil
}

func (c *Slow) empty() string {
	if c.Page.Slow.Explained != nil && c.Page.Slow.Explained.Step == nil {
		return "This network is too large to explain: that needs two more copies of its weights. Choose smaller hidden layers."
	}
	return "Train on the next batch, or train at a slower speed, to see the forward pass, the loss, the gradients and the update."
}

func (c *Slow) layers() []nn.LayerStep {
	if !c.explained() {
		return nil
	}
	return c.Page.Slow.Explained.Step.Layers
}

func (c *Slow) kind(layer nn.LayerStep) string {
	return fmt.Sprintf("%s · %s", plural(len(layer.Updates), "unit"), layer.Activation)
}

// moved returns how far a layer moved, relative to its own norm.
func moved(layer nn.LayerStep) float64 {
	if layer.Weights == 0 {
		return 0
	}
	return layer.Update / layer.Weights
}

// most reports whether the layer moved farthest, relative to its own norm.
func (c *Slow) most(layer nn.LayerStep) bool {
	largest, _ := c.Page.Slow.Explained.Most(moved)
	return layer.Name == largest.Name
}

func (c *Slow) version(layer int) string {
	return fmt.Sprint(c.Page.Slow.Explained.Version, " ", layer)
}

func (c *Slow) activations(layer int) func(*theme) []byte {
	activations := c.Page.Slow.Explained.Step.Layers[layer].Activations
	return func(t *theme) []byte { return cells(activations, t) }
}

func (c *Slow) updates(layer int) func(*theme) []byte {
	updates := c.Page.Slow.Explained.Step.Layers[layer].Updates
	return func(t *theme) []byte { return cells(updates, t) }
}

func (c *Slow) share(layer nn.LayerStep) string { return fmt.Sprintf("%.0f %%", 100*layer.Share) }

func (c *Slow) number(value float64) string { return fmt.Sprintf("%.2g", value) }

func (c *Slow) update(layer nn.LayerStep) string {
	return fmt.Sprintf("%.2g (%.2g %%)", layer.Update, 100*moved(layer))
}

type phase struct{ title, text string }

// phases describes the step in words.
func (c *Slow) phases() []phase {
	if !c.explained() {
		return nil
	}
	e := c.Page.Slow.Explained
	step := e.Step
	largest, smallest := e.Most(func(l nn.LayerStep) float64 { return l.Gradient })
	farthest, _ := e.Most(moved)
	loss := fmt.Sprintf("The reconstructions differ from the pictures by a binary cross-entropy of %.4f", step.Before.BCE)
	if step.Before.L1 > 0 {
		loss += fmt.Sprintf("; λ times the activations adds %.4f", step.Before.L1)
	}
	loss += fmt.Sprintf(". The loss is %.4f. No reconstruction gets below the entropy of the pictures themselves, %.4f for the validation pictures.", step.Before.Total(), c.Page.Dataset.Floor)
	change := step.After.Total() - step.Before.Total()
	verb := "fell"
	if change > 0 {
		verb = "rose"
	}
	return []phase{
		{"1 Forward", fmt.Sprintf("Epoch %d, batch %d: %s pass through the encoder. On average, %.1f of %d latent units are active on a picture. The decoder turns them into 3,072 numbers.",
			e.Epoch, e.Batch, plural(step.Images, "picture"), step.Active, c.Page.Settings.Latent)},
		{"2 Loss", loss},
		{"3 Backward", fmt.Sprintf("The gradient says how the loss changes with every weight. Its norm is largest in %s (%.2g) and smallest in %s (%.2g).",
			largest.Name, largest.Gradient, smallest.Name, smallest.Gradient)},
		{"4 Update", fmt.Sprintf("Adam takes a step of at most about %.2g for each weight against the gradient's running mean. By its own length %s moves farthest. On the same batch the loss %s by %.2g to %.4f.",
			step.Rate, farthest.Name, verb, max(change, -change), step.After.Total())},
	}
}

// encoder and decoder write the widths of the layers before and after the latent one.
func (c *Slow) encoder() string {
	architecture := c.Page.Settings.Architecture(data.ImageSize)
	text := ""
	for _, width := range append([]int{architecture.InputDims}, architecture.EncoderHidden...) {
		text += count(width) + " → "
	}
	return text
}

func (c *Slow) decoder() string {
	architecture := c.Page.Settings.Architecture(data.ImageSize)
	text := ""
	for _, width := range append(slices.Clone(architecture.DecoderHidden), architecture.InputDims) {
		text += " → " + count(width)
	}
	return text
}
