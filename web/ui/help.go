package ui

import (
	"github.com/vugu/vugu/js"

	"sae/web/state"
)

// Help lists the keys.
type Help struct {
	Page *state.Page

	opened bool
}

func (c *Help) close() { c.Page.Help = false }

// open shows the list to a user further down the page.
func (c *Help) open(section js.Value) {
	if c.Page.Help && !c.opened {
		reveal(section)
	}
	c.opened = c.Page.Help
}
