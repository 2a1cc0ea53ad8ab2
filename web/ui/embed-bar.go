package ui

import (
	"fmt"

	"sae/nn/experiment"
	"sae/web/state"
)

// EmbedBar is the header in a frame of another page.
type EmbedBar struct{ Page *state.Page }

func (c *EmbedBar) bar() *Bar   { return &Bar{Page: c.Page} }
func (c *EmbedBar) loss() *Loss { return &Loss{Page: c.Page} }

// more reports whether the form shows a setting that is not locked.
func (c *EmbedBar) more() bool { return len(c.Page.FormFields()) > 0 }

// knobs reports whether any setting is not locked.
func (c *EmbedBar) knobs() bool {
	return c.more() || !c.Page.Locked("lambda") || !c.Page.Locked("latent")
}

// embedded describes the frame's experiment in one line.
func (c *Root) embedded() string {
	s := c.Page.Settings
	text := fmt.Sprintf("Experiment %d, %s, ", s.Experiment, experiment.Names[s.Experiment])
	if s.Lambda > 0 {
		text += "λ " + experiment.FormatLambda(s.Lambda) + ", "
	}
	return text + plural(s.Latent, "latent unit")
}

// fullPage is the address of the full page with the same settings. It is that of the
// folder: some hosts redirect index.html there and lose the settings on the way.
func (c *Root) fullPage() string { return "./" + c.Page.Link.Query(false) }
