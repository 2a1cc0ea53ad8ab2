package ui

import (
	"strconv"

	"github.com/vugu/vugu"

	"sae/nn/experiment"
	"sae/web/state"
)

// Setting is a field of the form, with the control for its kind.
type Setting struct {
	Page  *state.Page
	Field experiment.Field
}

func (c *Setting) id() string { return "setting-" + c.Field.Name }

func (c *Setting) helpID() string { return c.id() + "-help" }

// text returns what the control shows: the setting, or an invalid text that the
// user typed.
func (c *Setting) text() string {
	if draft, ok := c.Page.Form.Draft[c.Field.Name]; ok {
		return draft
	}
	return c.Field.Format(c.Page.Settings)
}

// toggled, chosen and written report which control the field has.

func (c *Setting) toggled() bool { return c.Field.Kind == experiment.Toggle }
func (c *Setting) chosen() bool  { return c.Field.Kind == experiment.Choice }
func (c *Setting) written() bool { return !c.toggled() && !c.chosen() }

// keyboard returns the keyboard that a phone should show.
func (c *Setting) keyboard() string {
	if c.Field.Kind == experiment.Integer {
		return "numeric"
	}
	return "text"
}

func (c *Setting) refused() bool {
	_, refused := c.Page.Form.Errors[c.Field.Name]
	return refused
}

func (c *Setting) invalid() string { return strconv.FormatBool(c.refused()) }

// help explains the setting, or why its value was refused.
func (c *Setting) help() string {
	if reason, refused := c.Page.Form.Errors[c.Field.Name]; refused {
		return reason
	}
	return c.Field.Help
}

func (c *Setting) write(event vugu.DOMEvent) {
	c.Page.Form.Type(c.Field.Name, event.PropString("target", "value"))
}

func (c *Setting) commit(event vugu.DOMEvent) {
	c.Page.Form.Edit(c.Field.Name, event.PropString("target", "value"))
}

func (c *Setting) toggle(event vugu.DOMEvent) {
	c.Page.Form.Edit(c.Field.Name, strconv.FormatBool(event.PropBool("target", "checked")))
}
