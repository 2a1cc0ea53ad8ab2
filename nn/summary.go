package nn

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// LayerSummary is a line of a [Summary].
type LayerSummary struct {
	Name       string // "input", or the name of the dense layer
	Activation string // as Keras names it; "" for the input
	Units      int
	Parameters int // of kernel and bias
}

// Summary lists the layers of an autoencoder from input to output.
type Summary []LayerSummary

// Summary returns the autoencoder's layers.
func (a Architecture) Summary() Summary {
	summary := Summary{{Name: "input", Units: a.InputDims}}
	for _, layer := range a.dense() {
		summary = append(summary, LayerSummary{layer.Name, layer.Activation.String(), layer.Out, (layer.In + 1) * layer.Out})
	}
	return summary
}

// Parameters returns the number of parameters of all layers.
func (s Summary) Parameters() int {
	total := 0
	for _, layer := range s {
		total += layer.Parameters
	}
	return total
}

// String returns a table like that of Keras's summary().
func (s Summary) String() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "Layer (type)\tOutput shape\tParameters")
	for _, layer := range s {
		kind := "InputLayer"
		if layer.Activation != "" {
			kind = "Dense, " + layer.Activation
		}
		fmt.Fprintf(table, "%s (%s)\t(None, %d)\t%d\n", layer.Name, kind, layer.Units, layer.Parameters)
	}
	table.Flush()
	fmt.Fprintf(&text, "Total parameters: %d (%.2f MB)\n", s.Parameters(), float64(4*s.Parameters())/(1<<20))
	return text.String()
}
