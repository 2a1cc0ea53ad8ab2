// Package ui holds the vugu components of the page. They show a [state.Page] and
// call its methods. Their only state is handles on the DOM.
//
// vugu v0.4.0 sets the whole DOM again on every render, which shapes the
// templates. What must survive a render (canvases, charts, live regions) goes into
// an element without vugu children and is filled by a vg-js-create handler. What
// can be focused or clicked has at least one dynamic attribute; otherwise vugu
// would replace it with new HTML.
package ui

//go:generate ../../tools/generate

import (
	"fmt"
	"time"

	"github.com/vugu/vugu/js"

	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/web/state"
)

// Root is the whole page, in the body's #app. Its fields are set before the first
// render; functions may be nil.
type Root struct {
	Page        *state.Page
	Address     string // of the page, without a query
	PickFile    func() // lets the user choose a file with data
	PickModel   func() // lets the user choose a file with a model
	PickPicture func() // lets the user choose a picture
	OpenCamera  func() // lets the user take a picture
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
	Copy func(text string, done func(error))

	stage stage
}

// AfterRender draws the canvases and charts whose content has changed. The main
// loop calls it after each render, when the DOM is complete, so that the browser
// lays out the page once.
func (c *Root) AfterRender() {
	c.stage.change, c.stage.quietly = c.Do, c.Quietly
	c.stage.save, c.stage.saveText = c.Save, c.SaveText
	c.stage.copied = func(what string, err error) { c.stage.do(func() { c.Page.Copied(what, err) }) }
	c.stage.unsaved = func(what string, err error) {
		c.stage.do(func() { c.Page.Say(what + " could not be saved as a picture: " + err.Error() + ".") })
	}
	c.stage.draw()
}

// Redraw makes the next render redraw every canvas and chart, after a change of
// theme.
func (c *Root) Redraw() { c.stage.forget() }

func (c *Root) toast() string {
	if c.Page.Toast == nil {
		return ""
	}
	return c.Page.Toast.Text
}

func (c *Root) undoable() bool { return c.Page.Toast != nil && c.Page.Toast.Undo != nil }

// offer describes the run that can be resumed.
func (c *Root) offer() (offer struct{ title, text string }) {
	if len(c.Page.Offers) == 0 {
		return offer
	}
	save := c.Page.Offers[0]
	offer.title = fmt.Sprintf("Your run stopped at epoch %s of %s.", count(save.Epoch+1), count(save.Settings.Epochs))
	offer.text = fmt.Sprintf("%d %s on %s, %s.", save.Settings.Experiment, experiment.Names[save.Settings.Experiment], save.Data.Name, ago(time.Since(time.UnixMilli(save.Time))))
	if save.Queue != nil && len(save.Queue.Runs) > 0 {
		offer.text += fmt.Sprintf(" The rest of its series follows: %s.", plural(len(save.Queue.Runs), "run"))
	}
	if c.Page.Kernel != save.Kernel && save.Kernel != fit.Mixed {
		offer.text += fmt.Sprintf(" It was trained with other kernels (%s), so losses will differ in their last digits.", save.Kernel)
	}
	return offer
}

// ago describes roughly how long ago something was.
func ago(since time.Duration) string {
	switch minutes := int(since.Minutes()); {
	case minutes < 1:
		return "just now"
	case minutes < 60:
		return plural(minutes, "minute") + " ago"
	case minutes < 24*60:
		return plural(minutes/60, "hour") + " ago"
	default:
		return plural(minutes/60/24, "day") + " ago"
	}
}

// Answered draws the explorer's decoded picture without a render.
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

// ignore is for commands whose errors the page shows anyway.
func ignore(error) {}

// announceStatus tells screen readers the page's status.
func (c *Root) announceStatus(region js.Value) { announce(region, statusText(c.Page)) }

// announceNotice tells screen readers about the notice.
func (c *Root) announceNotice(region js.Value) {
	text := ""
	if notice := c.Page.Notice; notice != nil {
		text = notice.Title + ". " + notice.Text
	}
	announce(region, text)
}
