package ui

import "sae/web/state"

// EmbedBar is the header in a frame of another page.
type EmbedBar struct{ Page *state.Page }

func (c *EmbedBar) bar() *Bar   { return &Bar{Page: c.Page} }
func (c *EmbedBar) loss() *Loss { return &Loss{Page: c.Page} }

// more reports whether the form has any field.
func (c *EmbedBar) more() bool { return len(c.Page.Form.Fields()) > 0 }

// knobs reports whether any setting is not locked.
func (c *EmbedBar) knobs() bool {
	return c.more() || !c.Page.Embed.Locked(c.Page.Sparsity()) || !c.Page.Embed.Locked("latent")
}
