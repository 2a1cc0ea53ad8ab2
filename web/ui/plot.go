package ui

import (
	"encoding/json"
	"fmt"

	"github.com/vugu/vugu/js"

	"sae/web/chart"
)

// Plot is one ECharts chart.
type Plot struct {
	Stage   *stage
	Label   string                            // accessible name: what the chart shows, in a sentence
	Version string                            // of the data; the chart is drawn when it changes
	Option  func(chart.Theme) json.RawMessage // of package chart

	echart  echart
	waiting bool // for a frame to draw in
}

func (c *Plot) mount(host js.Value) {
	c.Stage.afterRender(func() {
		c.echart.place(host)
		if !c.echart.show(fmt.Sprint(c.Version, "/", c.Stage.generation)) || c.waiting {
			return
		}
		c.waiting = true
		c.Stage.inFrame(func() {
			c.waiting = false
			c.echart.set(c.Option(c.Stage.colors().chart))
		})
	})
}
