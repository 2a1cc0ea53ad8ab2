package chart

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/go-echarts/go-echarts/v2/opts"

	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// labelled is a point with its own name.
type labelled struct {
	Name  string     `json:"name"`
	Value [2]float64 `json:"value"`
}

// TradeOff returns the chart of the trade-off that λ controls: the PSNR of the
// reconstructions over the mean number of active units (the L0 of the code). Each
// group of runs is sorted by λ and joined by a line; points are labelled with λ. The
// x axis ends at latent.
func TradeOff(theme Theme, groups [][]fit.Result, latent int, baselines []baseline.Baseline) json.RawMessage {
	low, high := math.Inf(1), math.Inf(-1)
	include := func(psnr float64) { low, high = min(low, psnr), max(high, psnr) }
	o := theme.base("%.2f dB")
	for group, runs := range groups {
		points := []labelled{}
		for _, run := range runs {
			if !finite(run.PSNR) {
				continue
			}
			points = append(points, labelled{"λ " + experiment.FormatLambda(run.Settings.Lambda), [2]float64{round(run.Active, 2), round(run.PSNR, 3)}})
			include(run.PSNR)
			latent = max(latent, run.Settings.Latent)
		}
		color := theme.Accent
		if group > 0 && len(theme.Class) > 0 {
			color = theme.Class[group%len(theme.Class)]
		}
		o.Series = append(o.Series, series{
			ID: strconv.Itoa(group), Name: "PSNR", Type: "line", Data: points,
			Symbol: "circle", SymbolSize: 8, ShowSymbol: opts.Bool(true),
			ItemStyle:   &opts.ItemStyle{Color: color},
			LineStyle:   &opts.LineStyle{Color: color, Width: 1},
			Label:       &opts.Label{Show: opts.Bool(true), Position: "top", Formatter: "{b}", Color: theme.Ink2, FontSize: fontSize, FontFamily: theme.Font},
			LabelLayout: &labelLayout{true},
		})
	}
	var marks []mark
	for _, b := range baselines {
		if psnr := b.Quality.PSNR(); finite(psnr) {
			marks = append(marks, mark{b.Name, psnr})
			include(psnr)
		}
	}
	if len(o.Series) == 0 {
		o.Series = []series{{ID: "0", Type: "line", Data: []labelled{}}}
	}
	o.Series[0].MarkLines = theme.markLines(marks, "%.1f dB", "insideStartTop")
	if !(high > low) {
		low, high = 10, 20
	}
	margin := (high - low) / 8 // for the labels
	s := nice(low-margin, high+margin, 4)
	o.XAxis = theme.xAxis("value", "active units, mean per picture", "{value} active units")
	o.XAxis.Min, o.XAxis.Max, o.XAxis.Interval = 0, latent, max(1, nice(0, float64(latent), 4).step)
	o.XAxis.AxisPointer.Label.Precision = 1
	o.YAxis = theme.yAxis("value", s.format()+" dB", s)
	o.Grid.Left, o.Grid.Right = "64", "24"
	return o.json()
}
