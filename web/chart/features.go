package chart

import (
	"encoding/json"
	"strconv"

	"github.com/go-echarts/go-echarts/v2/opts"
)

// ByClass returns the chart of a latent unit's mean activation per class.
func ByClass(theme Theme, means []float32, classes []string) json.RawMessage {
	heights := values(means, 1)
	s := upTo(heights...)
	o := theme.base("%.3f")
	o.Grid = opts.Grid{Left: "104", Right: "32", Top: "4", Bottom: "44"}
	o.XAxis = theme.xAxis("value", "mean activation", "")
	o.XAxis.Min, o.XAxis.Max, o.XAxis.Interval = 0, s.max, s.step
	o.XAxis.SplitLine.Show = opts.Bool(true)
	o.YAxis = theme.classAxis(classes)
	o.Series = []series{{
		ID: "classes", Name: "Mean activation", Type: "bar", Data: heights, BarCategoryGap: "30%",
		ItemStyle: &opts.ItemStyle{Color: theme.Act[1]},
	}}
	return o.json()
}

// HeatMap returns the chart of the mean activation of latent units per class, with
// the units in the given order. means is [latent, classes].
func HeatMap(theme Theme, means []float32, units []int, classes []string) json.RawMessage {
	cells := [][3]float64{}
	labels := make([]string, len(units))
	var high float64
	for x, unit := range units {
		labels[x] = strconv.Itoa(unit)
		for y, mean := range values(means[unit*len(classes):][:len(classes)], 1) {
			cells = append(cells, [3]float64{float64(x), float64(y), mean})
			high = max(high, mean)
		}
	}
	every := max(1, len(units)/16) - 1
	o := theme.base("%.3f")
	o.Tooltip.Trigger = "item"
	o.Grid = opts.Grid{Left: "104", Right: "8", Top: "4", Bottom: "44"}
	o.XAxis = theme.xAxis("category", "latent unit", "unit {value}")
	o.XAxis.Data = labels
	o.XAxis.AxisLabel.Interval = &every
	o.YAxis = theme.classAxis(classes)
	o.VisualMap = []visualMap{{Dimension: 2, VisualMap: opts.VisualMap{
		Type: "continuous", Show: opts.Bool(false), Max: float32(max(high, 1e-6)),
		InRange: &opts.VisualMapInRange{Color: theme.Act[:]},
	}}}
	o.Series = []series{{ID: "means", Name: "Mean activation", Type: "heatmap", Data: cells}}
	return o.json()
}

// Numbers of classes: a chart by class is higher with more than FewClasses, and then has room
// for the names of up to NamedClasses. With still more, it names as many as there is room for.
const (
	FewClasses   = 16
	NamedClasses = 40
)

// symbols are marks of classes with the same colour.
var symbols = []string{"circle", "triangle", "diamond", "rect"}

// Symbol returns which mark a class has, of four, where each colour is given to several.
func Symbol(class, colors int) int { return class / max(1, colors) % len(symbols) }

// classAxis returns a vertical axis with the first class at the top.
func (t Theme) classAxis(classes []string) axis {
	a := t.axis("category")
	a.Name, a.NameLocation, a.NameGap = "class", "middle", 86
	a.Data, a.Inverse = classes, opts.Bool(true)
	a.AxisLabel.Width, a.AxisLabel.Overflow = 76, "truncate"
	if len(classes) <= NamedClasses {
		none := 0
		a.AxisLabel.Interval = &none
	}
	return a
}

// Map returns the chart of codes on a plane, [n, 2]: a point for each image, in the
// colour of its class, and a ring around the chosen image, -1 for none. The third
// number of each point is the image's index.
func Map(theme Theme, points []float32, labels []byte, classes []string, chosen int) json.RawMessage {
	data := make([][][3]float64, len(classes))
	for class := range data {
		data[class] = [][3]float64{}
	}
	at := values(points, 1)
	ring := [][3]float64{}
	for i := 0; 2*i+1 < len(at) && i < len(labels); i++ {
		point := [3]float64{at[2*i], at[2*i+1], float64(i)}
		data[labels[i]] = append(data[labels[i]], point)
		if i == chosen {
			ring = append(ring, point)
		}
	}
	o := theme.base("%.2f")
	o.Tooltip.Trigger, o.Tooltip.Formatter = "item", "{a}"
	o.Grid = opts.Grid{Left: "28", Right: "8", Top: "8", Bottom: "32"}
	o.XAxis = theme.xAxis("value", "first principal component of the codes", "")
	o.XAxis.NameGap = 12
	o.YAxis = theme.axis("value")
	o.YAxis.Name, o.YAxis.NameLocation, o.YAxis.NameGap = "second principal component", "middle", 8
	for _, a := range []*axis{&o.XAxis, &o.YAxis} {
		a.XAxis.AxisLabel, a.Scale = nil, opts.Bool(true)
		a.AxisLabel.FontSize, a.AxisLabel.Color = 1, "transparent" // the numbers mean nothing by themselves
	}
	for class, points := range data {
		color := theme.Accent
		if len(theme.Class) > 0 {
			color = theme.Class[class%len(theme.Class)]
		}
		o.Series = append(o.Series, series{
			ID: strconv.Itoa(class), Name: classes[class], Type: "scatter", Data: points, SymbolSize: 7,
			Symbol:    symbols[Symbol(class, len(theme.Class))],
			ItemStyle: &opts.ItemStyle{Color: color, Opacity: opts.Float(0.8)},
		})
	}
	o.Series = append(o.Series, series{
		ID: "chosen", Type: "scatter", Data: ring, SymbolSize: 14, Symbol: "circle",
		ItemStyle: &opts.ItemStyle{Color: "transparent", BorderColor: theme.Ink, BorderWidth: 2},
		Tooltip:   &seriesTooltip{},
	})
	return o.json()
}
