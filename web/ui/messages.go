package ui

import (
	"fmt"
	"time"

	"github.com/vugu/vugu/js"

	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/web/state"
)

// Messages shows the toast and the offer, and announces messages to screen readers.
type Messages struct {
	Page  *state.Page
	Stage *stage
}

func (c *Messages) toast() string {
	if c.Page.Messages.Toast == nil {
		return ""
	}
	return c.Page.Messages.Toast.Text
}

func (c *Messages) undoable() bool {
	return c.Page.Messages.Toast != nil && c.Page.Messages.Toast.Undo != nil
}

// offer describes the run that can be resumed.
func (c *Messages) offer() (offer struct{ title, text string }) {
	if len(c.Page.Saves.Offers) == 0 {
		return offer
	}
	save := c.Page.Saves.Offers[0]
	offer.title = fmt.Sprintf("Your run stopped at epoch %s of %s.", count(save.Epoch+1), count(save.Settings.Epochs))
	offer.text = fmt.Sprintf("%d %s on %s, %s.", save.Settings.Experiment, experiment.Names[save.Settings.Experiment], save.Data.Name, ago(time.Since(time.UnixMilli(save.Time))))
	if save.Queue != nil && len(save.Queue.Runs) > 0 {
		offer.text += fmt.Sprintf(" The rest of its series follows: %s.", plural(len(save.Queue.Runs), "run"))
	}
	if c.Page.Worker.Kernel != save.Kernel && save.Kernel != fit.Mixed {
		offer.text += fmt.Sprintf(" It was trained with other kernels (%s), so losses will differ in their last digits.", save.Kernel)
	}
	return offer
}

// announceStatus tells screen readers the status.
func (c *Messages) announceStatus(region js.Value) {
	c.Stage.afterRender(func() { announce(region, statusText(c.Page)) })
}

// announceNotice tells screen readers the notice.
func (c *Messages) announceNotice(region js.Value) {
	c.Stage.afterRender(func() {
		text := ""
		if notice := c.Page.Messages.Notice; notice != nil {
			text = notice.Title + ". " + notice.Text
		}
		announce(region, text)
	})
}
