package ui

import (
	"fmt"
	"strconv"

	"sae/web/lesson"
	"sae/web/state"
)

// Lesson is the lesson next to the demo.
type Lesson struct {
	Page  *state.Page
	Stage *stage
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

// ticks counts what was seen, for where the list of it is folded.
func (c *Lesson) ticks() string {
	watched, seen := c.watched(), 0
	for _, w := range watched {
		if w.Seen {
			seen++
		}
	}
	return fmt.Sprintf("seen %d of %d", seen, len(watched))
}

func (c *Lesson) unfolded() string { return strconv.FormatBool(!c.Page.Lesson.Folded) }

// contrast returns a dead and a live unit to show side by side, in the step about them.
func (c *Lesson) contrast() []int {
	dead, live, ok := c.Page.Lesson.Contrast()
	if !ok {
		return nil
	}
	return []int{dead, live}
}

func (c *Lesson) contrasts() bool { return c.contrast() != nil }

func (c *Lesson) atom(unit int) func(*theme) []byte {
	return func(*theme) []byte { return rgba(c.Page.Timeline.Units.Atom(unit)) }
}

func (c *Lesson) atomVersion(unit int) string {
	return fmt.Sprint(c.Page.Timeline.Units.Version, "/", unit)
}

func (c *Lesson) contrastLabel(unit int) string {
	share := c.Page.Timeline.Units.Activity[unit]
	if share == 0 {
		return fmt.Sprintf("Unit %d is dead: active on no picture.", unit)
	}
	return fmt.Sprintf("Unit %d is alive: active on %.0f %% of the pictures.", unit, 100*share)
}

func (c *Lesson) contrastHelp(unit int) string { return fmt.Sprintf("Open unit %d in Features", unit) }

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
