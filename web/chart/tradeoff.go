package chart

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-echarts/go-echarts/v2/opts"

	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// labelled is a point with its own name, colour and label. The tooltip shows the name,
// whose first line is the data's in CSV.
type labelled struct {
	Name      string          `json:"name"`
	Value     [2]float64      `json:"value"`
	ItemStyle *opts.ItemStyle `json:"itemStyle"`
	Label     *label          `json:"label"`
}

// TradeOff returns the chart of the trade-off that λ or k controls: the validation MSE,
// whatever the loss is, over the mean number of active units (the L0 of the code), both on
// logarithmic axes, whose values double from line to line. Runs with an L1 penalty are circles,
// those with TopK are diamonds; points are labelled with λ or k and have the colours of their
// runs. Each group of runs, which differ in it at most and are sorted by it, is joined by a grey
// line. pca is the curve of principal components, as many as active units; nil for none.
func TradeOff(theme Theme, groups [][]fit.Result, pca []baseline.Components) json.RawMessage {
	low, high := math.Inf(1), math.Inf(-1)
	fewest, most := 1.0, 64.0
	fits := func(active, mse float64) bool {
		if !(active > 0 && mse > 0) || !finite(mse) {
			return false // no place on a logarithmic axis
		}
		low, high = min(low, mse), max(high, mse)
		fewest, most = min(fewest, active), max(most, active)
		return true
	}
	o := theme.base("%.5f")
	o.Tooltip.Trigger, o.Tooltip.Formatter = "item", "{b}"
	for group, runs := range groups {
		points, name, symbol, size := []labelled{}, "L1", "circle", 8
		for _, run := range runs {
			knob := "λ " + experiment.FormatLambda(run.Settings.Lambda)
			if run.Settings.Sparsity == experiment.TopK {
				knob, name, symbol, size = fmt.Sprintf("k %d", run.Settings.K), "TopK", "diamond", 11
			}
			if !fits(run.Active, run.ValMSE) {
				continue
			}
			position := "top"
			if run.Active < 2 { // above its point, it would lie on the numbers of the y axis
				position = "right"
			}
			tooltip := fmt.Sprintf("%s\n%s, %s\nMSE %.5f", run.Name, name, knob, run.ValMSE)
			if run.FVU > 0 {
				tooltip += fmt.Sprintf("\nFVU %.3f", run.FVU)
			}
			points = append(points, labelled{
				Name:      strings.TrimSpace(fmt.Sprintf("%s\n%.1f of %d units active", tooltip, run.Active, run.Settings.Latent)),
				Value:     [2]float64{round(run.Active, 2), round(run.ValMSE, 6)},
				ItemStyle: &opts.ItemStyle{Color: theme.Run(run.ID)},
				Label:     theme.label(theme.Ink2, position, knob),
			})
		}
		o.Series = append(o.Series, series{
			ID: strconv.Itoa(group), Name: name, Type: "line", Data: points,
			Symbol: symbol, SymbolSize: size, ShowSymbol: opts.Bool(true),
			LineStyle:   &opts.LineStyle{Color: theme.Edge, Width: 1},
			LabelLayout: &labelLayout{HideOverlap: true, MoveOverlap: "shiftY"},
		})
	}
	curve := []labelled{}
	for _, p := range pca {
		if fits(float64(p.K), p.MSE) {
			curve = append(curve, labelled{Name: fmt.Sprintf("PCA-%d\nMSE %.5f", p.K, p.MSE), Value: [2]float64{float64(p.K), round(p.MSE, 6)}, ItemStyle: &opts.ItemStyle{Color: theme.Ink}})
		}
	}
	o.Series = append(o.Series, series{
		ID: "pca", Name: "PCA", Type: "line", Data: curve, Symbol: "circle", SymbolSize: 3, ShowSymbol: opts.Bool(true),
		LineStyle: &opts.LineStyle{Color: theme.Ink, Width: 1.5, Type: "solid"},
	})
	if !(high >= low) {
		low, high = 0.005, 0.05
	}
	o.XAxis = theme.xAxis("log", "active units (L0), mean per picture", "{value} active units")
	o.YAxis = theme.yAxis("log", "validation MSE", "%.4f", doubling(low, high))
	o.XAxis.AxisLabel.Formatter = "%g"
	x := doubling(fewest, most)
	o.XAxis.Min, o.XAxis.Max = x.min, x.max
	o.XAxis.LogBase, o.YAxis.LogBase = 2, 2 // labels at 10, 100 would be too few
	o.XAxis.AxisPointer.Label.Precision = 1
	o.Grid.Right, o.Grid.Top = "24", "24"
	return o.json()
}

// doubling returns the scale around [low, high], both positive, with powers of two as ends.
func doubling(low, high float64) scale {
	s := scale{min: math.Exp2(math.Floor(math.Log2(low))), max: math.Exp2(math.Ceil(math.Log2(high)))}
	s.max = max(s.max, 2*s.min)
	return s
}
