package ui

import (
	"cmp"
	"fmt"

	"github.com/vugu/vugu/js"
)

// Picture is one image on a canvas.
type Picture struct {
	Stage   *stage
	Label   string // accessible name; "" if the context gives it
	Version string // of the pixels; they are drawn when it changes
	Width   int    // in pixels; 0 for that of a picture
	// Pixels returns rows of pixels of red, green, blue and alpha, or nil if there is
	// no image.
	Pixels func(*theme) []byte

	canvas canvas
}

func (c *Picture) label() any {
	if c.Label == "" {
		return nil
	}
	return c.Label
}

func (c *Picture) hidden() any {
	if c.Label == "" {
		return "true"
	}
	return nil
}

func (c *Picture) mount(host js.Value) {
	c.Stage.afterRender(func() {
		c.canvas.place(host)
		if c.canvas.show(fmt.Sprint(c.Version, "/", c.Stage.generation)) {
			c.canvas.paint(c.Pixels(c.Stage.colors()), cmp.Or(c.Width, pictureSize))
		}
	})
}
