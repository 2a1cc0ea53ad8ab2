package main

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"

	"sae/data"
	"sae/nn"
	"sae/nn/analysis"
	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/web/chart"
)

//go:embed report.html
var page string

// colors are custom properties of the page's style sheet. The report's script
// resolves them, in light and in dark.
var colors = chart.Theme{
	Ink: "var(--ink)", Ink2: "var(--ink-2)", Line: "var(--line)", Edge: "var(--edge)", Panel: "var(--panel)", Raised: "var(--raised)",
	Accent: "var(--accent)", Warn: "var(--warn)", Act: [3]string{"var(--act-0)", "var(--act-1)", "var(--act-2)"},
	Font: "system-ui, sans-serif",
}

// report is a self-contained HTML page.
type report struct {
	Style   template.CSS
	ECharts template.JS
	Data    fit.Fingerprint
	Kernels string
	Tables  [][][]string // the first row of each is its header
	Runs    []reportRun
	Trade   json.RawMessage // a chart; nil for none

	data    fit.Data
	labels  []byte // of the validation images
	classes []string
}

// reportRun is the part of a report about one run.
type reportRun struct {
	Title    string
	Settings []experiment.Field
	Values   experiment.Settings
	Summary  nn.Summary
	Latest   fit.Evaluation
	Floor    float64
	Charts   []reportChart
	Pictures [][2]template.URL // original and reconstruction
	Units    string            // how many are active and dead
	Shown    []reportUnit      // the units that are active most often
}

// reportUnit describes a latent unit.
type reportUnit struct {
	Unit    int
	Active  float64 // percentage of the validation images
	Prefers string  // class that activates it most
	Atom    template.URL
}

type reportChart struct {
	Title  string
	Option json.RawMessage
}

// newReport reads the style sheet and ECharts from the built site.
func newReport(site string, set *data.Dataset, data fit.Data) (*report, error) {
	r := &report{Data: data.Fingerprint(), Kernels: kernels(), data: data, labels: set.Validation.Labels, classes: set.Classes}
	for name, use := range map[string]func(string){
		"style.css":  func(text string) { r.Style = template.CSS(text) },
		"echarts.js": func(text string) { r.ECharts = template.JS(text) },
	} {
		text, err := os.ReadFile(filepath.Join(site, name))
		if err != nil {
			return nil, fmt.Errorf("-report: %w; build it with: make build", err)
		}
		use(string(text))
	}
	return r, nil
}

// Numbers of validation images and latent units that a report shows.
const (
	picturesShown = 10
	unitsShown    = 32
)

// add adds a run and its evaluation.
func (r *report) add(run *fit.Run, evaluation *nn.Evaluation) error {
	n := run.Images()
	baselines := []baseline.Baseline{{Name: "mean image", Quality: baseline.MeanImage(r.data.Train[:n*r.data.Dims], r.data.Validation, r.data.Dims)}}
	floor := baseline.Floor(r.data.Validation)
	latest, _ := run.Latest()
	settings := run.Settings
	shown := reportRun{
		Title:    fmt.Sprintf("%d %s", settings.Experiment, experiment.Names[settings.Experiment]),
		Settings: fields,
		Values:   settings,
		Summary:  run.Auto.Architecture.Summary(),
		Latest:   latest,
		Floor:    floor,
	}
	curves := chart.Curves{
		Epochs: settings.Epochs, Floor: floor, Initial: run.Initial, Curve: run.Curve, History: run.History, Baselines: baselines,
	}
	for _, quantity := range []struct {
		quantity fit.Quantity
		title    string
	}{{fit.QuantityLoss, "Loss"}, {fit.QuantityExcess, "Loss above the entropy floor"}, {fit.QuantityPSNR, "PSNR"}} {
		curves.Quantity = quantity.quantity
		shown.Charts = append(shown.Charts, reportChart{quantity.title, chart.Loss(colors, curves)})
	}
	shown.describe(analysis.NewUnits(evaluation.Codes, r.labels, len(r.classes)), run.Decode, r.classes)
	pictures := r.data.Validation[:min(picturesShown*r.data.Dims, len(r.data.Validation))]
	_, outputs, err := run.Reconstruct(pictures)
	if err != nil {
		return err
	}
	reconstructions := data.Bytes(outputs)
	for first := 0; first < len(pictures); first += r.data.Dims {
		last := first + r.data.Dims
		shown.Pictures = append(shown.Pictures, [2]template.URL{picture(pictures[first:last]), picture(reconstructions[first:last])})
	}
	r.Runs = append(r.Runs, shown)
	return nil
}

// describe adds statistics of the latent units on the validation images.
func (r *reportRun) describe(units analysis.Units, decode func(codes []float32) []float32, classes []string) {
	units.Atoms = analysis.Atoms(decode, units)
	dead := units.Dead()
	alive := slices.DeleteFunc(units.By(func(unit int) float64 { return float64(units.Activity[unit]) }), func(unit int) bool { return dead[unit] })
	r.Units = fmt.Sprintf("%d of %d latent units are active on at least one image, %d are dead.", len(alive), len(dead), len(dead)-len(alive))
	most := alive[:min(unitsShown, len(alive))]
	for _, unit := range most {
		class, _ := units.Preferred(unit)
		r.Shown = append(r.Shown, reportUnit{unit, 100 * float64(units.Activity[unit]), classes[class], picture(units.Atom(unit))})
	}
	r.Charts = append(r.Charts,
		reportChart{"Mean activation of each latent unit", chart.MeanActivation(colors, units.Mean)},
		reportChart{"Share of the pictures on which each unit is active", chart.Activity(colors, units.Activity, dead)},
		reportChart{fmt.Sprintf("Activations other than zero; %.1f %% are zero", 100*units.Histogram.Zero), chart.Histogram(colors, units.Histogram)},
		reportChart{fmt.Sprintf("Mean activation by class, of the %d units that are active most often", len(most)), chart.HeatMap(colors, units.ByClass, most, classes)})
}

// tradeOff adds the chart of reconstruction against sparsity.
func (r *report) tradeOff(runs []fit.Result, pca []baseline.Components) {
	r.Trade = chart.TradeOff(colors, [][]fit.Result{runs}, pca)
}

// picture returns an image of HWC bytes as a PNG in a data URL.
func picture(bytesHWC []byte) template.URL {
	img := image.NewRGBA(image.Rect(0, 0, data.Width, data.Height))
	for i := 0; i+3 <= len(bytesHWC); i += 3 {
		img.Set(i/3%data.Width, i/3/data.Width, color.RGBA{bytesHWC[i], bytesHWC[i+1], bytesHWC[i+2], 255})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		panic(err) // cannot happen: it writes to a buffer
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes()))
}

func (r *report) write(w io.Writer) error {
	t, err := template.New("report").Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}
