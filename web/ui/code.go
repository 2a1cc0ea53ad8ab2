package ui

import (
	"encoding/json"
	"fmt"
	"slices"

	"sae/web/chart"
	"sae/web/state"
)

// Code shows the selected picture, its code and its reconstruction.
type Code struct {
	Page  *state.Page
	Stage *stage
}

func (c *Code) code() []float32 { return c.Page.Timeline.Samples.Code(c.Page.Pictures.Selected) }

func (c *Code) title() string {
	if name := c.Page.Pictures.ClassName(c.Page.Pictures.Selected); name != "" {
		return "Code of the " + name
	}
	return "Code"
}

func (c *Code) original() string {
	return "The original, " + article(c.Page.Pictures.ClassName(c.Page.Pictures.Selected))
}

func (c *Code) active() string {
	code := c.code()
	if code == nil {
		return ""
	}
	active := 0
	for _, activation := range code {
		if activation != 0 {
			active++
		}
	}
	text := fmt.Sprintf("%s of %s active", count(active), plural(len(code), "unit"))
	if s := c.Page.Settings; s.Patch != 0 {
		text += fmt.Sprintf(" on its %d patches", s.PerImage())
	}
	return text
}

func (c *Code) deadUnits() int {
	latest, _ := c.Page.Timeline.Evaluation()
	return latest.Dead
}

// marked reports whether there are dead units, which crosses mark.
func (c *Code) marked() bool { return c.code() != nil && c.deadUnits() > 0 }

// dead explains the crosses, or before training what to do here: there may be no pictures to
// select above it.
func (c *Code) dead() string {
	switch {
	case c.code() == nil:
		return ""
	case c.marked():
		return plural(c.deadUnits(), "unit") + " dead: active on no validation picture"
	case !c.Page.Trained():
		if !c.Page.Embed.Shows("recon") {
			return "not trained yet"
		}
		return "select a picture above to see its code"
	}
	return "no unit is dead"
}

func (c *Code) label() string { return "Activations of the latent units: " + c.active() }

func (c *Code) rebuilt() string {
	return fmt.Sprintf("rebuilt from %s", count(c.Page.Settings.Latent))
}

func (c *Code) version() string {
	return fmt.Sprint(c.Page.Timeline.Samples.Version, " ", c.Page.Pictures.Selected, " ", c.Page.Timeline.Units.Version)
}

func (c *Code) originalPixels(*theme) []byte {
	return rgba(c.Page.Timeline.Samples.Original(c.Page.Pictures.Selected))
}

func (c *Code) reconstructionPixels(*theme) []byte {
	return rgba(c.Page.Timeline.Samples.Reconstruction(c.Page.Pictures.Selected))
}

func (c *Code) option(theme chart.Theme) json.RawMessage {
	code := c.code()
	dead := c.Page.Timeline.Units.Dead()
	if len(dead) != len(code) {
		dead = nil // statistics of an earlier run
	}
	for unit := range dead {
		// The statistics are those of the last evaluation, the code is newer.
		dead[unit] = dead[unit] && code[unit] == 0
	}
	largest := 0.0
	if codes := c.Page.Timeline.Samples.Codes; len(codes) > 0 {
		largest = float64(max(slices.Max(codes), -slices.Min(codes)))
	}
	if code == nil {
		code = make([]float32, c.Page.Settings.Latent)
	}
	return chart.Code(theme, code, largest, dead)
}
