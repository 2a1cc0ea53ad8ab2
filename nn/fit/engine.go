package fit

import "sae/nn"

// Engine is what trains an autoencoder on the images of a run: the processor, with an
// nn.Trainer and its team, or a graphics card. Package enginetest tests what all of them
// have to do.
//
// After an error, other than one that reports an invalid argument, the Engine must not be
// used.
type Engine interface {
	// Train trains on the first of the batches, each the numbers of training images, and
	// on as many of those after it as it can before it reports. It returns the loss of
	// each that it trained on, before the update.
	Train(batches [][]int) ([]nn.Loss, error)
	// Evaluate compares the validation images with their reconstructions. The result is
	// valid until the next call.
	Evaluate() (*nn.Evaluation, error)
	// Loss returns the loss of a batch of training images.
	Loss(batch []int) (nn.Loss, error)

	// Collect updates the autoencoder's parameters with those trained.
	Collect() error
	// State collects, and returns the state of the training. Its slices are valid until
	// the next step.
	State() (nn.State, error)
	// Restore goes on from the autoencoder's parameters and the state. An error reports
	// a state that does not fit the autoencoder.
	Restore(nn.State) error
}

// Source is the images that an engine trains on and evaluates, or patches of images.
type Source struct {
	Dims       int                                    // bytes per image
	Train      int                                    // number of training images
	Images     func(dst []byte, numbers []int) []byte // appends training images, by their numbers, to dst
	Validation []byte                                 // [n, Dims]
	Input      func(dst []float32, images []byte)     // as of an nn.Trainer; nil for none
}

// Source returns the images as an engine's source.
func (d Data) Source() Source {
	return Source{Dims: d.Dims, Train: len(d.Train) / d.Dims, Images: d.Images, Validation: d.Validation}
}

// Source returns what the run trains on.
func (r *Run) Source() Source {
	return Source{r.Auto.Architecture.InputDims, r.Rows(), r.gather, r.validation, r.Trainer.Input}
}

// CPU is the Engine of an nn.Trainer.
type CPU struct {
	*nn.Trainer
	source Source
	batch  []byte
}

// NewCPU returns the engine of a trainer for images, whose Input becomes the trainer's.
func NewCPU(trainer *nn.Trainer, source Source) *CPU {
	trainer.Input = source.Input
	return &CPU{Trainer: trainer, source: source}
}

// Train implements Engine. It trains on one batch.
func (c *CPU) Train(batches [][]int) ([]nn.Loss, error) {
	loss, err := c.Step(c.images(batches[0]))
	if err != nil {
		return nil, err
	}
	return []nn.Loss{loss}, nil
}

// Evaluate implements Engine.
func (c *CPU) Evaluate() (*nn.Evaluation, error) { return c.Trainer.Evaluate(c.source.Validation) }

// Loss implements Engine.
func (c *CPU) Loss(batch []int) (nn.Loss, error) { return c.Trainer.Loss(c.images(batch)) }

// images returns the images of a batch, valid until the next call.
func (c *CPU) images(batch []int) []byte {
	c.batch = c.source.Images(c.batch[:0], batch)
	return c.batch
}

// Images appends training images, by their numbers, to dst.
func (d Data) Images(dst []byte, numbers []int) []byte {
	for _, i := range numbers {
		dst = append(dst, d.Train[i*d.Dims:][:d.Dims]...)
	}
	return dst
}

// Use moves the training to another engine of the same autoencoder and data.
func (r *Run) Use(engine Engine) error {
	state, err := r.engine.State()
	if err != nil {
		return err
	}
	if err := engine.Restore(state); err != nil {
		return err
	}
	r.engine = engine
	return nil
}

// CPU returns the engine of the run's Trainer, with which a run starts.
func (r *Run) CPU() *CPU { return NewCPU(r.Trainer, r.Source()) }

// Plan returns the batches of the current epoch, each the numbers of training images.
func (r *Run) Plan() [][]int { return r.batches }

// Collect updates Auto's parameters with those trained.
func (r *Run) Collect() error { return r.engine.Collect() }

// refresh collects if an engine other than the Trainer's trains: Auto's parameters are then old.
func (r *Run) refresh() error {
	if _, ok := r.engine.(*CPU); ok {
		return nil
	}
	return r.engine.Collect()
}

// reconstruct runs images, or patches, through the autoencoder, as nn.Trainer.Reconstruct
// does.
func (r *Run) reconstruct(images []byte) (codes, reconstructions []float32, err error) {
	if err := r.refresh(); err != nil {
		return nil, nil, err
	}
	return r.Trainer.Reconstruct(images)
}
