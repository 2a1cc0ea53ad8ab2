package nn

import (
	"fmt"
	"math"
)

// Loss is what training minimises, except for AuxK's part. Either BCE or MSE is 0: see
// [LossFunction].
type Loss struct {
	BCE float64 // binary cross-entropy in nats, mean over images and outputs
	MSE float64 // squared error, mean over images and outputs
	L1  float64 // penalty: λ·Σ|latent activation| / images
}

// Total returns BCE + MSE + L1, which Keras reports as loss or val_loss.
func (l Loss) Total() float64 { return l.BCE + l.MSE + l.L1 }

// Trainer trains an autoencoder, alone or as the first member of a team. It owns
// Adam's moments and the activations of a batch, so a step allocates nothing.
//
// After an error, other than one that reports an invalid argument, the Trainer must
// not be used.
type Trainer struct {
	// Yield, unless it is nil, is called at least every Stride multiply-adds during
	// steps and evaluations. An error that it returns aborts them.
	Yield func() error
	// Stride is 0 for DefaultStride. Faster kernels may use a larger one.
	Stride int
	// Input, unless it is nil, converts images, [n, InputDims] bytes, to the numbers that
	// the autoencoder reads and reconstructs. Otherwise these are byte/255.
	Input func(dst []float32, images []byte)

	auto    *Autoencoder
	adam    Adam
	batch   int // most images per batch
	network *network

	evaluation    Evaluation
	reconstructed struct{ codes, outputs []float32 }
}

// alone is a team of one.
var alone = Team{Size: 1}

// NewTrainer returns a trainer of the autoencoder for batches of at most batch images.
// If the architecture has Unit, it first gives the decoder's directions unit norm and
// scales the latent units inversely, unless they have it. An error reports an invalid Adam
// or batch.
func NewTrainer(auto *Autoencoder, adam Adam, batch int) (*Trainer, error) {
	if err := adam.Validate(); err != nil {
		return nil, err
	}
	if batch < 1 {
		return nil, fmt.Errorf("nn: batch %d: want at least 1", batch)
	}
	if auto.Architecture.Unit {
		auto.unitNorm()
	}
	t := &Trainer{auto: auto, adam: adam, batch: batch}
	t.network = t.newNetwork(alone)
	t.network.lay([][]float32{auto.params, make([]float32, len(auto.params)), make([]float32, len(auto.params))})
	return t, nil
}

func (t *Trainer) newNetwork(team Team) *network {
	return newNetwork(t.auto.Architecture, t.adam, max(t.batch, evaluationBatch), team.group())
}

// Step trains on one batch: images is [n, InputDims] bytes, of values byte/255, with
// n from 1 to the trainer's batch. It returns the loss of the batch before the update.
func (t *Trainer) Step(images []byte) (Loss, error) {
	n, err := t.imagesIn(images)
	if err != nil {
		return Loss{}, err
	}
	sums, err := t.begin(opStep, images).step(n)
	if err != nil {
		return Loss{}, err
	}
	mean := sums.Total() / float64(n*t.network.InputDims)
	return t.lossOf(mean, mean, n), nil
}

// Loss returns the loss of a batch, which is as in Step, without training.
func (t *Trainer) Loss(images []byte) (Loss, error) {
	n, err := t.imagesIn(images)
	if err != nil {
		return Loss{}, err
	}
	bce, squares, err := t.begin(opEvaluate, images).evaluate(n)
	if err != nil {
		return Loss{}, err
	}
	values := float64(n * t.network.InputDims)
	return t.lossOf(bce.Total()/values, squares.Total()/values, n), nil
}

// imagesIn returns the number of images of a batch.
func (t *Trainer) imagesIn(batch []byte) (int, error) {
	dims := t.network.InputDims
	n := len(batch) / dims
	if n < 1 || n > t.batch || len(batch) != n*dims {
		return 0, fmt.Errorf("nn: batch of %d bytes: want 1 to %d images of %d", len(batch), t.batch, dims)
	}
	return n, nil
}

// lossOf returns the loss of the n images of the last forward pass, given the mean
// cross-entropy or the mean squared error.
func (t *Trainer) lossOf(bce, mse float64, n int) Loss {
	var activity float64
	for _, a := range t.codes(n) {
		activity += math.Abs(float64(a))
	}
	return t.network.LossOf(bce, mse, t.network.Lambda*activity/float64(n))
}

// LossOf returns the loss that trains, of a binary cross-entropy, a squared error and a
// penalty.
func (a Architecture) LossOf(bce, mse, l1 float64) Loss {
	if a.Loss == MSE {
		return Loss{MSE: mse, L1: l1}
	}
	return Loss{BCE: bce, L1: l1}
}

// codes returns the latent activations of the n images of the last forward pass.
func (t *Trainer) codes(n int) []float32 { return t.network.latent().all[:n*t.network.LatentDims] }

// State is the state of training besides the parameters. With both, another Trainer
// continues it bit for bit.
type State struct {
	Steps              int       // completed
	Moments1, Moments2 []float32 // Adam's m and v, in the order of Params
	Idle               []int     // with Aux, the steps since each latent unit was active; nil for 0
}

// State updates the autoencoder's parameters, as [Trainer.Collect] does, and returns
// the state of the training. Its slices are valid until the next step.
func (t *Trainer) State() (State, error) {
	whole, err := t.collect(3)
	if err != nil {
		return State{}, err
	}
	return State{t.network.steps, whole[1], whole[2], t.network.aux.idle}, nil
}

// Restore sets the state of the training. An error reports a trainer in a team, a
// negative number of steps, moments that are not as many as the parameters, or Idle that
// are not as many as the latent units.
func (t *Trainer) Restore(state State) error {
	s, n := t.network, len(t.auto.params)
	switch {
	case s.team.Size() > 1:
		return fmt.Errorf("nn: restoring a team of %d: want the trainer alone", s.team.Size())
	case state.Steps < 0:
		return fmt.Errorf("nn: state after %d steps: want at least 0", state.Steps)
	case len(state.Moments1) != n || len(state.Moments2) != n:
		return fmt.Errorf("nn: state with %d and %d moments: want %d, one for each parameter", len(state.Moments1), len(state.Moments2), n)
	case state.Idle != nil && len(state.Idle) != s.LatentDims:
		return fmt.Errorf("nn: state of %d latent units: want %d", len(state.Idle), s.LatentDims)
	}
	s.steps = state.Steps
	copy(s.arrays[1], state.Moments1)
	copy(s.arrays[2], state.Moments2)
	copy(s.aux.idle, state.Idle)
	return nil
}
