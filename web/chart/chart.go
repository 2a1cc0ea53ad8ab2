// Package chart turns the state of a run into ECharts options.
//
// Every function returns the option of one chart as JSON, for ECharts' setOption.
// The options use go-echarts' types, with the few properties that go-echarts
// lacks added. The package does not need a browser, so a native report uses the
// same options.
//
// JSON cannot hold functions. Where ECharts expects a function that formats a
// number (tooltip.valueFormatter and axisLabel.formatter of both axes), the option
// has a format of package fmt, such as "%.1f dB". The function draw in web/echarts
// replaces it with a function.
package chart

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"
)

// Theme holds the colours, as CSS writes them, and the font of a chart.
type Theme struct {
	Ink    string    // important text
	Ink2   string    // other text
	Line   string    // grid lines
	Edge   string    // axis lines
	Panel  string    // behind the chart
	Raised string    // background of the tooltip
	Accent string    // the data
	Warn   string    // dead units
	Act    [3]string // sequential map of activations, from none to the largest
	Class  []string  // colours of the classes, in order
	Font   string    // CSS font family
}

const fontSize = 13

// option is the part of an ECharts option that these charts use.
type option struct {
	Animation bool           `json:"animation"`
	TextStyle opts.TextStyle `json:"textStyle"`
	Grid      opts.Grid      `json:"grid"`
	Tooltip   tooltip        `json:"tooltip"`
	VisualMap []visualMap    `json:"visualMap"`
	XAxis     axis           `json:"xAxis"`
	YAxis     axis           `json:"yAxis"`
	Series    []series       `json:"series"`
}

// series is a series of a chart. It replaces go-echarts' charts.SingleSeries, which
// lacks some fields and whose package imports html/template.
type series struct {
	ID             string          `json:"id,omitempty"`
	Name           string          `json:"name,omitempty"`
	Type           string          `json:"type,omitempty"`
	Data           any             `json:"data,omitempty"`
	BarCategoryGap string          `json:"barCategoryGap,omitempty"`
	BarMaxWidth    string          `json:"barMaxWidth,omitempty"`
	Step           string          `json:"step,omitempty"` // "middle" draws a line as steps, each around its point
	ShowSymbol     types.Bool      `json:"showSymbol,omitempty"`
	Symbol         string          `json:"symbol,omitempty"`
	SymbolSize     int             `json:"symbolSize,omitempty"`
	ItemStyle      *opts.ItemStyle `json:"itemStyle,omitempty"`
	LineStyle      *opts.LineStyle `json:"lineStyle,omitempty"`
	Label          *label          `json:"label,omitempty"`
	EndLabel       *label          `json:"endLabel,omitempty"` // after the last point of a line
	MarkLines      *markLines      `json:"markLine,omitempty"`
	Silent         bool            `json:"silent,omitempty"`
	Tooltip        *seriesTooltip  `json:"tooltip,omitempty"`     // hides the series from the chart's tooltip
	LabelLayout    *labelLayout    `json:"labelLayout,omitempty"` // keeps labels from overlapping
}

type labelLayout struct {
	HideOverlap bool   `json:"hideOverlap"`
	MoveOverlap string `json:"moveOverlap,omitempty"` // "shiftY" moves labels up and down
}

// label is an opts.Label with a halo, so that it can be read over lines, and a width.
type label struct {
	opts.Label
	TextBorderColor string `json:"textBorderColor,omitempty"`
	TextBorderWidth int    `json:"textBorderWidth,omitempty"`
	Distance        int    `json:"distance,omitempty"`
	Width           int    `json:"width,omitempty"`    // in pixels, for Overflow
	Overflow        string `json:"overflow,omitempty"` // "truncate" ends a longer label with an ellipsis
}

// label returns a label in the theme's font.
func (t Theme) label(color, position, formatter string) *label {
	return &label{
		Label:           opts.Label{Show: opts.Bool(true), Position: position, Color: color, FontSize: fontSize, FontFamily: t.Font, Formatter: formatter},
		TextBorderColor: t.Panel, TextBorderWidth: 3,
	}
}

// markLines adds to go-echarts' type the decimals that ECharts leaves of where a line is.
type markLines struct {
	opts.MarkLines
	Precision int `json:"precision"` // -1 for all; without it, ECharts leaves two
}

type seriesTooltip struct {
	Show bool `json:"show"`
}

// visualMap adds to go-echarts' type the series that it applies to.
type visualMap struct {
	opts.VisualMap
	SeriesIndex int `json:"seriesIndex"`
	Dimension   int `json:"dimension,omitempty"` // index of the value that determines the colour; 0 leaves the choice to ECharts
}

// axis is an opts.XAxis, which has all fields of an opts.YAxis, with the fields that
// go-echarts lacks or has with a type that ECharts does not accept.
type axis struct {
	opts.XAxis
	Interval      float64        `json:"interval,omitempty"`
	LogBase       float64        `json:"logBase,omitempty"` // of a "log" axis; 0 for 10
	AxisLabel     axisLabel      `json:"axisLabel"`
	SplitLine     splitLine      `json:"splitLine"`
	AxisPointer   axisPointer    `json:"axisPointer"`
	NameTextStyle opts.TextStyle `json:"nameTextStyle"`
}

type axisLabel struct {
	Color        string `json:"color"`
	FontSize     int    `json:"fontSize"`
	Formatter    string `json:"formatter,omitempty"`
	Interval     *int   `json:"interval,omitempty"` // categories between two labels
	Width        int    `json:"width,omitempty"`    // in pixels, for Overflow
	Overflow     string `json:"overflow,omitempty"` // "truncate" ends a longer label with an ellipsis
	HideOverlap  bool   `json:"hideOverlap"`
	ShowMinLabel bool   `json:"showMinLabel"`
	ShowMaxLabel bool   `json:"showMaxLabel"`
}

type splitLine struct {
	opts.SplitLine
	ShowMinLine bool `json:"showMinLine"`
	ShowMaxLine bool `json:"showMaxLine"`
}

type axisPointer struct {
	Label     axisPointerLabel `json:"label"`
	LineStyle opts.LineStyle   `json:"lineStyle"`
}

type axisPointerLabel struct {
	Formatter string `json:"formatter,omitempty"` // the tooltip's first line
	Precision int    `json:"precision"`
}

// tooltip is drawn on the canvas: as HTML it would need inline styles, which
// a strict content security policy forbids.
type tooltip struct {
	opts.Tooltip
	RenderMode string         `json:"renderMode"`
	Confine    bool           `json:"confine"`
	TextStyle  opts.TextStyle `json:"textStyle"`
}

// base returns the option of an empty chart with the theme's text and a tooltip
// that formats values with format.
func (t Theme) base(format string) option {
	return option{
		TextStyle: t.text(t.Ink2),
		Grid:      opts.Grid{Left: "68", Right: "8", Top: "12", Bottom: "44"},
		Tooltip: tooltip{
			Tooltip: opts.Tooltip{
				Trigger:         "axis",
				BackgroundColor: t.Raised,
				BorderColor:     t.Line,
				ValueFormatter:  types.FuncStr(format),
			},
			RenderMode: "richText",
			Confine:    true,
			TextStyle:  t.text(t.Ink),
		},
		VisualMap: []visualMap{},
	}
}

func (t Theme) text(color string) opts.TextStyle {
	return opts.TextStyle{Color: color, FontFamily: t.Font, FontSize: fontSize}
}

// axis returns a bare axis of the given type: "value", "log" or "category".
func (t Theme) axis(kind string) axis {
	return axis{
		XAxis: opts.XAxis{
			Type:     kind,
			AxisLine: &opts.AxisLine{Show: opts.Bool(false), OnZero: opts.Bool(false), LineStyle: &opts.LineStyle{Color: t.Edge}},
			AxisTick: &opts.AxisTick{Show: opts.Bool(false)},
		},
		AxisLabel:     axisLabel{Color: t.Ink2, FontSize: fontSize, HideOverlap: true, ShowMinLabel: true, ShowMaxLabel: true},
		SplitLine:     splitLine{SplitLine: opts.SplitLine{Show: opts.Bool(false), LineStyle: &opts.LineStyle{Color: t.Line}}, ShowMinLine: true, ShowMaxLine: true},
		AxisPointer:   axisPointer{LineStyle: opts.LineStyle{Color: t.Edge, Type: "solid"}},
		NameTextStyle: t.text(t.Ink2),
	}
}

// xAxis returns an axis with its line and, below it, its name. heading is the first
// line of the tooltip; {value} stands for the position.
func (t Theme) xAxis(kind, name, heading string) axis {
	a := t.axis(kind)
	a.Name, a.NameLocation, a.NameGap = name, "middle", 28
	a.AxisLine.Show = opts.Bool(true)
	a.AxisPointer.Label.Formatter = heading
	return a
}

// yAxis returns an axis with its name, which is written upwards, grid lines, and labels
// in the given format.
func (t Theme) yAxis(kind, name, format string, s scale) axis {
	a := t.axis(kind)
	a.Name, a.NameLocation, a.NameGap = name, "middle", 50
	a.SplitLine.Show = opts.Bool(true)
	a.AxisLabel.Formatter = format
	a.Min, a.Max, a.Interval = s.min, s.max, s.step
	return a
}

func (o option) json() json.RawMessage {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // only for numbers that are not finite, which the charts leave out
	}
	return text
}

// scale is the extent of an axis and the step between its labels, which are
// multiples of it.
type scale struct{ min, max, step float64 }

// format returns the format of the scale's labels, with as many decimals as the
// step has.
func (s scale) format() string {
	return fmt.Sprintf("%%.%df", max(0, -int(math.Floor(math.Log10(s.step)+1e-9))))
}

// nice returns the smallest scale around [low, high] whose step is 1, 2, 4 or
// 5 times a power of ten, with about the given number of steps.
func nice(low, high float64, steps int) scale {
	if !(high > low) {
		high = low + 1
	}
	raw := (high - low) / float64(steps)
	power := math.Pow10(int(math.Floor(math.Log10(raw))))
	step := 10 * power
	for _, factor := range []float64{1, 2, 4, 5} {
		if raw <= factor*power*(1+1e-9) {
			step = factor * power
			break
		}
	}
	return scale{
		min:  round(step*math.Floor(low/step+1e-9), 9),
		max:  round(step*math.Ceil(high/step-1e-9), 9),
		step: round(step, 9),
	}
}

// round keeps the JSON short and free of rounding noise.
func round(x float64, decimals int) float64 {
	power := math.Pow10(decimals)
	return math.Round(x*power) / power
}

// mark is a line for comparison.
type mark struct {
	name  string
	value float64
}

// markItem is a mark as ECharts takes it.
type markItem struct {
	Name  string   `json:"name"`
	XAxis *float64 `json:"xAxis,omitempty"`
	YAxis *float64 `json:"yAxis,omitempty"`
	Label *label   `json:"label"`
}

// markHeight is the height of a mark's label as a share of a chart's.
const markHeight = 0.09

// sides are where along its line the label of a mark may be.
var sides = []string{"End", "Start", "Middle"}

// markLines returns horizontal lines with labels. No label lies on another one or on
// another line as far as there is room: it is above or below its own line, at the
// given side or else at another. at gives the height of a value, from 0 to 1.
func (t Theme) markLines(marks []mark, format, side string, at func(float64) float64) *markLines {
	lines := t.lines()
	type label struct {
		side string
		low  float64
	}
	var placed []label
	crossed := func(low float64, own mark) bool {
		return slices.ContainsFunc(marks, func(m mark) bool {
			y := at(m.value)
			return m != own && y > low && y < low+markHeight
		})
	}
	free := func(side string, low float64) bool {
		return low >= 0 && low+markHeight <= 1 && !slices.ContainsFunc(placed, func(l label) bool {
			return l.side == side && math.Abs(l.low-low) < markHeight
		})
	}
	place := func(m mark) (position string) {
		y := at(m.value)
		for _, strict := range []bool{true, false} {
			for _, side := range append([]string{side}, sides...) {
				for _, at := range []struct {
					position string
					low      float64
				}{{"Top", y}, {"Bottom", y - markHeight}} {
					if free(side, at.low) && !(strict && crossed(at.low, m)) {
						placed = append(placed, label{side, at.low})
						return "inside" + side + at.position
					}
				}
			}
		}
		return "inside" + side + "Top"
	}
	for _, m := range marks {
		y := round(m.value, 5)
		name := m.name + "  " + fmt.Sprintf(format, m.value)
		lines.Data = append(lines.Data, markItem{Name: name, YAxis: &y, Label: t.label(t.Ink, place(m), "{b}")})
	}
	return lines
}

// lines returns the style of marks.
func (t Theme) lines() *markLines {
	return &markLines{
		MarkLines: opts.MarkLines{
			Data: []any{},
			MarkLineStyle: opts.MarkLineStyle{
				Symbol:    []string{"none", "none"},
				LineStyle: &opts.LineStyle{Color: t.Ink2, Width: 1, Type: "solid"},
			},
		},
		Precision: -1,
	}
}

// Run returns the colour of a run by its ID, from 1: the same in every chart and in the
// table.
func (t Theme) Run(id int) string {
	if n := len(t.Class) - 1; n > 0 {
		return t.Class[RunColor(id, n)]
	}
	return t.Accent
}

// RunColor returns which of the class colours from 1 to n a run has by its ID.
func RunColor(id, n int) int { return 1 + max(0, id-1)%n }

// at gives the height of a value on the scale, from 0 to 1.
func (s scale) at(value float64) float64 { return (value - s.min) / (s.max - s.min) }

// logAt is at on a logarithmic scale.
func (s scale) logAt(value float64) float64 {
	return math.Log(value/s.min) / math.Log(s.max/s.min)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
