package ui

import "sae/web/state"

// Notice is a message that stays until the user dismisses it.
type Notice struct{ Page *state.Page }

func (c *Notice) title() string {
	if c.Page.Messages.Notice == nil {
		return ""
	}
	return c.Page.Messages.Notice.Title
}

func (c *Notice) text() string {
	if c.Page.Messages.Notice == nil {
		return ""
	}
	return c.Page.Messages.Notice.Text
}
