package ui

import (
	"fmt"

	"sae/wasm/protocol"
	"sae/web/state"
)

// Slow explains what training on a batch did.
type Slow struct {
	Page  *state.Page
	Stage *stage
}

// paces are the speeds of training to choose from.
var paces = []struct {
	perSecond   float64
	label, help string
}{
	{0, "Full speed", "Trains as fast as the machine can; only single steps are explained."},
	{4, "4/s", "Trains on four batches a second and explains each."},
	{1, "1/s", "Trains on one batch a second and explains each."},
	{0.25, "1 in 4 s", "Trains on one batch in four seconds and explains each."},
}

func (c *Slow) steppable() bool { return (&Bar{Page: c.Page}).steppable() }

func (c *Slow) explained() bool {
	return c.Page.Slow.Explained != nil && !c.Page.Slow.Explained.TooLarge
}

func (c *Slow) empty() string {
	if c.Page.Slow.Explained != nil && c.Page.Slow.Explained.TooLarge {
		return "This network is too large to be explained: that takes two more copies of its weights. Choose smaller hidden layers."
	}
	return "Train on the next batch, or train at a slower speed, to see the forward pass, the loss, the gradients and the update."
}

func (c *Slow) layers() []protocol.LayerStep {
	if !c.explained() {
		return nil
	}
	return c.Page.Slow.Explained.Layers
}

func (c *Slow) kind(layer protocol.LayerStep) string {
	return fmt.Sprintf("%s · %s", plural(layer.Units, "unit"), layer.Activation)
}

// moved is how far a layer moved, by its own length.
func moved(layer protocol.LayerStep) float64 {
	if layer.Weights == 0 {
		return 0
	}
	return layer.Update / layer.Weights
}

// most reports whether a layer is the one that moved farthest by its own length.
func (c *Slow) most(layer protocol.LayerStep) bool {
	largest, _ := c.Page.Slow.Explained.Most(moved)
	return layer.Name == largest.Name
}

func (c *Slow) version(layer int) string {
	return fmt.Sprint(c.Page.Slow.Explained.Version, " ", layer)
}

func (c *Slow) activations(layer int) func(*theme) []byte {
	activations, _ := c.Page.Slow.Explained.Layer(layer)
	return func(t *theme) []byte { return cells(activations, t) }
}

func (c *Slow) updates(layer int) func(*theme) []byte {
	_, updates := c.Page.Slow.Explained.Layer(layer)
	return func(t *theme) []byte { return cells(updates, t) }
}

func (c *Slow) share(layer protocol.LayerStep) string { return fmt.Sprintf("%.0f %%", 100*layer.Share) }

func (c *Slow) number(value float64) string { return fmt.Sprintf("%.2g", value) }

func (c *Slow) update(layer protocol.LayerStep) string {
	return fmt.Sprintf("%.2g (%.2g %%)", layer.Update, 100*moved(layer))
}

type phase struct{ title, text string }

// phases tells in words what happened.
func (c *Slow) phases() []phase {
	if !c.explained() {
		return nil
	}
	e := c.Page.Slow.Explained
	largest, smallest := e.Most(func(l protocol.LayerStep) float64 { return l.Gradient })
	farthest, _ := e.Most(moved)
	loss := fmt.Sprintf("The reconstructions differ from the pictures by a binary cross-entropy of %.4f", e.Before.BCE)
	if e.Before.L1 > 0 {
		loss += fmt.Sprintf("; λ times the activations adds %.4f", e.Before.L1)
	}
	loss += fmt.Sprintf(". The loss is %.4f. No reconstruction gets below the entropy of the pictures themselves: %.4f for those to validate on.", e.Before.Total(), c.Page.Dataset.Floor)
	change := e.After.Total() - e.Before.Total()
	verb := "fell"
	if change > 0 {
		verb = "rose"
	}
	return []phase{
		{"1 Forward", fmt.Sprintf("Epoch %d, batch %d: %s go through the encoder. In the mean %.1f of %d latent units are active for one; the decoder makes 3,072 numbers of them.",
			e.Epoch, e.Batch, plural(e.Images, "picture"), e.Active, c.Page.Settings.Latent)},
		{"2 Loss", loss},
		{"3 Backward", fmt.Sprintf("The gradient says how the loss changes with every weight. It is longest in %s (%.2g) and shortest in %s (%.2g).",
			largest.Name, largest.Gradient, smallest.Name, smallest.Gradient)},
		{"4 Update", fmt.Sprintf("Adam takes a step of at most about %.2g for each weight against the gradient's running mean. By its own length %s moves farthest. On the same batch the loss %s by %.2g to %.4f.",
			e.Rate, farthest.Name, verb, max(change, -change), e.After.Total())},
	}
}
