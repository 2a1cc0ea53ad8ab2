package ui

import (
	"slices"

	"github.com/vugu/vugu/js"

	"sae/nn/experiment"
	"sae/web/state"
)

// MoreSettings is the form for the settings that are not in the bar.
type MoreSettings struct {
	Page *state.Page

	opened bool
}

// fields returns the settings that are not in the bar.
func (c *MoreSettings) fields() []experiment.Field {
	return slices.DeleteFunc(slices.Clone(experiment.Table), func(field experiment.Field) bool {
		if c.Page.Locked(field.Name) {
			return true
		}
		return c.Page.Embed == nil && field.Name == "experiment" || field.Notches != nil
	})
}

func (c *MoreSettings) close() { c.Page.ShowSettings(false) }

// open scrolls the form into view.
func (c *MoreSettings) open(section js.Value) {
	if c.Page.MoreSettings && !c.opened {
		reveal(section)
	}
	c.opened = c.Page.MoreSettings
}
