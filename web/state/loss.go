package state

import (
	"fmt"

	"sae/nn/baseline"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// Loss is the chart of the losses: what it shows of the run, and what that is
// held against.
type Loss struct {
	Quantity fit.Quantity
	Log      bool // logarithmic excess
	ShowMean bool // whether there is a line for the mean image
	ShowPCA  bool // and for principal components

	pcas  map[pcaSize]baseline.Quality // of the data set in use
	asked pcaSize                      // what the worker was asked for

	worker   *Worker
	dataset  *Dataset
	training *Training
}

// Show chooses what the loss chart shows. Only the excess can be
// logarithmic: it alone goes towards zero.
func (l *Loss) Show(quantity fit.Quantity) {
	l.Quantity = quantity
	l.Log = l.Log && quantity == fit.QuantityExcess
}

// ShowLog switches the logarithmic scale, which implies the excess.
func (l *Loss) ShowLog(on bool) {
	l.Log = on
	if on {
		l.Quantity = fit.QuantityExcess
	}
}

// Baselines returns those that are switched on and known.
func (l *Loss) Baselines() []baseline.Baseline {
	var baselines []baseline.Baseline
	if l.ShowMean && l.dataset.Train > 0 {
		baselines = append(baselines, baseline.Baseline{Name: "mean image", Quality: baseline.Quality{BCE: l.dataset.MeanBCE, MSE: l.dataset.MeanMSE}})
	}
	if quality, ok := l.PCA(); ok && l.ShowPCA {
		baselines = append(baselines, baseline.Baseline{Name: fmt.Sprintf("PCA-%d", l.pcaSize().k), Quality: quality})
	}
	return baselines
}

// pcaSize is what principal components are found of: how many, of how many
// training images.
type pcaSize struct{ k, images int }

func (l *Loss) pcaSize() pcaSize {
	return pcaSize{l.training.Settings.Latent, l.training.Settings.TrainingImages(l.dataset.Train)}
}

// PCA returns how well as many principal components as there are latent units
// reconstruct the validation images; ok is false while that is unknown.
func (l *Loss) PCA() (quality baseline.Quality, ok bool) {
	quality, ok = l.pcas[l.pcaSize()]
	return quality, ok
}

// PCAPossible reports whether principal components can be held against the
// model: whether it has few enough latent units, and no more than images.
func (l *Loss) PCAPossible() bool {
	size := l.pcaSize()
	return size.k <= min(baseline.MaxPCA, size.images)
}

// SwitchMean shows or hides the mean image in the loss chart.
func (l *Loss) SwitchMean(on bool) { l.ShowMean = on }

// SwitchPCA shows or hides the principal components in the loss chart.
func (l *Loss) SwitchPCA(on bool) {
	l.ShowPCA = on
	l.askPCA()
}

// askPCA asks for the principal components where they are wanted and unknown.
func (l *Loss) askPCA() {
	size := l.pcaSize()
	if _, known := l.pcas[size]; known || !l.ShowPCA || !l.PCAPossible() || l.asked == size || l.dataset.Train == 0 {
		return
	}
	l.asked = size
	pcas, run := l.pcas, l.training.run // of this data set, and whose
	l.worker.command(protocol.New(protocol.TypePCA, protocol.PCA{K: size.k, Images: size.images}), func(reply protocol.Message) {
		l.asked = pcaSize{}
		quality, err := answer[baseline.Quality](reply)
		if err == nil {
			pcas[size] = quality
		} else if run == l.training.run {
			return // asking again would change nothing
		}
		l.askPCA() // for what may have been wanted in the meantime
	})
}
