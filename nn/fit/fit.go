package fit

import (
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"sae/nn"
	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/patch"
	"sae/nn/pca"
)

const (
	pointsPerEpoch = 10
	maxCurve       = 2000 // points: more than a chart has pixels
)

// Data holds the images that a run trains on and validates with. A value comes from
// [NewData]; its copies share what it caches.
type Data struct {
	Name       string // for people
	Dims       int    // bytes per image
	Train      []byte // [n, Dims]
	Validation []byte // [m, Dims]

	found *found
}

// found caches what takes time to compute.
type found struct {
	components  map[[2]int]*pca.PCA // by the numbers of images and components
	whitening   map[experiment.Settings]*patch.Whitening
	digested    int    // bytes of training images
	digest      uint32 // their CRC-32C
	fingerprint *Fingerprint
	variance    *float64
}

// NewData returns data of training images, [n, dims] bytes, and validation images,
// [m, dims] bytes.
func NewData(name string, dims int, train, validation []byte) Data {
	return Data{name, dims, train, validation, &found{components: map[[2]int]*pca.PCA{}, whitening: map[experiment.Settings]*patch.Whitening{}}}
}

// MaxPCA is the most images that principal components are computed from, and the mean or the
// whitening that a run starts from: more hardly change them and take long to compute, or to
// arrive.
const MaxPCA = 6000

// StartsFrom returns how many training images a run starts from: the first ones. n is how many
// it trains on.
func StartsFrom(settings experiment.Settings, n int) int {
	if settings.Init == experiment.PCA || settings.Init == experiment.Tied || settings.Whiten {
		return min(n, MaxPCA)
	}
	return 0
}

// PCA returns the first k principal components of the first n training images, or
// of the first 6,000 if n is larger. Results are cached. yield and errors are those
// of pca.Fit.
func (d Data) PCA(n, k int, yield func() error) (*pca.PCA, error) {
	n = min(n, MaxPCA)
	key := [2]int{n, k}
	if p, ok := d.found.components[key]; ok {
		return p, nil
	}
	p, err := pca.Fit(d.Train[:n*d.Dims], d.Dims, k, yield)
	if err != nil {
		return nil, err
	}
	if len(d.found.components) == 8 { // bounds the memory
		clear(d.found.components)
	}
	d.found.components[key] = p
	return p, nil
}

// Fingerprint identifies a data set.
type Fingerprint struct {
	Name       string `json:"name"`
	Train      int    `json:"train"`      // training images
	Validation int    `json:"validation"` // validation images
	Checksum   uint32 `json:"checksum"`   // CRC-32C of all images
}

// Digest reads the first n training images for the checksum of [Data.Fingerprint], which
// then takes less time. It need not read those again that it has read.
func (d Data) Digest(n int) {
	if n *= d.Dims; n > d.found.digested {
		d.found.digest = crc32.Update(d.found.digest, castagnoli, d.Train[d.found.digested:n])
		d.found.digested = n
	}
}

// Fingerprint returns the fingerprint of the data, which is cached.
func (d Data) Fingerprint() Fingerprint {
	if d.found.fingerprint == nil {
		d.Digest(len(d.Train) / d.Dims)
		checksum := crc32.Update(d.found.digest, castagnoli, d.Validation)
		d.found.fingerprint = &Fingerprint{d.Name, len(d.Train) / d.Dims, len(d.Validation) / d.Dims, checksum}
	}
	return *d.found.fingerprint
}

// Unexplained returns the fraction of variance unexplained (FVU) of reconstructions x̂ of the
// validation images x with the given mean squared error,
//
//	Σ‖x − x̂‖² / Σ‖x − x̄‖²,
//
// with x̄ the mean of the validation images: the normalised MSE of L. Gao et al., Scaling and
// evaluating sparse autoencoders (2024). It is 1 for reconstructions that are all x̄, and 0 if
// the images do not differ, so that it is not defined.
func (d Data) Unexplained(mse float64) float64 {
	if d.found.variance == nil {
		variance := baseline.Variance(d.Validation, d.Dims)
		d.found.variance = &variance
	}
	if *d.found.variance == 0 {
		return 0
	}
	return mse / *d.found.variance
}

// Point is a point of the training loss curve: the mean over the images since the
// point before.
type Point struct {
	Epoch float64 `json:"epoch"` // 2.5 is the middle of the third epoch
	Loss  float64 `json:"loss"`  // bce or mse, plus the L1 penalty
	BCE   float64 `json:"bce"`   // in nats; 0 if mse trains
}

// Evaluation is the quality of the model on the validation images.
type Evaluation struct {
	ValLoss float64 `json:"valLoss"` // valBce or valMse, plus the L1 penalty, as Keras reports val_loss
	ValBCE  float64 `json:"valBce"`  // in nats; if mse trains, of outputs clipped as in nn.CrossEntropy
	ValMSE  float64 `json:"valMse"`
	FVU     float64 `json:"fvu,omitempty"` // fraction of variance unexplained: see Data.Unexplained
	PSNR    float64 `json:"psnr"`          // of valMse, in dB
	Active  float64 `json:"active"`        // mean number of active latent units per image: the code's L0
	Dead    int     `json:"dead"`          // latent units that are active on no image
}

// Epoch is a completed epoch: an entry of the history.
type Epoch struct {
	Epoch int     `json:"epoch"` // from 1
	Loss  float64 `json:"loss"`  // training: bce or mse, plus l1, mean over the epoch's images
	BCE   float64 `json:"bce"`   // in nats; 0 if mse trains
	L1    float64 `json:"l1"`    // the penalty's share of loss
	Evaluation
}

// Run is a training run. It must be evaluated before its first batch and after the
// last batch of each epoch: see [Run.Due].
//
// After an error of the trainer, such as one that its Yield returned, the Run must
// not be used.
type Run struct {
	Settings experiment.Settings
	Data     Data
	Auto     *nn.Autoencoder
	Trainer  *nn.Trainer // trains unless another engine does: see Use
	Adam     nn.Adam     // of the trainer

	// As in a Checkpoint:
	Epoch   int
	Batch   int
	Initial *Evaluation
	Curve   []Point // of at most 2,000 points: see Thin
	History []Epoch
	Notes   map[int]string // of a reader on latent units; nil for none

	engine  Engine
	images  int // training images in use
	due     bool
	sum     lossSum // over the current epoch
	point   lossSum // since the last point of the curve
	batches [][]int // indexes of the images, or patches, of each batch of the current epoch

	whitening  *patch.Whitening // nil for none
	validation []byte           // validation images, or their patches
	codes      []float32        // of the validation images, if they are cut into patches
	patchCodes []float32        // of their patches, if they are whitened
}

// New returns a run before its first batch. The same settings and data give the
// same run, bit for bit, on the same kernels. yield, which may be nil, becomes the
// trainer's; it is also called while principal components are computed, if the
// settings start from them.
//
// An error reports data without images, or settings that do not fit the data, or is
// one that yield returned.
func New(settings experiment.Settings, data Data, yield func() error) (*Run, error) {
	n, err := check(settings, data)
	if err != nil {
		return nil, err
	}
	if yield == nil {
		yield = func() error { return nil }
	}
	n = StartsFrom(settings, n)
	whitening, err := data.whitening(settings, n, yield)
	if err != nil {
		return nil, err
	}
	var components *pca.PCA
	if k := settings.Components(data.Dims, n); k > 0 {
		if components, err = data.PCA(n, k, yield); err != nil {
			return nil, err
		}
	} else if settings.Init == experiment.Tied {
		components = &pca.PCA{Dims: data.Dims, Mean: data.mean(settings, n)}
	}
	auto, err := settings.Build(data.Dims, components)
	if err != nil {
		return nil, err
	}
	return newRun(settings, data, auto, whitening, yield)
}

// check returns the number of training images that the settings use.
func check(settings experiment.Settings, data Data) (int, error) {
	n := len(data.Train) / data.Dims
	if n < 1 || len(data.Validation) < data.Dims {
		return 0, fmt.Errorf("fit: %d training and %d validation images: want at least one of each", n, len(data.Validation)/data.Dims)
	}
	if settings.Patch != 0 {
		if err := settings.Grid().Validate(); err != nil {
			return 0, err
		}
		if grid := settings.Grid(); data.Dims != grid.Dims()*grid.PerImage() {
			return 0, fmt.Errorf("fit: patches of images of %d bytes: want %d", data.Dims, grid.Dims()*grid.PerImage())
		}
	}
	return settings.TrainingImages(n), settings.Fit(n)
}

func newRun(settings experiment.Settings, data Data, auto *nn.Autoencoder, whitening *patch.Whitening, yield func() error) (*Run, error) {
	n := settings.TrainingImages(len(data.Train) / data.Dims)
	adam := settings.Adam(n)
	trainer, err := nn.NewTrainer(auto, adam, settings.Batch)
	if err != nil {
		return nil, err
	}
	trainer.Yield = yield
	r := &Run{Settings: settings, Data: data, Auto: auto, Trainer: trainer, Adam: adam, due: true, images: n, whitening: whitening, validation: data.Validation}
	r.cut()
	r.engine = r.CPU()
	r.shuffle()
	return r, nil
}

// Images returns the number of training images in use.
func (r *Run) Images() int { return r.images }

// Rows returns the number of rows that the autoencoder reads in an epoch: of the training
// images in use, or of all their patches.
func (r *Run) Rows() int { return r.images * r.Settings.PerImage() }

// Validation returns what the autoencoder reads of the validation images: them or, if images
// are cut into patches, their patches, [n, InputDims] bytes.
func (r *Run) Validation() []byte { return r.validation }

// Batches returns the number of batches per epoch.
func (r *Run) Batches() int { return len(r.batches) }

// Done reports whether all epochs are completed and evaluated.
func (r *Run) Done() bool { return !r.due && r.Epoch >= r.Settings.Epochs }

// Due reports whether the run must be evaluated before its next batch.
func (r *Run) Due() bool { return r.due }

// Latest returns the latest evaluation; ok is false before the first.
func (r *Run) Latest() (evaluation Evaluation, ok bool) {
	switch {
	case len(r.History) > 0:
		return r.History[len(r.History)-1].Evaluation, true
	case r.Initial != nil:
		return *r.Initial, true
	}
	return Evaluation{}, false
}

// shuffle sets the batches of the current epoch.
func (r *Run) shuffle() {
	r.batches = slices.Collect(nn.Batches(r.Rows(), r.Settings.Batch, uint64(r.Settings.Seed), uint64(r.Epoch)))
}

// gather appends images, or patches, by their numbers, to dst.
func (r *Run) gather(dst []byte, numbers []int) []byte {
	if r.Settings.Patch == 0 {
		return r.Data.Images(dst, numbers)
	}
	for _, i := range numbers {
		dst = r.Settings.Grid().Append(dst, r.Data.Train, i)
	}
	return dst
}

// Trained is the result of a step.
type Trained struct {
	Images int     // in the batch, or patches
	Loss   nn.Loss // of the batch before the update
	Point  *Point  // new point of the curve, about ten times per epoch; otherwise nil
}

// Explain is [Run.Step] with an explanation of what the step did.
func (r *Run) Explain() (Trained, nn.Explanation, error) {
	if r.due {
		return Trained{}, nn.Explanation{}, r.evaluateFirst()
	}
	batch := r.batches[r.Batch]
	explanation, err := r.Trainer.ExplainSteps(r.gather(nil, batch), nn.Steps{
		State: r.engine.State,
		Step: func() (nn.Loss, error) {
			losses, err := r.engine.Train([][]int{batch})
			if err != nil {
				return nn.Loss{}, err
			}
			return losses[0], nil
		},
		Loss: func() (nn.Loss, error) { return r.engine.Loss(batch) },
	})
	if err != nil {
		return Trained{}, nn.Explanation{}, err
	}
	when := fmt.Sprintf("after epoch %d, batch %d", r.Epoch+1, r.Batch+1)
	for _, layer := range explanation.Layers {
		if norms := layer.Weights + layer.Gradient + layer.Update; norms-norms != 0 { // NaN or infinite
			return Trained{}, nn.Explanation{}, &DivergedError{What: "a weight of " + layer.Name + notFinite, When: when, LR: r.Settings.LR}
		}
	}
	if err := r.checkTrained(explanation.After, when); err != nil {
		return Trained{}, nn.Explanation{}, err
	}
	trained, err := r.add(explanation.Before)
	return trained, explanation, err
}

// Step trains on the next batch, or, with an engine that prefers that, on several, but at
// most on most of them; see [Engine]. It returns what it did with each of them. An error
// reports that an evaluation is due, or is a [*DivergedError] if a loss is not finite or
// exceeds [MaxBCE] or [MaxMSE].
func (r *Run) Step(most int) ([]Trained, error) {
	if r.due {
		return nil, r.evaluateFirst()
	}
	rest := r.batches[r.Batch:]
	losses, err := r.engine.Train(rest[:min(most, len(rest))])
	if err != nil {
		return nil, err
	}
	steps := make([]Trained, len(losses))
	for i, loss := range losses {
		if steps[i], err = r.add(loss); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

func (r *Run) evaluateFirst() error {
	return fmt.Errorf("fit: step in epoch %d: want an evaluation first", r.Epoch+1)
}

// add adds the loss of the next batch to the history.
func (r *Run) add(loss nn.Loss) (Trained, error) {
	if err := r.checkTrained(loss, fmt.Sprintf("in epoch %d, batch %d", r.Epoch+1, r.Batch+1)); err != nil {
		return Trained{}, err
	}
	trained := Trained{Images: len(r.batches[r.Batch]), Loss: loss}
	r.Batch++
	r.sum.add(loss, trained.Images)
	r.point.add(loss, trained.Images)
	n := len(r.batches)
	if r.Batch*pointsPerEpoch/n > (r.Batch-1)*pointsPerEpoch/n {
		mean := r.point.mean()
		trained.Point = &Point{
			Epoch: float64(r.Epoch) + float64(r.Batch)/float64(n),
			Loss:  mean.Total(),
			BCE:   mean.BCE,
		}
		r.Curve = Thin(append(r.Curve, *trained.Point))
		r.point = lossSum{}
	}
	r.due = r.Batch == n
	return trained, nil
}

// Result is the outcome of a completed run.
type Result struct {
	ID       int                 `json:"-"` // unique among results that are shown together
	Name     string              `json:"name"`
	Settings experiment.Settings `json:"settings"`
	Evaluation
	History []Epoch `json:"history"`
	Seconds float64 `json:"seconds"` // spent on training
}

// Quantity is what a chart shows of a run's losses.
type Quantity string

const (
	QuantityLoss   Quantity = "loss"   // what training minimises: see Epoch.Loss
	QuantityExcess Quantity = "excess" // the loss above the entropy floor of the data, in nats
	QuantityPSNR   Quantity = "psnr"   // in dB
)

// Thin halves the number of points, by merging neighbours, if there are more than
// 2,000. It reuses the given slice.
func Thin(points []Point) []Point {
	if len(points) <= maxCurve {
		return points
	}
	half := points[:0]
	for pair := range slices.Chunk(points, 2) {
		merged := pair[len(pair)-1]
		for _, point := range pair[:len(pair)-1] {
			merged.Loss = (merged.Loss + point.Loss) / 2
			merged.BCE = (merged.BCE + point.BCE) / 2
		}
		half = append(half, merged)
	}
	return half
}

// MaxBCE is the largest binary cross-entropy, in nats, at which training does not count
// as diverged: that of a pixel of value 1 whose predicted probability is the smallest
// positive float32, 2^-149. If predictions are worse on average, the weights have
// exploded, and most units never become active again.
const MaxBCE = 149 * math.Ln2

// MaxMSE is the largest mean squared error at which training does not count as diverged:
// outputs are wrong by a hundred times the range of the values.
const MaxMSE = 1e4

// Check returns a [*DivergedError] if the last batch made the model diverge, which Step
// would report only after the next batch.
func (r *Run) Check() error {
	loss, err := r.engine.Loss(r.batches[0])
	if err != nil {
		return err
	}
	return r.checkTrained(loss, fmt.Sprintf("after epoch %d, batch %d", r.Epoch+1, r.Batch))
}

// checkTrained is checkFinite for a training batch, whose loss must not exceed MaxBCE or
// MaxMSE either.
func (r *Run) checkTrained(loss nn.Loss, when string) error {
	if err := r.checkFinite(loss, when); err != nil {
		return err
	}
	if loss.BCE > MaxBCE || loss.MSE > MaxMSE {
		return &DivergedError{What: fmt.Sprintf("the loss has exploded to %.3g", loss.Total()), When: when, LR: r.Settings.LR}
	}
	return nil
}

// checkFinite returns a DivergedError for a loss that is not finite. Every loss is
// checked before it is used, because JSON cannot hold NaN or infinity.
func (r *Run) checkFinite(loss nn.Loss, when string) error {
	if total := loss.Total(); math.IsNaN(total) || math.IsInf(total, 0) {
		return &DivergedError{What: "the loss" + notFinite, When: when, LR: r.Settings.LR}
	}
	return nil
}

const notFinite = " is no longer a finite number"

// DivergedError reports that a run has diverged. Resuming it with the same settings
// would diverge again.
type DivergedError struct {
	What string  // what happened: "the loss has exploded to 7.68e+08"
	When string  // when it was noticed: "in epoch 3, batch 2"
	LR   float64 // the learning rate of the settings
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("%s %s: the learning rate %g is too high", e.What, e.When, e.LR)
}

// Evaluate evaluates the model on the validation images. If they are cut into patches, Codes
// are those of whole images: see [Run.Reconstruct]. With whitening, BCE and MSE are those of
// restored images, and Loss is that of whitened patches. If that was due, it sets
// Initial before the first batch, or else completes the epoch, adds it to History and
// returns it. The evaluation is valid until the next call. A loss that is not finite is
// a [*DivergedError].
func (r *Run) Evaluate() (result *nn.Evaluation, ended *Epoch, err error) {
	if result, err = r.evaluate(); err != nil {
		return nil, nil, err
	}
	if err := r.checkFinite(result.Loss, fmt.Sprintf("on the validation images after epoch %d, batch %d", r.Epoch+1, r.Batch)); err != nil {
		return nil, nil, err
	}
	if !r.due {
		return result, nil, nil
	}
	r.due = false
	evaluation := Evaluation{
		ValLoss: result.Loss.Total(),
		ValBCE:  result.BCE,
		ValMSE:  result.MSE,
		FVU:     r.Data.Unexplained(result.MSE),
		PSNR:    result.PSNR(),
		Active:  result.MeanActive,
		Dead:    result.Dead,
	}
	if r.Batch == 0 {
		r.Initial = &evaluation
		return result, nil, nil
	}
	mean := r.sum.mean()
	r.Epoch++
	r.History = append(r.History, Epoch{Epoch: r.Epoch, Loss: mean.Total(), BCE: mean.BCE, L1: mean.L1, Evaluation: evaluation})
	r.Batch, r.sum = 0, lossSum{}
	r.shuffle()
	return result, &r.History[len(r.History)-1], nil
}

// lossSum accumulates the losses of batches, weighted by their numbers of images.
type lossSum struct {
	BCE    float64 `json:"bce"`
	MSE    float64 `json:"mse,omitempty"`
	L1     float64 `json:"l1"`
	Images int     `json:"images"`
}

func (s *lossSum) add(loss nn.Loss, images int) {
	s.BCE += loss.BCE * float64(images)
	s.MSE += loss.MSE * float64(images)
	s.L1 += loss.L1 * float64(images)
	s.Images += images
}

func (s *lossSum) mean() nn.Loss {
	n := float64(max(1, s.Images))
	return nn.Loss{BCE: s.BCE / n, MSE: s.MSE / n, L1: s.L1 / n}
}
