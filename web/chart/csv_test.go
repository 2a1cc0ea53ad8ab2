package chart

import (
	"encoding/json"
	"strings"
	"testing"

	"sae/nn/analysis"
	"sae/nn/baseline"
	"sae/nn/fit"
)

// The data of every chart come out as they were put in.
func TestCSV(t *testing.T) {
	run := fit.Result{Name: "Sparse", Evaluation: fit.Evaluation{Active: 12.5, ValMSE: 0.02}}
	run.Settings.Lambda, run.Settings.Latent = 1e-5, 64
	classes := []string{"cat", "dog"}
	for name, c := range map[string]struct {
		chart json.RawMessage
		want  []string
	}{
		"loss": {Loss(Theme{}, Curves{
			Quantity: fit.QuantityLoss, Epochs: 20, Floor: 0.54, Initial: &fit.Evaluation{ValLoss: 0.69},
			Curve: []fit.Point{{Epoch: 0.5, Loss: 0.65}}, History: []fit.Epoch{{Epoch: 1, Evaluation: fit.Evaluation{ValLoss: 0.64}}},
			Baselines: []baseline.Baseline{{Name: "mean image", Quality: baseline.Quality{BCE: 0.68}}},
		}), []string{"series,epoch,loss,value", "Training,0.5,0.65,", "Validation,0,0.69,", "Validation,1,0.64,", "mean image,,0.68,", "lowest possible,,0.54,"}},
		"code":           {Code(Theme{}, []float32{0, 2.5}, 3, []bool{true, false}), []string{"series,latent unit,activation,value", "Activation,0,0,", "Activation,1,2.5,"}},
		"histogram":      {Histogram(Theme{}, analysis.Histogram{Shares: []float32{0.25, 0.5}, Max: 2}), []string{"series,activation,activations,value", "of all activations,0.5,25,", "of all activations,1.5,50,"}},
		"by class":       {ByClass(Theme{}, []float32{1, 2}, classes), []string{"series,mean activation,class,value", "Mean activation,1,cat,", "Mean activation,2,dog,"}},
		"units by class": {HeatMap(Theme{}, []float32{1, 2, 3, 4}, []int{1, 0}, classes), []string{"series,latent unit,class,value", "Mean activation,1,cat,3", "Mean activation,1,dog,4", "Mean activation,0,cat,1", "Mean activation,0,dog,2"}},
		"map":            {Map(Theme{}, []float32{1, 2, 3, 4}, []byte{1, 0}, classes, 1), []string{"series,first principal component of the codes,second principal component,value", "cat,3,4,1", "dog,1,2,0"}},
		"trade-off":      {TradeOff(Theme{}, [][]fit.Result{{run}}, nil), []string{`series,"active units (L0), mean per picture",validation MSE,value`, "Sparse,12.5,0.02,"}},
	} {
		text, err := CSV(c.chart)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Split(strings.TrimSpace(text), "\n"); strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	if _, err := CSV(json.RawMessage("{")); err == nil {
		t.Error("half a chart has data")
	}
}
