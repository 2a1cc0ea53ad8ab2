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

// TradeOff returns the chart of the trade-off that λ or k controls: the PSNR of the
// reconstructions over the mean number of active units (the L0 of the code). Points are
// labelled with it and have the colours of their runs. Each group of runs, which differ in
// it at most and are sorted by it, is joined by a grey line. The x axis ends at latent.
func TradeOff(theme Theme, groups [][]fit.Result, latent int, baselines []baseline.Baseline) json.RawMessage {
	low, high := math.Inf(1), math.Inf(-1)
	include := func(psnr float64) { low, high = min(low, psnr), max(high, psnr) }
	o := theme.base("%.2f dB")
	o.Tooltip.Trigger, o.Tooltip.Formatter = "item", "{b}"
	for group, runs := range groups {
		points := []labelled{}
		for _, run := range runs {
			if !finite(run.PSNR) {
				continue
			}
			lambda := "λ " + experiment.FormatLambda(run.Settings.Lambda)
			if run.Settings.K > 0 {
				lambda = fmt.Sprintf("k %d", run.Settings.K)
			}
			points = append(points, labelled{
				Name:      strings.TrimSpace(fmt.Sprintf("%s\n%s\nPSNR %.2f dB\n%.1f of %d units active", run.Name, lambda, run.PSNR, run.Active, run.Settings.Latent)),
				Value:     [2]float64{round(run.Active, 2), round(run.PSNR, 3)},
				ItemStyle: &opts.ItemStyle{Color: theme.Run(run.ID)},
				Label:     theme.label(theme.Ink2, "top", lambda),
			})
			include(run.PSNR)
			latent = max(latent, run.Settings.Latent)
		}
		o.Series = append(o.Series, series{
			ID: strconv.Itoa(group), Name: "PSNR", Type: "line", Data: points,
			Symbol: "circle", SymbolSize: 8, ShowSymbol: opts.Bool(true),
			LineStyle:   &opts.LineStyle{Color: theme.Edge, Width: 1},
			LabelLayout: &labelLayout{HideOverlap: true, MoveOverlap: "shiftY"},
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
	if !(high > low) {
		low, high = 10, 20
	}
	margin := (high - low) / 8 // for the labels
	s := nice(low-margin, high+margin, 4)
	o.XAxis = theme.xAxis("value", "active units, mean per picture", "{value} active units")
	o.XAxis.Min, o.XAxis.Max, o.XAxis.Interval = 0, latent, max(1, nice(0, float64(latent), 4).step)
	o.XAxis.AxisPointer.Label.Precision = 1
	o.YAxis = theme.yAxis("value", "PSNR, dB", s.format(), s)
	o.Grid.Right = "24"
	o.Series[0].MarkLines = theme.markLines(marks, "%.1f dB", "End", s.at) // where no code is: all units are active
	return o.json()
}
