package ui

import (
	"github.com/vugu/vugu/js"

	"sae/web/state"
)

// Help lists the keyboard shortcuts.
type Help struct {
	Page *state.Page

	opened bool
}

func (c *Help) close() { c.Page.Help = false }

// open scrolls the list into view.
func (c *Help) open(section js.Value) {
	if c.Page.Help && !c.opened {
		reveal(section)
	}
	c.opened = c.Page.Help
}
