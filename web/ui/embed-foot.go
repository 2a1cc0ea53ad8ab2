package ui

import (
	"fmt"

	"sae/nn/experiment"
	"sae/web/state"
)

// EmbedFoot tells what a frame trains, and leads to the whole page.
type EmbedFoot struct{ Page *state.Page }

// embedded describes in a line what a frame trains.
func (c *EmbedFoot) embedded() string {
	s := c.Page.Settings
	text := fmt.Sprintf("Experiment %d, %s, ", s.Experiment, experiment.Names[s.Experiment])
	if s.Lambda > 0 {
		text += "λ " + experiment.FormatLambda(s.Lambda) + ", "
	}
	return text + plural(s.Latent, "latent unit")
}

// fullPage is the address of the full page with the same settings. It is that of the
// folder: some hosts redirect index.html there and lose the settings on the way.
func (c *EmbedFoot) fullPage() string { return "./" + c.Page.Link.Query(false) }
