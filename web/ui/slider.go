package ui

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"

	"sae/nn/experiment"
	"sae/web/state"
)

// Slider sets a setting to one of its notches.
type Slider struct {
	Page *state.Page
	Name string // of the setting

	input js.Value
}

func (c *Slider) field() experiment.Field {
	field, _ := experiment.Lookup(c.Name)
	return field
}

// notches returns the positions: those of the field, up to the latent size for k.
func (c *Slider) notches() []float64 {
	notches := c.field().Notches
	if c.Name == "k" {
		notches = slices.DeleteFunc(slices.Clone(notches), func(k float64) bool { return int(k) > c.Page.Settings.Latent })
	}
	return notches
}

// last returns the index of the last notch.
func (c *Slider) last() int { return max(0, len(c.notches())-1) }

func (c *Slider) text() string { return c.field().Format(c.Page.Settings) }

// position returns the notch nearest to the setting, which may lie between two.
func (c *Slider) position() string {
	value, _ := strconv.ParseFloat(c.text(), 64)
	nearest, distance := 0, math.Inf(1)
	for i, notch := range c.notches() {
		// Notches are spaced by similar factors; 1e-8 stands for zero.
		if d := math.Abs(math.Log(max(notch, 1e-8)) - math.Log(max(value, 1e-8))); d < distance {
			nearest, distance = i, d
		}
	}
	return strconv.Itoa(nearest)
}

func (c *Slider) slide(event vugu.DOMEvent) {
	i, err := strconv.Atoi(event.PropString("target", "value"))
	if notches := c.notches(); err == nil && i >= 0 && i < len(notches) {
		c.Page.Form.Edit(c.Name, strconv.FormatFloat(notches[i], 'g', -1, 64))
		showOutput(c.input, c.text())
	}
}

// fill colours the track left of the thumb.
func (c *Slider) fill(input js.Value) {
	c.input = input
	i, _ := strconv.Atoi(c.position())
	setVariable(input, "--filled", fmt.Sprintf("%d%%", 100*i/max(1, c.last())))
}
