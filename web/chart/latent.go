package chart

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/go-echarts/go-echarts/v2/opts"

	"sae/nn/analysis"
)

// Code returns the chart of a picture's code: a bar for each latent unit, and a
// cross for each dead unit. The y axis ends at largest, so that it is the same for
// all pictures, and starts at -largest if an activation is negative.
func Code(theme Theme, code []float32, largest float64, dead []bool) json.RawMessage {
	s := upTo(largest)
	if slices.ContainsFunc(code, func(a float32) bool { return a < 0 }) {
		s.min = -s.max
	}
	o := theme.units("Activation", "%.2f", values(code, 1), s, dead)
	o.YAxis.Name = "activation"
	return o.json()
}

// MeanActivation returns the chart of each latent unit's mean activation.
func MeanActivation(theme Theme, mean []float32) json.RawMessage {
	heights := values(mean, 1)
	var high float64
	for _, height := range heights {
		high = max(high, height)
	}
	o := theme.units("Mean activation", "%.3f", heights, upTo(high), nil)
	o.YAxis.Name = "mean activation"
	return o.json()
}

// Activity returns the chart of how often each latent unit is active, with a cross
// for each dead unit. activity has shares from 0 to 1.
func Activity(theme Theme, activity []float32, dead []bool) json.RawMessage {
	o := theme.units("Active on", "%.1f %%", values(activity, 100), scale{0, 100, 50}, dead)
	o.YAxis.Name, o.YAxis.AxisLabel.Formatter = "pictures", "%.0f %%"
	return o.json()
}

// upTo returns the scale from zero to high, which may be zero.
func upTo(high float64) scale {
	if !(high > 0) || !finite(high) {
		high = 1
	}
	return nice(0, high, 3)
}

// units returns a bar chart over the latent units, coloured by height, with a cross
// at the bottom for each dead unit.
func (t Theme) units(name, format string, heights []float64, s scale, dead []bool) option {
	labels := make([]string, len(heights))
	for unit := range labels {
		labels[unit] = strconv.Itoa(unit)
	}
	every := max(1, len(heights)/8) - 1
	o := t.base(format)
	o.XAxis = t.xAxis("category", "latent unit", "unit {value}")
	o.XAxis.Data = labels
	o.XAxis.AxisLabel.Interval = &every
	o.YAxis = t.yAxis("value", "", s.format(), s)
	colors := t.Act[:]
	if s.min < 0 { // the same for both signs
		colors = []string{t.Act[2], t.Act[1], t.Act[0], t.Act[1], t.Act[2]}
	}
	o.VisualMap = []visualMap{{VisualMap: opts.VisualMap{
		Type: "continuous", Show: opts.Bool(false), Min: float32(s.min), Max: float32(s.max),
		InRange: &opts.VisualMapInRange{Color: colors},
	}}}
	crosses := []point{}
	for unit, is := range dead {
		if is {
			crosses = append(crosses, point{float64(unit), s.max / 24})
		}
	}
	o.Series = []series{
		{ID: "units", Name: name, Type: "bar", Data: heights, BarCategoryGap: "25%", BarMaxWidth: "24"},
		{
			ID: "dead", Type: "scatter", Data: crosses, SymbolSize: 6,
			Symbol:    "path://M0,0L1,0L5,4L9,0L10,0L10,1L6,5L10,9L10,10L9,10L5,6L1,10L0,10L0,9L4,5L0,1Z",
			ItemStyle: &opts.ItemStyle{Color: t.Warn},
			Tooltip:   &seriesTooltip{},
		},
	}
	return o
}

// values scales statistics and rounds them for JSON. Numbers that are not finite
// become 0.
func values(statistics []float32, factor float64) []float64 {
	scaled := make([]float64, len(statistics))
	for i, value := range statistics {
		if value := factor * float64(value); finite(value) {
			scaled[i] = round(value, 4)
		}
	}
	return scaled
}

// Histogram returns the chart of the distribution of the activations of all units: the
// share of all activations in each of the equal bins. The share that is zero would
// dwarf the others, so the text next to the chart gives it.
func Histogram(theme Theme, h analysis.Histogram) json.RawMessage {
	o := theme.histogram(h)
	o.YAxis.Name, o.Series[0].Name = "activations", "of all activations"
	return o.json()
}

// UnitHistogram returns the chart of the distribution of one unit's activations over
// the pictures, with a line at the threshold from which on it is active: zero.
func UnitHistogram(theme Theme, h analysis.Histogram) json.RawMessage {
	o := theme.histogram(h)
	o.YAxis.Name, o.Series[0].Name = "pictures", "of the pictures"
	name, zero, align := "active above 0", 0.0, "left"
	if h.Min < 0 {
		name, align = "0", "center"
	} else { // so that the line is not the axis
		o.XAxis.Min, o.XAxis.Interval = -round(h.Max/40, 5), 0
		o.XAxis.AxisLabel.ShowMinLabel = false
	}
	o.Grid.Top = "28"
	o.Series[0].MarkLines = theme.lines()
	threshold := markItem{Name: name, XAxis: &zero, Label: theme.label(theme.Ink2, "end", "{b}")}
	threshold.Label.Align = align
	o.Series[0].MarkLines.Data = append(o.Series[0].MarkLines.Data, threshold)
	return o.json()
}

func (t Theme) histogram(h analysis.Histogram) option {
	start, end := h.Min, h.Max
	if !finite(start) {
		start = 0
	}
	if !(end > start) || !finite(end) {
		end = start + 1
	}
	width := (end - start) / float64(max(1, len(h.Shares)))
	bars := []point{}
	high := 0.1
	for i, share := range values(h.Shares, 100) {
		bars = append(bars, point{round(start+(float64(i)+0.5)*width, 5), share})
		high = max(high, share)
	}
	s := nice(0, high, 4)
	o := t.base("%.2f %%")
	o.XAxis = t.xAxis("value", "activation", "activation {value}")
	o.XAxis.Min, o.XAxis.Max = round(start, 5), round(end, 5)
	if o.XAxis.SplitNumber = 4; start == 0 {
		o.XAxis.Interval = nice(0, end, 4).step
	}
	o.XAxis.AxisLabel.ShowMaxLabel, o.XAxis.AxisLabel.ShowMinLabel = false, start == 0
	o.XAxis.AxisPointer.Label.Precision = 2
	o.YAxis = t.yAxis("value", "", s.format()+" %%", s)
	o.Series = []series{{
		ID: "bins", Type: "bar", Data: bars, BarCategoryGap: "10%",
		ItemStyle: &opts.ItemStyle{Color: t.Act[1]},
	}}
	return o
}
