package ui

import (
	"fmt"
	"strings"

	"sae/web/state"
)

// Intro says what the page is; and in every view, while an earlier moment of the run is
// shown, which one, with the way back to now.
type Intro struct{ Page *state.Page }

func (c *Intro) past() bool { return c.Page.Timeline.Past >= 0 }

func (c *Intro) shown() bool { return c.past() || c.Page.View == state.ViewTrain }

func (c *Intro) text() string {
	if s := c.Page.Settings; !c.past() && s.Patch != 0 {
		return fmt.Sprintf("Watch a small neural network learn, here in your browser, to describe patches of %d×%d pixels by %s, most of which are 0, and to draw pictures again from %d patches.", s.Patch, s.Patch, plural(s.Latent, "number"), s.PerImage())
	}
	if !c.past() {
		return fmt.Sprintf("Watch a small neural network learn, here in your browser, to squeeze a picture into %s and to draw it again from them.", plural(c.Page.Settings.Latent, "number"))
	}
	moment := epochText(c.Page.Timeline.Epoch)
	switch c.Page.View {
	case state.ViewExplore:
		return moment + " is shown in Train and Features. Explore works with the model as it is now."
	case state.ViewCompare:
		return moment + " is shown in Train and Features. Compare shows whole runs."
	}
	text := moment + " of this run"
	if c.Page.Timeline.Epoch == 0 {
		text = "This run before training"
	}
	if c.Page.View == state.ViewFeatures && c.Page.Features.Unit >= 0 {
		text += ". What activates the open unit, its nearest units, its cost, its largest activation and its bias are those of now."
	}
	return text
}

// epochText names a moment of a run: "Epoch 7", "Epoch 7.5".
func epochText(epoch float64) string {
	return "Epoch " + strings.TrimSuffix(fmt.Sprintf("%.1f", epoch), ".0")
}
