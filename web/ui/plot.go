package ui

import (
	"encoding/json"
	"fmt"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"

	"sae/web/chart"
)

// Plot is one ECharts chart.
type Plot struct {
	Stage   *stage
	Name    string                            // of saved files
	Label   string                            // accessible name: what the chart shows
	Version string                            // of the data; the chart is drawn when it changes
	Option  func(chart.Theme) json.RawMessage // the chart, from package chart
	Table   func() json.RawMessage            // the chart for CSV, with more data; nil to use Option
	// If set, Pick and Point are called with the third number of the point that the user
	// clicks or points at; Point with -1 when the pointer leaves the point.
	Pick, Point func(int)

	echart  echart
	waiting bool // for a frame to draw in
}

func (c *Plot) mount(host js.Value) {
	c.Stage.afterRender(func() {
		if c.echart.enter(host) {
			c.waiting = false // the chart that waits has left the page
		}
		if !c.echart.seen(c.Stage) || !c.Stage.charts || !loadECharts(c.Stage) {
			return
		}
		c.echart.describe(c.Label)
		if !c.echart.show(fmt.Sprint(c.Version, "/", c.Stage.generation)) || c.waiting {
			return
		}
		c.waiting = true
		c.Stage.inFrame(func() {
			if !c.echart.place(c.Pick != nil) {
				c.draw(c.option())
				return
			}
			c.echart.describe(c.Label) // a new chart appears in steps: see web/echarts
			var option json.RawMessage
			c.Stage.inFrame(func() { option = c.option() })
			for step := range c.echart.steps() {
				c.Stage.inFrame(func() { c.echart.step(option, step) })
			}
			c.Stage.inFrame(func() { c.draw(option) })
		})
	})
}

// option returns the chart as it is now: another frame draws what changes from here on.
func (c *Plot) option() json.RawMessage {
	c.waiting = false
	return c.Option(c.Stage.colors().chart)
}

func (c *Plot) draw(option json.RawMessage) {
	c.echart.set(option)
	if c.Stage.printing {
		c.echart.flush()
	}
}

// picked and pointed hear the chart's events. Any script can dispatch them, also on a chart
// without points.
func (c *Plot) picked(event vugu.DOMEvent) {
	if c.Pick != nil {
		c.Pick(int(event.PropFloat64("detail")))
	}
}

func (c *Plot) pointed(event vugu.DOMEvent) {
	if c.Point != nil {
		c.Point(int(event.PropFloat64("detail")))
	}
}

// clicked saves or copies the chart if that was chosen from its menu.
func (c *Plot) clicked(event vugu.DOMEvent) {
	s := c.Stage
	switch event.PropString("target", "value") {
	case "PNG":
		c.echart.picture(func(file any, err error) {
			if err != nil {
				s.unsaved("The chart", err)
				return
			}
			s.save(file, c.Name+".png")
		})
	case "Copy":
		c.echart.copy(func(err error) { s.copied("The chart", err) })
	case "CSV":
		var option json.RawMessage
		if c.Table != nil {
			option = c.Table()
		} else {
			option = c.Option(chart.Theme{})
		}
		if text, err := chart.CSV(option); err == nil { // of this page's own option
			s.saveText(text, c.Name+".csv")
		}
	}
}
