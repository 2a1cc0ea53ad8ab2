package chart_test

import (
	"encoding/json"
	"fmt"

	"sae/nn/fit"
	"sae/web/chart"
)

func ExampleLoss() {
	option := chart.Loss(chart.Theme{Accent: "rebeccapurple"}, chart.Curves{
		Quantity: fit.QuantityLoss,
		Epochs:   20,
		Curve:    []fit.Point{{Epoch: 0.5, Loss: 0.66}, {Epoch: 1, Loss: 0.64}},
	})
	var parsed struct {
		Series []struct {
			Name string
			Data [][2]float64
		}
	}
	if err := json.Unmarshal(option, &parsed); err != nil {
		panic(err)
	}
	fmt.Println(parsed.Series[0].Name, parsed.Series[0].Data)
	// Output: Training [[0.5 0.66] [1 0.64]]
}
