package ui

import (
	"fmt"

	"sae/web/state"
)

// Share gives links to what is set.
type Share struct {
	Page    *state.Page
	Address string // of the page, without a query
	Copy    func(text string, done func(error))
}

func (c *Share) link() string { return c.Address + c.Page.Query(true) }

func (c *Share) copyLink() { c.copy(c.link(), "The link is in the clipboard.") }

// copy puts text into the clipboard and says so.
func (c *Share) copy(text, done string) {
	if c.Copy == nil {
		return
	}
	c.Copy(text, func(err error) {
		if err != nil {
			done = "It could not be copied: " + err.Error() + ". Select the text and copy it yourself."
		}
		c.Page.Say(done)
	})
}

// fingerprint writes that of the run so far.
func (c *Share) fingerprint() string {
	f, ok := c.Page.FingerprintAt(len(c.Page.History))
	if !ok {
		return "a fingerprint of the losses comes with the first epoch"
	}
	return fmt.Sprintf("fingerprint %08x after epoch %d", f.Sum, f.Epoch)
}

func (c *Share) reproduced() string {
	if text := c.Page.Reproduced(); text != "" {
		return text
	}
	return "The link carries the fingerprint: whoever opens it sees whether the run was the same, bit for bit."
}
