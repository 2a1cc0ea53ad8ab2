package ui

import (
	"encoding/json"
	"fmt"

	"sae/web/chart"
	"sae/web/state"
)

// Latent shows statistics of the latent units over all validation images.
type Latent struct {
	Page  *state.Page
	Stage *stage
}

func (c *Latent) lead() string {
	units := plural(c.Page.Settings.Latent, "unit")
	if c.Page.Dataset.Validation == 0 {
		return "How the " + units + " of the latent layer respond to the validation pictures."
	}
	return fmt.Sprintf("How the %s of the latent layer respond to the %s validation pictures.", units, count(c.Page.Dataset.Validation))
}

// known reports whether there are statistics.
func (c *Latent) known() bool { return len(c.Page.Timeline.Units.Mean) > 0 }

func (c *Latent) active() string {
	latest, ok := c.Page.Timeline.Evaluation()
	if !ok {
		return none
	}
	return fmt.Sprintf("%.1f of %s", latest.Active, count(c.Page.Settings.Latent))
}

func (c *Latent) dead() string {
	latest, ok := c.Page.Timeline.Evaluation()
	if !ok {
		return none
	}
	return plural(latest.Dead, "unit")
}

func (c *Latent) zero() string {
	if !c.known() {
		return none
	}
	return fmt.Sprintf("%.1f %%", 100*c.Page.Timeline.Units.Histogram.Zero)
}

func (c *Latent) histogramLabel() string {
	return fmt.Sprintf("Distribution of the positive activations, up to %.2f; %s are zero", c.Page.Timeline.Units.Histogram.Max, c.zero())
}

func (c *Latent) version() string { return fmt.Sprint(c.Page.Timeline.Units.Version) }

// values returns statistics of the units, or zeros while they are unknown, so that
// the axes are there from the start.
func (c *Latent) values(statistics []float32) []float32 {
	if !c.known() {
		return make([]float32, c.Page.Settings.Latent)
	}
	return statistics
}

func (c *Latent) mean(theme chart.Theme) json.RawMessage {
	return chart.MeanActivation(theme, c.values(c.Page.Timeline.Units.Mean))
}

func (c *Latent) activity(theme chart.Theme) json.RawMessage {
	return chart.Activity(theme, c.values(c.Page.Timeline.Units.Activity), c.Page.Timeline.Units.Dead())
}

// density is the chart of the densities now, or at the moment that is shown, and before
// training.
func (c *Latent) density(theme chart.Theme) json.RawMessage {
	t := c.Page.Timeline
	var before []float32
	if len(t.Moments) > 1 {
		before = t.Moments[0].Units.Activity
	}
	return chart.Density(theme, t.Units.Activity, before, t.Units.Images)
}

func (c *Latent) histogram(theme chart.Theme) json.RawMessage {
	return chart.Histogram(theme, c.Page.Timeline.Units.Histogram)
}
