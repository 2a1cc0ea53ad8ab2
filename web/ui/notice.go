package ui

import "sae/web/state"

// Notice is what the page has to say until it is dismissed.
type Notice struct{ Page *state.Page }

func (c *Notice) title() string {
	if c.Page.Notice == nil {
		return ""
	}
	return c.Page.Notice.Title
}

func (c *Notice) text() string {
	if c.Page.Notice == nil {
		return ""
	}
	return c.Page.Notice.Text
}
