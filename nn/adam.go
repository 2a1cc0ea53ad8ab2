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
// Others, such as TensorFlow.js, divide by √(v/(1−β₂ᵗ)) + ε. That is a different
// optimiser: there, ε weighs less in the first steps.
//
// With a Decay, the learning rate of step t, from 1, is α·Decay^((t−1)/DecaySteps), as
// with Keras's ExponentialDecay. In the first WarmupSteps steps, it is t/WarmupSteps times
// that.
type Adam struct {
	LearningRate float64 // α
	Beta1, Beta2 float64
	Epsilon      float64 // ε
	Decay        float64 // factor of α per DecaySteps; 0 or 1 for none
	DecaySteps   int     // at least 1 with a Decay
	WarmupSteps  int     // 0 for none
}

// DefaultAdam is Keras's default.
var DefaultAdam = Adam{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}

// decays reports whether the learning rate changes.
func (a Adam) decays() bool { return a.Decay != 0 && a.Decay != 1 }

// Validate returns an error for the first invalid hyperparameter: a learning rate or ε
// that is not positive and finite, a β outside [0, 1), a decay outside [0, 1], fewer
// than one decay step, or a negative number of warm-up steps.
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
	if a.WarmupSteps < 0 {
		return fmt.Errorf("nn: warm-up over %d steps: want at least 0", a.WarmupSteps)
	}
	return nil
}

// alpha returns the learning rate α of step t, from 1.
func (a Adam) alpha(t int) float64 {
	alpha := a.LearningRate
	if a.decays() {
		alpha *= math.Pow(a.Decay, float64(t-1)/float64(a.DecaySteps))
	}
	if t < a.WarmupSteps {
		alpha *= float64(t) / float64(a.WarmupSteps)
	}
	return alpha
}

// Rate returns the step size of step t, from 1: α with Adam's bias correction.
func (a Adam) Rate(t int) float64 {
	return a.alpha(t) * math.Sqrt(1-math.Pow(a.Beta2, float64(t))) / (1 - math.Pow(a.Beta1, float64(t)))
}
