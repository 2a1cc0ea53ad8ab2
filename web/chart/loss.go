package chart

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/go-echarts/go-echarts/v2/opts"

	"sae/nn/baseline"
	"sae/nn/fit"
)

// Curves is what the loss chart draws.
type Curves struct {
	Quantity fit.Quantity
	MSE      bool            // whether the loss is the mean squared error, which has no floor
	Log      bool            // logarithmic y axis; only for the excess
	All      bool            // include every point, even if there are more than pixels
	Epochs   int             // end of the x axis
	Floor    float64         // entropy of the validation images; 0 while there is no data set
	Initial  *fit.Evaluation // of the untrained model; nil while unknown
	Curve    []fit.Point     // training loss within epochs
	History  []fit.Epoch     // validation

	Baselines []baseline.Baseline // lines to compare with
	Others    []fit.Result        // other runs whose validation curves are drawn
	Shown     *float64            // epoch that a vertical line marks; nil for none
}

// point is an epoch and a quantity.
type point [2]float64

// moment is a vertical line without a label.
type moment struct {
	XAxis     float64        `json:"xAxis"`
	LineStyle opts.LineStyle `json:"lineStyle"`
	Label     struct {
		Show bool `json:"show"`
	} `json:"label"`
}

// maxPoints is the number of points drawn per curve, about one per pixel.
const maxPoints = 500

// stride returns how many of n points are merged into one.
func (c Curves) stride(n int) int {
	if c.All {
		return 1
	}
	return max(1, (n+maxPoints-1)/maxPoints)
}

// Loss returns the chart of the training curve, solid, and the validation curve, dashed, by
// epoch; those of other runs are labelled where they end. Before training it shows the axes,
// the untrained model and the baselines; without a data set, only the axes.
func Loss(theme Theme, c Curves) json.RawMessage {
	if c.MSE {
		c.Floor = 0
	}
	training, validation := c.training(), c.validation()
	marks := c.marks()
	drawn := validation // and the other runs, which the axis must include
	for _, run := range c.Others {
		drawn = append(drawn[:len(drawn):len(drawn)], c.validationOf(nil, run.History)...)
	}
	newest, color := validation, theme.Accent
	switch {
	case len(training) > 0:
		newest = training
	case len(validation) <= 1: // only the untrained model
		color = theme.Ink2
	}

	format, name := "%.4f", "loss"
	if c.MSE {
		format, name = "%.5f", "loss (MSE)"
	}
	switch c.Quantity {
	case fit.QuantityExcess:
		if !c.MSE {
			name = "loss above the floor"
		}
	case fit.QuantityPSNR:
		format, name = "%.1f dB", "PSNR, dB"
	}
	o := theme.base(format)
	o.XAxis = theme.xAxis("value", "epoch", "epoch {value}")
	o.XAxis.Min, o.XAxis.Max, o.XAxis.Interval = 0, c.Epochs, max(1, nice(0, float64(c.Epochs), 4).step)
	o.XAxis.AxisPointer.Label.Precision = 1
	var at func(float64) float64
	if c.Log {
		s := logarithmic(training, drawn, marks)
		o.YAxis, at = theme.yAxis("log", name, "%g", s), s.logAt
	} else {
		s := c.linear(training, drawn, marks)
		o.YAxis, at = theme.yAxis("value", name, s.format(), s), s.at
		// The extent ends where the data do, between two labels. ECharts would count
		// a given interval from its start; on its own it chooses round numbers.
		o.YAxis.Interval, o.YAxis.SplitNumber = 0, 4
		o.YAxis.AxisLabel.ShowMinLabel, o.YAxis.AxisLabel.ShowMaxLabel = s.min == 0, false
		o.YAxis.SplitLine.ShowMinLine, o.YAxis.SplitLine.ShowMaxLine = false, false
	}
	o.Series = []series{
		theme.line("training", "Training", training, 1.5, "solid"),
		theme.line("validation", "Validation", validation, 2, "dashed"),
		{
			ID: "newest", Type: "scatter", Data: newest[max(0, len(newest)-1):], SymbolSize: 7,
			ItemStyle: &opts.ItemStyle{Color: color},
			MarkLines: theme.markLines(marks, format, "End", at),
			Tooltip:   &seriesTooltip{},
		},
	}
	if c.Shown != nil {
		lines := o.Series[2].MarkLines
		lines.Data = append(lines.Data, moment{XAxis: round(*c.Shown, 3), LineStyle: opts.LineStyle{Color: theme.Ink, Width: 1.5, Type: "dashed"}})
	}
	for _, run := range c.Others {
		line := theme.line(fmt.Sprint("run ", run.ID), run.Name, c.validationOf(nil, run.History), 1.5, "dashed")
		color := theme.Run(run.ID)
		line.ItemStyle, line.LineStyle.Color = &opts.ItemStyle{Color: color}, color
		o.Series = append(o.Series, line)
	}
	if len(c.Others) > 0 {
		end := 0.0
		for _, p := range drawn {
			end = max(end, p[0])
		}
		if end > 0.7*float64(c.Epochs) { // there is no room for the names where the lines end
			o.Grid.Right = "104"
		}
		named := append([]*series{&o.Series[1]}, pointers(o.Series[3:])...)
		for _, line := range named {
			name := "{a}"
			if line.ID == "validation" {
				name = "this run"
			}
			line.EndLabel = theme.label(theme.Ink, "", name)
			line.EndLabel.Distance, line.EndLabel.Width, line.EndLabel.Overflow = 6, 92, "truncate"
			line.LabelLayout = &labelLayout{MoveOverlap: "shiftY"}
		}
	}
	if len(training) > 0 && !c.All {
		o.Series = append(o.Series, hovered(o.Series, training)...)
	}
	return o.json()
}

func pointers(all []series) (pointers []*series) {
	for i := range all {
		pointers = append(pointers, &all[i])
	}
	return pointers
}

// hoveredSuffix ends the IDs of the curves that hovered adds.
const hoveredSuffix = " hovered"

// hovered has the tooltip show the validation curves next to the training curve.
// ECharts' tooltip names what has a point at the position of the pointer, and they have
// one at the end of an epoch only. So it tells of curves instead, which are not drawn
// and have a point wherever the training curve has: that of the last validation.
func hovered(all []series, training []point) []series {
	last := training[len(training)-1][0]
	var hovered []series
	for i := range all {
		line := &all[i]
		points, ok := line.Data.([]point)
		if line.ID == "training" || line.Type != "line" || !ok || len(points) == 0 {
			continue
		}
		line.Tooltip = &seriesTooltip{}
		known := []point{}
		next := 0
		for _, p := range training {
			for next < len(points) && points[next][0] <= p[0] {
				next++
			}
			if next > 0 {
				known = append(known, point{p[0], points[next-1][1]})
			}
		}
		for _, p := range points[next:] {
			if p[0] > last {
				known = append(known, p)
			}
		}
		hovered = append(hovered, series{
			ID: line.ID + hoveredSuffix, Name: line.Name, Type: "line", Data: known, Silent: true,
			ShowSymbol: opts.Bool(false), Symbol: "none",
			ItemStyle: line.ItemStyle, LineStyle: &opts.LineStyle{Color: "transparent"},
		})
	}
	return hovered
}

func (t Theme) line(id, name string, points []point, width float32, dash string) series {
	return series{
		ID: id, Name: name, Type: "line", Data: points,
		ShowSymbol: opts.Bool(false),
		Symbol:     "circle",
		ItemStyle:  &opts.ItemStyle{Color: t.Accent},
		LineStyle:  &opts.LineStyle{Color: t.Accent, Width: width, Type: dash},
	}
}

// shown returns the quantity drawn for a loss.
func (c Curves) shown(loss float64) float64 {
	if c.Quantity == fit.QuantityExcess {
		return loss - c.Floor
	}
	return loss
}

// visible reports whether the axis can show the value.
func (c Curves) visible(value float64) bool { return finite(value) && (!c.Log || value > 0) }

// training returns the training curve, with merged points averaged. There is none
// for the PSNR.
func (c Curves) training() []point {
	points := []point{}
	if c.Quantity == fit.QuantityPSNR {
		return points
	}
	for group := range slices.Chunk(c.Curve, c.stride(len(c.Curve))) {
		var sum float64
		for _, p := range group {
			sum += p.Loss
		}
		value := c.shown(sum / float64(len(group)))
		if c.visible(value) {
			points = append(points, point{round(group[len(group)-1].Epoch, 3), round(value, 6)})
		}
	}
	return points
}

// validation returns the validation curve from the untrained model on.
func (c Curves) validation() []point { return c.validationOf(c.Initial, c.History) }

// validationOf returns the curve of a history. Of merged epochs, it keeps the last,
// because no model has their mean loss.
func (c Curves) validationOf(initial *fit.Evaluation, history []fit.Epoch) []point {
	points := []point{}
	add := func(epoch int, e fit.Evaluation) {
		value := c.shown(e.ValLoss)
		if c.Quantity == fit.QuantityPSNR {
			value = e.PSNR
		}
		if c.visible(value) {
			points = append(points, point{float64(epoch), round(value, 6)})
		}
	}
	if initial != nil {
		add(0, *initial)
	}
	for group := range slices.Chunk(history, c.stride(len(history))) {
		e := group[len(group)-1]
		add(e.Epoch, e.Evaluation)
	}
	return points
}

// marks returns the lines to compare with: the baselines and, for the loss, the
// entropy floor.
func (c Curves) marks() []mark {
	var marks []mark
	add := func(name string, value float64) {
		if c.visible(value) {
			marks = append(marks, mark{name, value})
		}
	}
	for _, b := range c.Baselines {
		switch {
		case c.Quantity == fit.QuantityPSNR:
			add(b.Name, b.Quality.PSNR())
		case c.MSE:
			add(b.Name, b.Quality.MSE)
		default:
			add(b.Name, c.shown(b.Quality.BCE))
		}
	}
	if c.Floor > 0 && c.Quantity == fit.QuantityLoss {
		add("lowest possible", c.Floor)
	}
	return marks
}

// linear returns the scale around everything drawn, or a default if there is
// nothing.
func (c Curves) linear(training, validation []point, marks []mark) scale {
	low, high := extent(training, validation, marks)
	if !(high > low) {
		switch {
		case c.Quantity == fit.QuantityPSNR:
			low, high = 10, 20
		case c.Quantity == fit.QuantityExcess, c.MSE:
			low, high = 0, 0.15
		default:
			low, high = 0.55, 0.7
		}
	}
	margin := (high - low) / 12 // for the labels above the marks
	s := scale{min: round(low-margin, 5), max: round(high+margin, 5), step: nice(low, high, 4).step}
	if c.Quantity == fit.QuantityExcess {
		s.min = min(0, low)
	}
	return s
}

// logarithmic returns the scale around everything drawn, with ends at 1, 2 or 5
// times a power of ten.
func logarithmic(training, validation []point, marks []mark) scale {
	low, high := extent(training, validation, marks)
	if !(high >= low) {
		low, high = 0.02, 0.2
	}
	around := func(value float64) (below, above float64) {
		power := math.Pow10(int(math.Floor(math.Log10(value))))
		for _, factor := range []float64{1, 2, 5, 10} {
			if factor*power > value {
				return below, round(factor*power, 9)
			}
			below = round(factor*power, 9)
		}
		return below, below
	}
	var s scale
	s.min, _ = around(low)
	_, s.max = around(high)
	return s
}

// extent returns the smallest and the largest value drawn; low > high if there is
// none.
func extent(training, validation []point, marks []mark) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	include := func(value float64) { low, high = min(low, value), max(high, value) }
	for _, points := range [][]point{training, validation} {
		for _, p := range points {
			include(p[1])
		}
	}
	for _, m := range marks {
		include(m.value)
	}
	return low, high
}
