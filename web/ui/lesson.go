package ui

import (
	"fmt"

	"github.com/vugu/vugu/js"

	"sae/web/lesson"
	"sae/web/state"
)

// Lesson is the lesson next to the demo.
type Lesson struct {
	Page *state.Page

	opened bool
}

func (c *Lesson) loading() bool { return c.Page.Status == state.StatusLoading }

func (c *Lesson) step() lesson.Step {
	step, _ := c.Page.Lesson.Current()
	return step
}

func (c *Lesson) watched() []state.Watched {
	_, watched := c.Page.Lesson.Current()
	return watched
}

func (c *Lesson) number() string {
	return fmt.Sprintf("Lesson %d of %d", c.Page.Lesson.Step+1, len(c.Page.Lesson.Text.Steps))
}

func (c *Lesson) when(watched state.Watched) string {
	switch {
	case !watched.Seen:
		return ""
	case watched.Epoch == 0:
		return "Seen."
	}
	return fmt.Sprintf("Seen in epoch %d.", watched.Epoch)
}

// next returns the label of the button to the next step, or "" on the last step.
func (c *Lesson) next() string {
	steps := c.Page.Lesson.Text.Steps
	if next := c.Page.Lesson.Step + 1; next < len(steps) {
		return "Next: " + steps[next].Title
	}
	return ""
}

// open scrolls the lesson into view and makes room for it.
func (c *Lesson) open(aside js.Value) {
	if c.Page.Lesson.Open && !c.opened {
		reveal(aside)
	}
	c.opened = c.Page.Lesson.Open
}
