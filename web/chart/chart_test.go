package chart

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sae/nn/analysis"
	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/fit"
)

var theme = Theme{
	Ink: "ink", Ink2: "ink2", Line: "line", Edge: "edge", Panel: "panel", Raised: "raised",
	Accent: "accent", Warn: "warn", Act: [3]string{"act0", "act1", "act2"}, Font: "font",
}

// parsed is the part of an option that the tests look at.
type parsed struct {
	Animation bool
	Tooltip   struct{ ValueFormatter, RenderMode string }
	VisualMap []struct{ Min, Max float64 }
	XAxis     parsedAxis
	YAxis     parsedAxis
	Series    []struct {
		ID, Name, Type string
		Symbol         string
		Data           []any
		ItemStyle      struct{ Color string }
		LineStyle      struct{ Type, Color string }
		EndLabel       struct{ Formatter string }
		LabelLayout    struct{ MoveOverlap string }
		Tooltip        *struct{ Show bool }
		MarkLine       struct {
			Data []struct {
				Name  string
				YAxis float64
				XAxis *float64
			}
		}
	}
}

type parsedAxis struct {
	Type          string
	Name          string
	Min, Max      float64
	Interval      float64
	Data          []string
	AxisLabel     struct{ Formatter string }
	NameTextStyle struct{ Color string }
}

func parse(t *testing.T, option json.RawMessage) parsed {
	t.Helper()
	var p parsed
	if err := json.Unmarshal(option, &p); err != nil {
		t.Fatalf("%v in %s", err, option)
	}
	if p.Animation {
		t.Error("the chart is animated")
	}
	if p.Tooltip.RenderMode != "richText" {
		t.Error("the tooltip is HTML")
	}
	return p
}

func meanImage() []baseline.Baseline {
	return []baseline.Baseline{{Name: "mean image", Quality: baseline.Quality{BCE: 0.69, MSE: 0.0617}}}
}

// curves returns what is known of a run after two epochs.
func curves() Curves {
	evaluation := func(loss, psnr float64) fit.Evaluation {
		return fit.Evaluation{ValLoss: loss, PSNR: psnr}
	}
	initial := evaluation(0.6931, 11.4)
	return Curves{
		Quantity: fit.QuantityLoss,
		Epochs:   20,
		Floor:    0.55,
		Initial:  &initial,
		Curve:    []fit.Point{{Epoch: 0.5, Loss: 0.66}, {Epoch: 1, Loss: 0.64}, {Epoch: 1.5, Loss: 0.62}, {Epoch: 2, Loss: 0.61}},
		History: []fit.Epoch{
			{Epoch: 1, Evaluation: evaluation(0.65, 14)},
			{Epoch: 2, Evaluation: evaluation(0.62, 16)},
		},
		Baselines: meanImage(),
	}
}

func TestLossBeforeThereIsData(t *testing.T) {
	p := parse(t, Loss(theme, Curves{Quantity: fit.QuantityLoss, Epochs: 20}))
	if p.XAxis.Min != 0 || p.XAxis.Max != 20 || p.XAxis.Interval != 5 {
		t.Errorf("x axis from %v to %v by %v, want 0 to 20 by 5", p.XAxis.Min, p.XAxis.Max, p.XAxis.Interval)
	}
	for _, series := range p.Series {
		if len(series.Data) > 0 || len(series.MarkLine.Data) > 0 {
			t.Errorf("series %s has data", series.ID)
		}
	}
}

// A moment of the run is marked by a line at its epoch, also that before training.
func TestLossMarksAMoment(t *testing.T) {
	c := curves()
	marked := func() (at []float64) {
		for _, line := range parse(t, Loss(theme, c)).Series[2].MarkLine.Data {
			if line.XAxis != nil {
				at = append(at, *line.XAxis)
			}
		}
		return at
	}
	if at := marked(); len(at) != 0 {
		t.Errorf("lines at %v, want none", at)
	}
	for _, epoch := range []float64{1.5, 0} {
		c.Shown = &epoch
		if at := marked(); !slices.Equal(at, []float64{epoch}) {
			t.Errorf("lines at %v, want one at %g", at, epoch)
		}
	}
}

func TestLossBeforeTraining(t *testing.T) {
	c := curves()
	c.Curve, c.History = nil, nil
	p := parse(t, Loss(theme, c))
	now := p.Series[2]
	if len(now.Data) != 1 || now.ItemStyle.Color != theme.Ink2 {
		t.Errorf("the untrained model is %v in %s, want one point in ink2", now.Data, now.ItemStyle.Color)
	}
	marks := now.MarkLine.Data
	if len(marks) != 2 || marks[0].Name != "mean image  0.6900" || marks[1].Name != "lowest possible  0.5500" {
		t.Errorf("marks %v, want the mean image and the entropy floor", marks)
	}
}

func TestLossInTraining(t *testing.T) {
	for _, test := range []struct {
		name                 string
		change               func(*Curves)
		axis                 string
		format, labels       string
		training, validation int // points
		firstTraining        float64
		marks                int
	}{
		{"loss", func(c *Curves) {}, "value", "%.4f", "%.2f", 4, 3, 0.66, 2},
		{"excess", func(c *Curves) { c.Quantity = fit.QuantityExcess }, "value", "%.4f", "%.2f", 4, 3, 0.11, 1},
		{"logarithmic", func(c *Curves) { c.Quantity, c.Log = fit.QuantityExcess, true }, "log", "%.4f", "%g", 4, 3, 0.11, 1},
		{"PSNR", func(c *Curves) { c.Quantity = fit.QuantityPSNR }, "value", "%.1f dB", "%.0f", 0, 3, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := curves()
			test.change(&c)
			p := parse(t, Loss(theme, c))
			if p.YAxis.Type != test.axis || p.Tooltip.ValueFormatter != test.format || p.YAxis.AxisLabel.Formatter != test.labels {
				t.Errorf("y axis %s, values %s, labels %s; want %s, %s, %s", p.YAxis.Type, p.Tooltip.ValueFormatter, p.YAxis.AxisLabel.Formatter, test.axis, test.format, test.labels)
			}
			training, validation, now := p.Series[0], p.Series[1], p.Series[2]
			if len(training.Data) != test.training || len(validation.Data) != test.validation || len(now.MarkLine.Data) != test.marks {
				t.Errorf("%d training points, %d validation points, %d marks; want %d, %d, %d", len(training.Data), len(validation.Data), len(now.MarkLine.Data), test.training, test.validation, test.marks)
			}
			if test.training > 0 {
				if got := training.Data[0].([]any)[1].(float64); got != test.firstTraining {
					t.Errorf("training starts at %v, want %v", got, test.firstTraining)
				}
			}
			if training.LineStyle.Type != "solid" || validation.LineStyle.Type != "dashed" || training.ItemStyle != validation.ItemStyle {
				t.Error("want training solid and validation dashed, in one hue")
			}
			for _, series := range p.Series {
				for _, datum := range series.Data {
					if y := datum.([]any)[1].(float64); y < p.YAxis.Min || y > p.YAxis.Max {
						t.Errorf("%s has %v outside of %v to %v", series.ID, y, p.YAxis.Min, p.YAxis.Max)
					}
				}
			}
		})
	}
}

// The tooltip tells of the validation wherever it tells of the training: the last one, and
// those to come of other runs. Nothing of that is drawn or saved.
func TestHover(t *testing.T) {
	c := curves()
	c.Others = []fit.Result{{ID: 4, Name: "Sparse", History: []fit.Epoch{{Epoch: 1, Evaluation: fit.Evaluation{ValLoss: 0.7}}, {Epoch: 9, Evaluation: fit.Evaluation{ValLoss: 0.6}}}}}
	p := parse(t, Loss(theme, c))
	if len(p.Series) != 6 {
		t.Fatalf("%d series, want the 4 that are drawn and 2 for the tooltip", len(p.Series))
	}
	for i, want := range map[int]string{
		4: "Validation [[0.5 0.6931] [1 0.65] [1.5 0.65] [2 0.62]]",
		5: "Sparse [[1 0.7] [1.5 0.7] [2 0.7] [9 0.6]]",
	} {
		if got := fmt.Sprint(p.Series[i].Name, p.Series[i].Data); got != strings.Replace(want, " ", "", 1) {
			t.Errorf("hovered, %s, want %s", got, want)
		}
		if drawn := p.Series[map[int]int{4: 1, 5: 3}[i]]; drawn.Tooltip == nil || drawn.Tooltip.Show || p.Series[i].LineStyle.Color != "transparent" {
			t.Errorf("%s is in the tooltip twice, or drawn twice", drawn.Name)
		}
	}
	c.Quantity = fit.QuantityPSNR
	if p := parse(t, Loss(theme, c)); len(p.Series) != 4 || p.Series[1].Tooltip != nil {
		t.Error("without a training curve, the validation curves are not in the tooltip themselves")
	}
}

// Labels of lines that are close to each other are on different sides of them, or of the
// chart.
func TestMarksDoNotCollide(t *testing.T) {
	s := scale{0, 1, 0.2}
	for _, values := range [][]float64{{0.5, 0.52}, {0.52, 0.5}, {0.5, 0.52, 0.54}, {0.5, 0.5}, {0, 0.01}, {1, 0.99}, {0.2, 0.5, 0.8}} {
		var marks []mark
		for i, value := range values {
			marks = append(marks, mark{strconv.Itoa(i), value})
		}
		seen := map[string][]float64{}
		for i, item := range theme.markLines(marks, "%.2f", "End", s.at).Data {
			position := item.(markItem).Label.Position
			low := values[i]
			if strings.HasSuffix(position, "Bottom") {
				low -= markHeight
			}
			side := strings.TrimRight(position, "TopBottom")
			for _, other := range seen[side] {
				if math.Abs(other-low) < markHeight {
					t.Errorf("marks at %v: the label of %g collides at %s", values, values[i], position)
				}
			}
			seen[side] = append(seen[side], low)
			if low < 0 || low+markHeight > 1 {
				t.Errorf("marks at %v: the label of %g is outside of the chart", values, values[i])
			}
		}
	}
	if got := (scale{0.01, 1, 0}).logAt(0.1); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("0.1 is at %g between 0.01 and 1, want the middle", got)
	}
}

// Both axes of every chart say what they show.
func TestAxesAreNamed(t *testing.T) {
	classes := []string{"cat", "dog"}
	for name, option := range map[string]json.RawMessage{
		"loss":                Loss(theme, curves()),
		"code":                Code(theme, []float32{1}, 1, nil),
		"mean":                MeanActivation(theme, []float32{1}),
		"activity":            Activity(theme, []float32{1}, nil),
		"density":             Density(theme, []float32{1}, nil, 400),
		"histogram":           Histogram(theme, analysis.Histogram{Shares: []float32{1}, Max: 1}),
		"unit":                UnitHistogram(theme, analysis.Histogram{Shares: []float32{1}, Max: 1}),
		"by class":            ByClass(theme, []float32{1, 2}, classes),
		"heat":                HeatMap(theme, []float32{1, 2}, []int{0}, classes),
		"map":                 Map(theme, []float32{1, 2}, []byte{1}, classes, 0),
		"what sparsity costs": TradeOff(theme, nil, nil),
	} {
		if p := parse(t, option); p.XAxis.Name == "" || p.YAxis.Name == "" {
			t.Errorf("%s: axes %q and %q", name, p.XAxis.Name, p.YAxis.Name)
		}
	}
}

// If the mean squared error trains, baselines are in it, and 0 is the floor.
func TestLossOfSquaredError(t *testing.T) {
	c := curves()
	c.MSE, c.Quantity = true, fit.QuantityLoss
	c.Baselines = []baseline.Baseline{{Name: "mean image", Quality: baseline.Quality{BCE: 0.69, MSE: 0.06}}}
	plain := parse(t, Loss(theme, c))
	marks := plain.Series[2].MarkLine.Data
	if len(marks) != 1 || marks[0].YAxis != 0.06 || plain.YAxis.Name != "loss (MSE)" {
		t.Errorf("marks %+v, axis %q", marks, plain.YAxis.Name)
	}
	c.Quantity = fit.QuantityExcess
	if excess := parse(t, Loss(theme, c)); fmt.Sprint(excess.Series[1].Data) != fmt.Sprint(plain.Series[1].Data) {
		t.Errorf("above the floor of 0: %v, want %v", excess.Series[1].Data, plain.Series[1].Data)
	}
}

// The runs that are shown have a line each, in another colour, with their names at its
// end.
func TestLossOfSeveralRuns(t *testing.T) {
	c := curves()
	c.Others = []fit.Result{{ID: 4, Name: "Sparse", History: []fit.Epoch{{Epoch: 20, Evaluation: fit.Evaluation{ValLoss: 0.8}}}}}
	colored := theme
	colored.Class = []string{"class0", "class1"}
	p := parse(t, Loss(colored, c))
	other := p.Series[3]
	for _, label := range []struct{ got, want string }{{other.EndLabel.Formatter, "{a}"}, {p.Series[1].EndLabel.Formatter, "this run"}} {
		if label.got != label.want {
			t.Errorf("a line ends with %q, want %q", label.got, label.want)
		}
	}
	if other.LabelLayout.MoveOverlap != "shiftY" {
		t.Error("labels of lines may overlap")
	}
	if other.Name != "Sparse" || len(other.Data) != 1 || other.ItemStyle.Color != "class1" || other.LineStyle.Type != "dashed" {
		t.Errorf("series %+v", other)
	}
	if p.YAxis.Max < 0.8 {
		t.Errorf("the axis ends at %v", p.YAxis.Max)
	}
}

func TestLossTakesWhatIsNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, quantity := range []fit.Quantity{fit.QuantityLoss, fit.QuantityExcess, fit.QuantityPSNR} {
			for _, log := range []bool{false, true} {
				c := curves()
				c.Quantity, c.Log = quantity, log && quantity == fit.QuantityExcess
				c.Curve = append(c.Curve, fit.Point{Epoch: 2.5, Loss: bad})
				c.History = append(c.History, fit.Epoch{Epoch: 3, Evaluation: fit.Evaluation{ValLoss: bad, PSNR: bad}})
				c.Baselines[0].Quality.MSE = 0
				parse(t, Loss(theme, c)) // panics where JSON has no number
			}
		}
	}
}

func TestLossBelowTheFloorHasNoLogarithm(t *testing.T) {
	c := curves()
	c.Quantity, c.Log = fit.QuantityExcess, true
	c.Curve = append(c.Curve, fit.Point{Epoch: 2.5, Loss: c.Floor - 0.01})
	if p := parse(t, Loss(theme, c)); len(p.Series[0].Data) != 4 || p.YAxis.Min <= 0 {
		t.Errorf("%d points above %v, want 4 above a positive number", len(p.Series[0].Data), p.YAxis.Min)
	}
}

func TestLossThinsLongCurves(t *testing.T) {
	c := curves()
	c.Curve = nil
	for i := range 2000 {
		c.Curve = append(c.Curve, fit.Point{Epoch: float64(i+1) / 100, Loss: 0.6 + 0.01*float64(i%2)})
	}
	data := parse(t, Loss(theme, c)).Series[0].Data
	if len(data) > maxPoints {
		t.Errorf("%d points, want at most %d", len(data), maxPoints)
	}
	last := data[len(data)-1].([]any)
	if last[0].(float64) != 20 || last[1].(float64) != 0.605 {
		t.Errorf("last point %v, want the mean of its neighbours, [20 0.605]", last)
	}

	c = curves()
	c.History = nil
	for i := range 1999 {
		c.History = append(c.History, fit.Epoch{Epoch: i + 1, Evaluation: fit.Evaluation{ValLoss: 1 / float64(i+1)}})
	}
	c.Others = []fit.Result{{History: c.History}}
	drawn := parse(t, Loss(theme, c)).Series
	for _, series := range []int{1, 3} {
		data := drawn[series].Data
		if len(data) > maxPoints+1 { // and the untrained model's
			t.Errorf("series %d: %d points, want at most %d", series, len(data), maxPoints+1)
		}
		if last := data[len(data)-1].([]any); last[0].(float64) != 1999 || last[1].(float64) != 0.0005 {
			t.Errorf("series %d: last point %v, want that of the last epoch", series, last)
		}
	}
	c.All = true
	if data := parse(t, Loss(theme, c)).Series[1].Data; len(data) != 2000 {
		t.Errorf("%d points of all, want 2000", len(data))
	}
}

func TestCode(t *testing.T) {
	p := parse(t, Code(theme, []float32{0, 1.25, 0, 2}, 3, []bool{true, false, true, false}))
	bars, crosses := p.Series[0], p.Series[1]
	if len(bars.Data) != 4 || bars.Data[1].(float64) != 1.25 || p.XAxis.Data[3] != "3" {
		t.Errorf("bars %v over units %v", bars.Data, p.XAxis.Data)
	}
	if len(crosses.Data) != 2 || crosses.Data[1].([]any)[0].(float64) != 2 || crosses.Tooltip.Show {
		t.Errorf("crosses %v, want the units 0 and 2, without a tooltip", crosses.Data)
	}
	if p.YAxis.Max != 3 || p.VisualMap[0].Max != 3 {
		t.Errorf("y axis to %v, colours to %v, want 3", p.YAxis.Max, p.VisualMap[0].Max)
	}
}

// A linear latent layer has codes of both signs.
func TestCodeOfBothSigns(t *testing.T) {
	p := parse(t, Code(theme, []float32{-1.5, 0.5}, 1.5, nil))
	if p.YAxis.Min != -p.YAxis.Max || p.YAxis.Max < 1.5 || p.VisualMap[0].Min != p.YAxis.Min {
		t.Errorf("y axis from %v to %v, colours from %v", p.YAxis.Min, p.YAxis.Max, p.VisualMap[0].Min)
	}
}

func TestTradeOff(t *testing.T) {
	var l1, topK []fit.Result
	for i, lambda := range []float64{0, 1e-5} {
		settings := experiment.Default()
		settings.Lambda = lambda
		l1 = append(l1, fit.Result{ID: 1 + i, Settings: settings, Evaluation: fit.Evaluation{ValMSE: 0.02 + 0.01*float64(i), FVU: 0.5, Active: 40 - 10*float64(i)}})
	}
	settings := experiment.Default()
	settings.Sparsity, settings.K, settings.Latent = experiment.TopK, 8, 128
	topK = append(topK, fit.Result{ID: 3, Settings: settings, Evaluation: fit.Evaluation{ValMSE: 0.011, Active: 8}})
	pca := []baseline.Components{{K: 1, Quality: baseline.Quality{MSE: 0.05}}, {K: 100, Quality: baseline.Quality{MSE: 0.006}}}
	p := parse(t, TradeOff(theme, [][]fit.Result{l1, topK}, pca))
	point := func(series, i int) map[string]any { return p.Series[series].Data[i].(map[string]any) }
	if got := point(0, 1); !strings.HasPrefix(got["name"].(string), "L1, λ 1e-5\nMSE 0.03000\nFVU 0.500\n30.0 of 64 units") || got["label"].(map[string]any)["formatter"] != "λ 1e-5" || !slices.Equal(got["value"].([]any), []any{30.0, 0.03}) {
		t.Errorf("with L1 %v", got)
	}
	if got := point(1, 0); got["name"] != "TopK, k 8\nMSE 0.01100\n8.0 of 128 units active" {
		t.Errorf("with TopK %v", got)
	}
	if got := point(2, 1); got["name"] != "PCA-100\nMSE 0.00600" || !slices.Equal(got["value"].([]any), []any{100.0, 0.006}) {
		t.Errorf("of components %v", got)
	}
	if a, b, c := p.Series[0], p.Series[1], p.Series[2]; a.Name != "L1" || b.Name != "TopK" || c.Name != "PCA" || a.Symbol == b.Symbol || b.Symbol == c.Symbol {
		t.Errorf("series %v, %v, %v", a, b, c)
	}
	if p.XAxis.Max != 128 || p.XAxis.Min != 1 || p.YAxis.Min != 1.0/256 || p.YAxis.Max != 1.0/16 {
		t.Errorf("axes from %v to %v and from %v to %v", p.XAxis.Min, p.XAxis.Max, p.YAxis.Min, p.YAxis.Max)
	}
	for name, change := range map[string]func(*fit.Result){
		"an infinite error": func(r *fit.Result) { r.ValMSE = math.Inf(1) },
		"no active unit":    func(r *fit.Result) { r.Active = 0 },
	} {
		runs := slices.Clone(l1)
		change(&runs[0])
		if p := parse(t, TradeOff(theme, [][]fit.Result{runs}, nil)); len(p.Series[0].Data) != 1 {
			t.Errorf("with %s: points %v, want the other one", name, p.Series[0].Data)
		}
	}
}

func TestUnitsWithoutActivation(t *testing.T) {
	for name, option := range map[string]json.RawMessage{
		"zeros":   Code(theme, make([]float32, 64), 0, nil),
		"none":    MeanActivation(theme, nil),
		"NaN":     MeanActivation(theme, []float32{float32(math.NaN()), float32(math.Inf(1))}),
		"no bins": Histogram(theme, analysis.Histogram{}),
	} {
		if p := parse(t, option); !(p.YAxis.Max > 0) {
			t.Errorf("%s: y axis to %v", name, p.YAxis.Max)
		}
	}
}

func TestActivity(t *testing.T) {
	p := parse(t, Activity(theme, []float32{0.5, 0}, []bool{false, true}))
	if p.Series[0].Data[0].(float64) != 50 || len(p.Series[1].Data) != 1 {
		t.Errorf("bars %v, crosses %v, want 50 and a cross for unit 1", p.Series[0].Data, p.Series[1].Data)
	}
	if p.YAxis.Max != 100 || p.YAxis.AxisLabel.Formatter != "%.0f %%" {
		t.Errorf("y axis to %v in %s, want 100 in percent", p.YAxis.Max, p.YAxis.AxisLabel.Formatter)
	}
}

// Each unit is in the bin of its density, four to a decade, from that of one picture to that of
// all; dead units are apart. The moment before is a line over the same bins.
func TestDensity(t *testing.T) {
	p := parse(t, Density(theme, []float32{0, 0, 0.001, 0.01, 0.0101, 0.5, 1, 1, 1}, []float32{0, 1}, 1000))
	want := []float64{2, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 3} // dead, 0.1 % to 0.18 %, …, 56 % to 100 %
	if len(p.Series[0].Data) != len(want) || len(p.Series[1].Data) != len(want) {
		t.Fatalf("%d bars and %d points, want %d of each", len(p.Series[0].Data), len(p.Series[1].Data), len(want))
	}
	for i, units := range want {
		bar := p.Series[0].Data[i].(map[string]any)
		value := bar["value"].([]any)
		before := 0.0
		if i == 0 || i == len(want)-1 {
			before = 1
		}
		if point := p.Series[1].Data[i].([]any); value[1] != units || point[0] != value[0] || point[1] != before {
			t.Errorf("bin %d at %v %%: %v units, %v before, want %v and %v", i, value[0], value[1], point[1], units, before)
		}
		if at, center := value[0].(float64), 0.1*math.Pow(10, (float64(i)-0.5)/4); math.Abs(at/center-1) > 1e-3 {
			t.Errorf("bin %d is at %g %%, want %g", i, at, center)
		}
	}
	if name := p.Series[0].Data[1].(map[string]any)["name"]; name != "0.1 % to 0.18 % of the pictures\nunits: 1" {
		t.Errorf("the second bar is called %q", name)
	}
	if p := parse(t, Density(theme, nil, nil, 0)); !(p.YAxis.Max > 0) || p.XAxis.Max != 100 || len(p.Series[1].Data) != 0 {
		t.Errorf("without units, axes to %v and %v", p.XAxis.Max, p.YAxis.Max)
	}
}

func TestHistogram(t *testing.T) {
	p := parse(t, Histogram(theme, analysis.Histogram{Shares: []float32{0.3, 0.1}, Zero: 0.6, Max: 2}))
	first := p.Series[0].Data[0].([]any)
	if first[0].(float64) != 0.5 || first[1].(float64) != 30 {
		t.Errorf("first bar %v, want 30 %% around 0.5", first)
	}
	if p.XAxis.Max != 2 || p.YAxis.Max < 30 {
		t.Errorf("axes to %v and %v", p.XAxis.Max, p.YAxis.Max)
	}
}

// That of a unit has a line where it begins to be active, also between both signs.
func TestUnitHistogram(t *testing.T) {
	p := parse(t, UnitHistogram(theme, analysis.Histogram{Shares: []float32{0.3, 0.1}, Zero: 0.6, Max: 2}))
	if line := p.Series[0].MarkLine.Data; len(line) != 1 || line[0].Name != "active above 0" || p.XAxis.Min >= 0 || p.XAxis.Max != 2 {
		t.Errorf("lines %v from %v to %v", line, p.XAxis.Min, p.XAxis.Max)
	}
	p = parse(t, UnitHistogram(theme, analysis.Histogram{Shares: []float32{0.3, 0.7}, Min: -3, Max: 1}))
	first := p.Series[0].Data[0].([]any)
	if line := p.Series[0].MarkLine.Data; len(line) != 1 || line[0].Name != "0" || p.XAxis.Min != -3 || first[0].(float64) != -2 {
		t.Errorf("lines %v from %v, the first bar at %v", line, p.XAxis.Min, first[0])
	}
}

func TestNice(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		steps     int
		want      scale
		format    string
	}{
		{0, 20, 4, scale{0, 20, 5}, "%.0f"},
		{0.547, 0.703, 4, scale{0.52, 0.72, 0.04}, "%.2f"},
		{0, 3.4, 3, scale{0, 4, 2}, "%.0f"},
		{0, 0.08, 4, scale{0, 0.08, 0.02}, "%.2f"},
		{1, 1, 4, scale{0.8, 2, 0.4}, "%.1f"},
	} {
		got := nice(test.low, test.high, test.steps)
		if got.step != test.want.step || got.min != test.want.min || got.max < test.high {
			t.Errorf("nice(%v, %v, %d) = %v, want %v", test.low, test.high, test.steps, got, test.want)
		}
		if format := got.format(); format != test.format {
			t.Errorf("%v has format %s, want %s", got, format, test.format)
		}
	}
}

func TestThemeReachesTheOption(t *testing.T) {
	option := string(Loss(theme, curves())) + string(Code(theme, []float32{1}, 1, []bool{true})) + string(Histogram(theme, analysis.Histogram{Shares: []float32{1}, Max: 1}))
	for _, color := range append(theme.Act[:], theme.Ink, theme.Ink2, theme.Line, theme.Edge, theme.Panel, theme.Raised, theme.Accent, theme.Warn, theme.Font) {
		if !strings.Contains(option, `"`+color+`"`) {
			t.Errorf("%s is nowhere in the options", color)
		}
	}
}

// With many classes, the charts by class do not name more than they have room for, and
// classes of the same colour have different marks on the map.
func TestManyClasses(t *testing.T) {
	classes := make([]string, 2*NamedClasses)
	labels := make([]byte, len(classes))
	for i := range classes {
		classes[i], labels[i] = fmt.Sprint("class ", i), byte(i)
	}
	var axis struct {
		YAxis struct{ AxisLabel struct{ Interval *int } }
	}
	for n, all := range map[int]bool{2: true, NamedClasses: true, len(classes): false} {
		axis.YAxis.AxisLabel.Interval = nil
		if err := json.Unmarshal(ByClass(theme, make([]float32, n), classes[:n]), &axis); err != nil {
			t.Fatal(err)
		}
		if interval := axis.YAxis.AxisLabel.Interval; (interval != nil && *interval == 0) != all {
			t.Errorf("%d classes: interval of names %v", n, interval)
		}
	}
	var option struct {
		Series []struct {
			Symbol    string
			ItemStyle struct{ Color string }
		}
	}
	colored := theme
	colored.Class = strings.Fields("c0 c1 c2 c3 c4 c5 c6 c7 c8 c9")
	if err := json.Unmarshal(Map(colored, make([]float32, 2*len(labels)), labels, classes, -1), &option); err != nil {
		t.Fatal(err)
	}
	marks := map[string]int{}
	for class, series := range option.Series[:4*len(colored.Class)] {
		mark := series.Symbol + series.ItemStyle.Color
		if other, ok := marks[mark]; ok {
			t.Errorf("classes %d and %d have the same mark", other, class)
		}
		marks[mark] = class
	}
}
