// Package ui holds the vugu components of the page. They show a [state.Page] and
// call its methods. Their only state is handles on the DOM.
//
// vugu v0.4.0 sets the DOM of a part again on every render of it, which shapes the
// templates. What must survive a render (canvases, charts, live regions) goes into
// an element without vugu children and is filled by a vg-js-create handler. What
// can be focused or clicked has at least one dynamic attribute; otherwise vugu
// would replace it with new HTML.
package ui

//go:generate ../../tools/generate

import (
	"sae/wasm/protocol"
	"sae/web/state"
)

// Root is the whole page: its [Part]s, and what they share. Its fields are set before
// the first call of Parts; the functions may be nil.
type Root struct {
	Page        *state.Page
	Address     string // of the page, without a query
	PickFile    func() // lets the user choose a file with data
	PickFolder  func() // lets the user choose a folder of pictures
	PickImages  func() // lets the user choose many pictures, or an archive of them
	PickModel   func() // lets the user choose a file with a model
	PickPicture func() // lets the user choose a picture
	OpenCamera  func() // lets the user take a picture
	OpenBurst   func() // lets the user add pictures of the camera to a class
	ToggleTheme func() // changes between light and dark
	// Do changes the page's state and renders the result.
	Do func(change func())
	// Quietly changes the page's state and renders the result a little later.
	Quietly func(change func())
	// Save downloads a file, a Blob, under a name.
	Save func(file any, name string)
	// SaveText downloads text under a name.
	SaveText func(text, name string)
	// Copy copies text to the clipboard; done may be called later.
	Copy func(text string, done state.Done)

	stage stage
}

// Begin is called before a part is rendered, with its ID.
func (c *Root) Begin(part string) { c.stage.begin(part) }

// Leave is called when a part is no longer shown.
func (c *Root) Leave(part string) { c.stage.leave(part) }

// Draw draws the canvases and charts that have changed. It is called when the DOM is
// complete, so that the browser computes the layout once.
func (c *Root) Draw() {
	c.stage.change, c.stage.quietly = c.Do, c.Quietly
	c.stage.save, c.stage.saveText = c.Save, c.SaveText
	c.stage.copied = func(what string, err error) { c.stage.do(func() { c.Page.Messages.Copied(what, err) }) }
	c.stage.unsaved = func(what string, err error) {
		c.stage.do(func() {
			c.Page.Messages.Say(what + " could not be saved as a picture: " + err.Error() + ". Save it as CSV instead.")
		})
	}
	// Charts come after the first pictures.
	c.stage.charts = len(c.Page.Timeline.Samples.Images) > 0 || c.Page.Status == protocol.StatusError
	c.stage.draw()
}

// Drawing reports whether charts are still to be drawn in frames of their own.
func (c *Root) Drawing() bool { return len(c.stage.frames) > 0 }

// Print draws every canvas and chart at once, also what is not in view. Redraw and Draw go
// back to what the screen needs.
func (c *Root) Print() { c.stage.print() }

// Redraw has the next Draw draw every canvas and chart again, after a change of the theme.
func (c *Root) Redraw() { c.stage.forget() }

// Answered draws the decoder's answer to the explorer without a render.
func (c *Root) Answered() {
	if c.stage.answer != nil {
		c.stage.answer()
	}
}

// call calls a function that may be nil.
func call(f func()) {
	if f != nil {
		f()
	}
}
