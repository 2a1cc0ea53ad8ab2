package ui

import "sae/web/state"

// Notice is a message that stays until the user dismisses it.
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
