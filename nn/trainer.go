package nn

import (
	"fmt"
	"math"
)

// Loss is what training minimises, in nats.
type Loss struct {
	BCE float64 // binary cross-entropy, mean over images and outputs
	L1  float64 // the penalty λ·Σ|latent activation| / images
}

// Total returns BCE + L1, which Keras reports as loss or val_loss.
func (l Loss) Total() float64 { return l.BCE + l.L1 }

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

// Trainer trains an autoencoder, alone or as the first of a team. It owns
// Adam's moments and the activations of a batch; a step allocates nothing.
//
// An error of any of its methods other than a refused argument leaves the
// training in the middle of something: the trainer is then of no more use.
type Trainer struct {
	// Yield, when set, is called often during a step and an evaluation. An
	// error ends them and is returned.
	Yield func() error

	auto  *Autoencoder
	adam  Adam
	batch int // images at most
	shard *shard

	evaluation    Evaluation
	reconstructed struct{ codes, outputs []float32 }
}

// NewTrainer returns a trainer of the autoencoder for batches of at most
// batch images.
func NewTrainer(auto *Autoencoder, adam Adam, batch int) (*Trainer, error) {
	if err := adam.Validate(); err != nil {
		return nil, err
	}
	if batch < 1 {
		return nil, fmt.Errorf("nn: batch %d: want at least 1", batch)
	}
	shard := newShard(auto.Architecture, adam, batch, alone)
	n := len(auto.parameters)
	shard.adopt([][]float32{auto.parameters, make([]float32, n), make([]float32, n)})
	return &Trainer{auto: auto, adam: adam, batch: batch, shard: shard}, nil
}

// Step trains on one batch: images is [n, InputDims] bytes with n from 1 to
// the trainer's batch, a byte standing for byte/255. It returns the loss of
// the batch before the update.
func (t *Trainer) Step(images []byte) (Loss, error) {
	n, err := t.imagesIn(images)
	if err != nil {
		return Loss{}, err
	}
	s := t.begin(opStep, images)
	sums, err := s.step(n)
	if err != nil {
		return Loss{}, err
	}
	return t.loss(sums, n), nil
}

// imagesIn returns the number of images of a batch.
func (t *Trainer) imagesIn(batch []byte) (int, error) {
	dims := t.auto.InputDims
	n := len(batch) / dims
	if n < 1 || n > t.batch || len(batch) != n*dims {
		return 0, fmt.Errorf("nn: batch of %d bytes: want 1 to %d images of %d", len(batch), t.batch, dims)
	}
	return n, nil
}

// loss returns the loss of the n images that went through last.
func (t *Trainer) loss(sums sums, n int) Loss {
	return Loss{
		BCE: sumOf(sums.bce) / float64(n*t.auto.InputDims),
		L1:  t.auto.Lambda * absoluteSum(t.codes(n)) / float64(n),
	}
}

// State is what training has gathered beside the parameters: with it, it goes
// on elsewhere as if nothing had been.
type State struct {
	Steps              int       // done
	Moments1, Moments2 []float32 // Adam's m and v, in the order of Params
}

// State brings the autoencoder's parameters up to date, as [Trainer.Collect]
// does, and returns the state of the training. Its slices are good until the
// next step.
func (t *Trainer) State() (State, error) {
	whole, err := t.collect(3)
	if err != nil {
		return State{}, err
	}
	return State{Steps: t.shard.steps, Moments1: whole[1], Moments2: whole[2]}, nil
}

// Restore sets the state of a training of an autoencoder that has the same
// parameters. The trainer must be alone.
func (t *Trainer) Restore(state State) error {
	s := t.shard
	n := len(t.auto.parameters)
	switch {
	case s.team.Size > 1:
		return fmt.Errorf("nn: restoring a team of %d: want the trainer alone", s.team.Size)
	case state.Steps < 0:
		return fmt.Errorf("nn: state after %d steps: want at least 0", state.Steps)
	case len(state.Moments1) != n || len(state.Moments2) != n:
		return fmt.Errorf("nn: state with %d and %d moments: want %d, one for each parameter", len(state.Moments1), len(state.Moments2), n)
	}
	s.steps = state.Steps
	copy(s.moments1, state.Moments1)
	copy(s.moments2, state.Moments2)
	return nil
}

// begin loads images for an operation of the whole team.
func (t *Trainer) begin(op operation, images []byte) *shard {
	s := t.shard
	s.yield = orNone(t.Yield)
	s.team.call(op, len(images)/t.auto.InputDims, images)
	s.load(images)
	return s
}
