package chart

import (
	"encoding/json"
	"fmt"
	"math"
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
	o := theme.units("Mean activation", "%.3f", heights, upTo(heights...), nil)
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

// upTo returns the scale from zero to the largest of the heights, which may all be zero.
func upTo(heights ...float64) scale {
	high := 0.0
	for _, height := range heights {
		high = max(high, height)
	}
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

// perDecade is the number of bins of Density in which the density grows tenfold.
const perDecade = 4

// Density returns the histogram of the units' densities: the number of units that are active on
// a share of the pictures, on a logarithmic axis from the share of a single picture on, with the
// dead units, whose density is 0, apart. activity has the densities, before those of an earlier
// moment, which are a dashed line; nil for none.
func Density(theme Theme, activity, before []float32, images int) json.RawMessage {
	first := math.Floor(-perDecade * math.Log10(float64(max(images, 10))))
	bins := int(-first) + 1 // of which the first has the dead units
	count := func(activity []float32) []float64 {
		units := make([]float64, bins)
		for _, share := range activity {
			bin := 0
			if share > 0 {
				bin = 1 + int(perDecade*math.Log10(float64(share))-first+1e-6) // the shares are rounded
			}
			units[min(max(bin, 0), bins-1)]++
		}
		return units
	}
	percent := func(bin float64) float64 { return 100 * math.Pow(10, (first+bin-1)/perDecade) } // at the lower edge of a bin
	bars, line := []labelled{}, []point{}
	high := 1.0
	for bin, units := range count(activity) {
		high = max(high, units)
		bar := labelled{
			Name:      fmt.Sprintf("%.2g %% to %.2g %% of the pictures\nunits: %g", percent(float64(bin)), percent(float64(bin+1)), units),
			Value:     [2]float64{round(percent(float64(bin)+0.5), 5), units},
			ItemStyle: &opts.ItemStyle{Color: theme.Act[1]},
		}
		if bin == 0 {
			bar.Name, bar.ItemStyle.Color = fmt.Sprintf("dead: on no picture\nunits: %g", units), theme.Warn
			bar.Label = theme.label(theme.Ink2, "top", "dead")
		}
		bars = append(bars, bar)
	}
	if before != nil {
		for bin, units := range count(before) {
			high = max(high, units)
			line = append(line, point{bars[bin].Value[0], units})
		}
	}
	s := nice(0, high, 4)
	o := theme.base("%g")
	o.Tooltip.Trigger, o.Tooltip.Formatter = "item", "{b}"
	o.XAxis = theme.xAxis("log", "share of the pictures on which a unit is active", "")
	o.XAxis.Min, o.XAxis.Max = round(percent(0), 5), 100
	o.XAxis.AxisLabel.Formatter = "%g %%"
	o.YAxis = theme.yAxis("value", "units", s.format(), s)
	o.Grid.Top = "24"
	o.Series = []series{
		{ID: "density", Name: "units", Type: "bar", Data: bars, BarCategoryGap: "10%"},
		{
			ID: "before", Name: "before training", Type: "line", Data: line, Step: "middle", ShowSymbol: opts.Bool(false), Silent: true,
			LineStyle: &opts.LineStyle{Color: theme.Ink2, Width: 1, Type: "dashed"},
		},
	}
	return o.json()
}
