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
	Name    string                            // of saved files
	Label   string                            // accessible name: what the chart shows
	Version string                            // of the data; the chart is drawn when it changes
	Option  func(chart.Theme) json.RawMessage // the chart, from package chart
	Table   func() json.RawMessage            // the chart for CSV, with more data; nil to use Option
	// If set, Click and Hover are called with the third number of the point that the
	// user clicks or points at; Hover with -1 when the pointer leaves the point.
	Click, Hover func(int)

	echart  echart
	waiting bool // for a frame to draw in
}

func (c *Plot) mount(host js.Value) {
	c.Stage.afterRender(func() {
		c.echart.enter(host)
		if !c.echart.seen(c.Stage) || !c.Stage.charts || !loadECharts(c.Stage) {
			return
		}
		fresh := c.echart.place(c.saved)
		c.echart.describe(c.Label)
		if fresh && c.Click != nil {
			c.echart.on("click", func(point int) { c.Stage.do(func() { c.Click(point) }) })
			c.echart.on("mouseover", func(point int) { c.Stage.do(func() { c.Hover(point) }) })
			c.echart.on("mouseout", func(int) { c.Stage.do(func() { c.Hover(-1) }) })
		}
		if !c.echart.show(fmt.Sprint(c.Version, "/", c.Stage.generation)) || c.waiting {
			return
		}
		c.waiting = true
		c.Stage.inFrame(func() {
			c.waiting = false
			c.echart.set(c.Option(c.Stage.colors().chart))
			if c.Stage.printing {
				c.echart.flush()
			}
		})
	})
}

// saved saves or copies the chart.
func (c *Plot) saved(as string) {
	s := c.Stage
	switch as {
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
