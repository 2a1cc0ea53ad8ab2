package ui

import "sae/web/state"

// PanelHead is the title of a panel, with a button that closes it.
type PanelHead struct {
	Page  *state.Page
	Panel state.Panel
	Title string
}

// id is the ID of the title, which labels the panel.
func (c *PanelHead) id() string { return string(c.Panel) + "-title" }
