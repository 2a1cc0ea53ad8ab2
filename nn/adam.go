package nn

import (
	"fmt"
	"math"
)

// Adam holds the hyperparameters of Adam in Keras's form (Kingma and Ba 2015,
// the "epsilon hat" of their section 2):
//
//	m ← β₁·m + (1−β₁)·g
//	v ← β₂·v + (1−β₂)·g²
//	w ← w − α·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε)
//
// Others, TensorFlow.js among them, divide by √(v/(1−β₂ᵗ)) + ε instead, which
// is not the same optimiser: ε then counts for more in the first steps.
//
// With a Decay, α falls by that factor every DecaySteps steps, smoothly, as
// with Keras's ExponentialDecay: α·Decay^((t−1)/DecaySteps) in step t, from 1.
type Adam struct {
	LearningRate float64 // α
	Beta1, Beta2 float64
	Epsilon      float64 // ε
	Decay        float64 // of α; 0 and 1 for none
	DecaySteps   int     // at least 1 where there is a Decay
}

// DefaultAdam is Keras's default.
var DefaultAdam = Adam{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}

// decays reports whether the learning rate changes.
func (a Adam) decays() bool { return a.Decay != 0 && a.Decay != 1 }

// Validate reports the first hyperparameter that makes no optimiser.
func (a Adam) Validate() error {
	if !(a.LearningRate > 0) || math.IsInf(a.LearningRate, 1) {
		return fmt.Errorf("nn: learning rate %g: want a finite number above 0", a.LearningRate)
	}
	for _, beta := range []float64{a.Beta1, a.Beta2} {
		if !(beta >= 0 && beta < 1) {
			return fmt.Errorf("nn: beta %g: want at least 0 and less than 1", beta)
		}
	}
	if !(a.Epsilon > 0) || math.IsInf(a.Epsilon, 1) {
		return fmt.Errorf("nn: epsilon %g: want a finite number above 0", a.Epsilon)
	}
	if !(a.Decay >= 0 && a.Decay <= 1) {
		return fmt.Errorf("nn: decay %g: want 0 to 1", a.Decay)
	}
	if a.decays() && a.DecaySteps < 1 {
		return fmt.Errorf("nn: decay over %d steps: want at least 1", a.DecaySteps)
	}
	return nil
}

// alpha returns the learning rate α of step t, from 1.
func (a Adam) alpha(t int) float64 {
	if !a.decays() {
		return a.LearningRate
	}
	return a.LearningRate * math.Pow(a.Decay, float64(t-1)/float64(a.DecaySteps))
}

// rate returns the step size of step t, from 1: α with the bias correction.
func (a Adam) rate(t int) float64 {
	return a.alpha(t) * math.Sqrt(1-math.Pow(a.Beta2, float64(t))) / (1 - math.Pow(a.Beta1, float64(t)))
}
