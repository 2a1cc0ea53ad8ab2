package ui

import (
	"github.com/vugu/vugu/js"

	"sae/web/state"
)

// MoreSettings is the form for the settings that are not in the bar.
type MoreSettings struct {
	Page *state.Page

	opened bool
}

func (c *MoreSettings) close() { c.Page.Form.Show(false) }

// kernel says what trains.
func (c *MoreSettings) kernel() string { return (&Bar{Page: c.Page}).kernel() }

// open scrolls the form into view.
func (c *MoreSettings) open(section js.Value) {
	if c.Page.Form.Open && !c.opened {
		reveal(section)
	}
	c.opened = c.Page.Form.Open
}
