package ui

import (
	"fmt"

	"sae/nn/experiment"
	"sae/web/state"
)

// EmbedFoot says what a frame trains, and links to the full page.
type EmbedFoot struct{ Page *state.Page }

// embedded describes the experiment in a line.
func (c *EmbedFoot) embedded() string {
	s := c.Page.Settings
	text := fmt.Sprintf("Experiment %d, %s, ", s.Experiment, experiment.Names[s.Experiment])
	if s.Lambda > 0 {
		text += "λ " + experiment.FormatLambda(s.Lambda) + ", "
	}
	if s.K > 0 {
		return text + fmt.Sprintf("%d of %s active", s.K, plural(s.Latent, "latent unit"))
	}
	return text + plural(s.Latent, "latent unit")
}

// fullPage returns the address of the full page with the same settings. It is that of the
// folder, because some hosts redirect index.html there and lose the settings.
func (c *EmbedFoot) fullPage() string { return "./" + c.Page.Link.Query(false) }
