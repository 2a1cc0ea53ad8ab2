package ui

import "sae/web/state"

// PanelHead is the title of a panel, with a button that closes it.
type PanelHead struct {
	Page  *state.Page
	Panel state.Panel
	Title string
}

// id is what the panel is labelled by.
func (c *PanelHead) id() string { return string(c.Panel) + "-title" }
