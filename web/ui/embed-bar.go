package ui

import (
	"fmt"

	"sae/nn/experiment"
	"sae/web/state"
)

// EmbedBar is the header of a page in a frame.
type EmbedBar struct{ Page *state.Page }

func (c *EmbedBar) bar() *Bar   { return &Bar{Page: c.Page} }
func (c *EmbedBar) loss() *Loss { return &Loss{Page: c.Page} }

// more reports whether the form has a setting that the reader can change.
func (c *EmbedBar) more() bool { return len((&MoreSettings{Page: c.Page}).fields()) > 0 }

// knobs reports whether there is anything that the reader can change.
func (c *EmbedBar) knobs() bool {
	return c.more() || !c.Page.Locked("lambda") || !c.Page.Locked("latent")
}

// embedded describes in a line what a frame trains.
func (c *Root) embedded() string {
	s := c.Page.Settings
	text := fmt.Sprintf("Experiment %d, %s, ", s.Experiment, experiment.Names[s.Experiment])
	if s.Lambda > 0 {
		text += "λ " + experiment.FormatLambda(s.Lambda) + ", "
	}
	return text + plural(s.Latent, "latent unit")
}

// laboratory is the address of the whole page with the same settings.
func (c *Root) laboratory() string { return "index.html" + c.Page.Link.Query(false) }
