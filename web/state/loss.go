package state

import (
	"fmt"

	"sae/nn"
	"sae/nn/baseline"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// Loss is the loss chart: the quantity and the baselines that it shows.
type Loss struct {
	Quantity fit.Quantity
	Log      bool // whether the axis is logarithmic
	ShowMean bool // whether the mean image is a baseline
	ShowPCA  bool // whether principal components are

	pcas  map[pcaSize]baseline.Quality // known, of the data set in use
	asked pcaSize                      // that the worker is computing
	curve pcaCurve

	worker   *Worker
	dataset  *Dataset
	training *Training
}

// Show chooses the quantity. Only the excess has a logarithmic axis, because only the excess
// approaches zero.
func (l *Loss) Show(quantity fit.Quantity) {
	l.Quantity = quantity
	l.Log = l.Log && quantity == fit.QuantityExcess
}

// ShowLog switches the logarithmic axis, which shows the excess.
func (l *Loss) ShowLog(on bool) {
	l.Log = on
	if on {
		l.Quantity = fit.QuantityExcess
	}
}

// Baselines returns the baselines that are switched on and known.
func (l *Loss) Baselines() []baseline.Baseline {
	var baselines []baseline.Baseline
	if l.ShowMean && l.dataset.MeanBCE > 0 {
		baselines = append(baselines, baseline.Baseline{Name: "mean image", Quality: baseline.Quality{BCE: l.dataset.MeanBCE, MSE: l.dataset.MeanMSE}})
	}
	if quality, ok := l.PCA(); ok && l.ShowPCA {
		baselines = append(baselines, baseline.Baseline{Name: fmt.Sprintf("PCA-%d", l.pcaSize().k), Quality: quality})
	}
	return baselines
}

// pcaSize is a number of principal components and the number of training images that they
// are computed from.
type pcaSize struct{ k, images int }

func (l *Loss) pcaSize() pcaSize {
	return pcaSize{l.Components(), l.training.Settings.TrainingImages(l.dataset.Train)}
}

// Components returns the number of principal components that a model is compared with: as
// many as numbers in the codes of a picture can differ from 0, which are the latent units, or
// k of TopK, of each patch.
func (l *Loss) Components() int {
	s := l.training.Settings
	if s.K > 0 {
		return s.K * s.PerImage()
	}
	return s.Latent * s.PerImage()
}

// pcaCurve is the quality of some numbers of principal components.
type pcaCurve struct {
	asked pcaSize // number and images of all of them; the zero value if none were asked for
	known []baseline.Components
}

// PCACurve returns the quality of 1, 2, 4, … principal components, at most as many as latent
// units; nil while it is unknown.
func (l *Loss) PCACurve() []baseline.Components { return l.curve.known }

// WithoutCurve says why there is no curve of principal components; "" if there is one, or will be.
func (l *Loss) WithoutCurve() string {
	switch {
	case l.training.Settings.Patch != 0:
		return "principal components, which are of whole pictures, are not comparable with codes of patches"
	case l.worker.Kernel == "go":
		return "principal components would take minutes without the SIMD kernels"
	}
	return ""
}

// askCurve asks the worker for the curve, unless that would delay training. The most
// components asked for stay.
func (l *Loss) askCurve() {
	images := l.training.Settings.TrainingImages(l.dataset.Train)
	size := pcaSize{min(l.training.Settings.Latent, baseline.MaxPCA, images), images}
	switch {
	case l.training.Status == StatusLoading || l.training.Status == protocol.StatusTraining || l.WithoutCurve() != "":
		return
	case l.curve.asked.images == size.images && l.curve.asked.k >= size.k || size.k < 1:
		return
	}
	l.curve = pcaCurve{asked: size}
	run := l.training.run
	l.worker.command(protocol.New(protocol.TypePCACurve, protocol.PCA{K: size.k, Images: size.images}), func(reply protocol.Message) {
		if l.curve.asked != size {
			return // of another data set, or of fewer images
		}
		curve, err := answer[[]baseline.Components](reply)
		if err != nil {
			if run != l.training.run { // which interrupted the worker; otherwise, asking again would fail again
				l.curve.asked = pcaSize{}
			}
			return
		}
		l.curve.known = curve
	})
}

// MSE reports whether the mean squared error trains.
func (l *Loss) MSE() bool { return l.training.Settings.Loss == nn.MSE.String() }

// PCA returns the quality of so many principal components on the validation images; ok is
// false while it is unknown.
func (l *Loss) PCA() (quality baseline.Quality, ok bool) {
	quality, ok = l.pcas[l.pcaSize()]
	return quality, ok
}

// PCAPossible reports whether principal components can be a baseline: there must not be
// too many, nor more than there are images.
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

// askPCA asks the worker for the principal components if they are shown and unknown.
func (l *Loss) askPCA() {
	size := l.pcaSize()
	if _, known := l.pcas[size]; known || !l.ShowPCA || !l.PCAPossible() || l.asked == size || l.dataset.Train == 0 {
		return
	}
	l.asked = size
	pcas, run := l.pcas, l.training.run
	l.worker.command(protocol.New(protocol.TypePCA, protocol.PCA{K: size.k, Images: size.images}), func(reply protocol.Message) {
		l.asked = pcaSize{}
		quality, err := answer[baseline.Quality](reply)
		if err == nil {
			pcas[size] = quality
		} else if run == l.training.run {
			return // asking again would fail again
		}
		l.askPCA() // the settings may have changed since
	})
}
