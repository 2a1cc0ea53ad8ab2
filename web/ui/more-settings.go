package ui

import (
	"slices"

	"github.com/vugu/vugu/js"

	"sae/nn/experiment"
	"sae/web/state"
)

// MoreSettings is the form of the settings that the bar has no room for.
type MoreSettings struct {
	Page *state.Page

	opened bool
}

// fields returns the settings that the bar does not show.
func (c *MoreSettings) fields() []experiment.Field {
	return slices.DeleteFunc(slices.Clone(experiment.Table), func(field experiment.Field) bool {
		if c.Page.Locked(field.Name) {
			return true
		}
		return c.Page.Embed == nil && field.Name == "experiment" || field.Notches != nil
	})
}

func (c *MoreSettings) close() { c.Page.ShowSettings(false) }

// open shows the form to a user who opened it further down the page.
func (c *MoreSettings) open(section js.Value) {
	if c.Page.MoreSettings && !c.opened {
		reveal(section)
	}
	c.opened = c.Page.MoreSettings
}
