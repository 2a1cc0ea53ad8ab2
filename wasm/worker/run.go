package worker

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"sae/data"
	"sae/nn"
	"sae/nn/experiment"
	"sae/wasm/protocol"
)

// pointsPerEpoch is how finely the training loss is resolved within an epoch.
const pointsPerEpoch = 10

// run is one training run: a model, how far it is, and what of it the page
// has yet to see.
type run struct {
	number   int
	settings experiment.Settings
	train    data.Split
	valid    data.Split
	auto     *nn.Autoencoder
	trainer  *nn.Trainer
	adam     nn.Adam
	team     int // workers that the trainer is spread over
	tuner    *tuner
	batches  [][]int    // image indexes of the batches of the epoch under way
	images   [2]*gather // of the batch under way and of the next
	next     []byte     // images of the next batch, where the team has them already

	status  protocol.Status
	failure string
	broken  bool      // whether the trainer has failed: there is no model left to show
	epoch   int       // completed epochs
	batch   int       // completed batches of the epoch under way
	sum     lossSum   // over the epoch
	point   lossSum   // since the last point of the loss curve
	rate    rateMeter // of training

	evaluated bool // whether the model as it is has been evaluated; false only before the first and after the last batch of an epoch

	// New since the last frame:
	initial *protocol.Evaluation
	points  []protocol.Point
	epochs  []protocol.Epoch
	units   *units
}

// units are the statistics of the latent units, as Frame describes them.
type units struct {
	mean, activity, histogram []float32
	bins                      protocol.Histogram
}

func newRun(configure protocol.Configure, dataset *data.Dataset, yield func() error) (*run, error) {
	settings := configure.Settings
	if err := settings.Fit(dataset.Train.Len()); err != nil {
		return nil, err
	}
	auto, err := settings.Architecture(data.ImageSize).Build(settings.Init, uint64(settings.Seed))
	if err != nil {
		return nil, err
	}
	adam := nn.DefaultAdam
	adam.LearningRate = settings.LR
	trainer, err := nn.NewTrainer(auto, adam, settings.Batch)
	if err != nil {
		return nil, err
	}
	trainer.Yield = yield
	train := dataset.Train
	n := settings.TrainingImages(train.Len())
	train.Images, train.Labels = train.Images[:n*data.ImageSize], train.Labels[:n]
	r := &run{
		number:   configure.Run,
		settings: settings,
		train:    train,
		valid:    dataset.Validation,
		auto:     auto,
		trainer:  trainer,
		adam:     adam,
		team:     1,
		images:   [2]*gather{newGather(settings.Batch), newGather(settings.Batch)},
		status:   protocol.StatusIdle,
	}
	r.shuffle()
	return r, nil
}

// shuffle deals the batches of the epoch under way.
func (r *run) shuffle() {
	r.batches = slices.Collect(nn.Batches(r.train.Len(), r.settings.Batch, uint64(r.settings.Seed), uint64(r.epoch)))
}

// work does the next piece of work and reports whether there was one. A
// piece that is interrupted ends the run.
func (r *run) work(w *Worker) bool {
	var err error
	switch {
	case r.status == protocol.StatusError:
		return false
	case !r.evaluated:
		err = r.finishEpoch()
	case r.status == protocol.StatusTraining || w.stepping != 0 || r.next != nil:
		if err = r.spread(w); err == nil {
			err = r.step()
		}
		if err == nil && w.stepping != 0 {
			if r.batch == len(r.batches) {
				err = r.finishEpoch()
			}
			w.endStep(nil)
		}
	default:
		return false
	}
	w.dirty = true
	if err != nil {
		r.fail(w, err)
	}
	return true
}

// fail ends the run: with an error or, where it was interrupted, silently.
func (r *run) fail(w *Worker, err error) {
	if errors.Is(err, errInterrupted) {
		if w.run == r {
			w.endRun(errors.New("step: the run was replaced"))
		}
		return
	}
	r.status, r.failure = protocol.StatusError, err.Error()
	r.broken, r.next = true, nil
	if r.team > 1 {
		w.Recruit(protocol.Join{Size: 1}) // one of the others may never answer again
	}
	w.endStep(err)
	w.dirty = true
}

// spread moves the training onto a team of the size that the tuner asks for.
func (r *run) spread(w *Worker) error {
	if size := r.tuner.size; size != r.team && r.next == nil {
		err := w.spread(r.trainer, protocol.Join{
			Size:         size,
			Architecture: r.auto.Architecture,
			Adam:         r.adam,
			Batch:        r.settings.Batch,
		})
		if errors.Is(err, errRecruit) {
			size, err = 1, nil
			r.tuner.stay(size)
		}
		if err != nil {
			return err
		}
		r.team = size
	}
	if r.tuner.found {
		w.sizes[r.network()] = r.team
	}
	return nil
}

// network tells apart what is trained at different speeds.
func (r *run) network() string { return fmt.Sprint(r.auto.Layers(), r.settings.Batch) }

// newTuner returns a tuner that settles on the number of workers that the run
// asks for or, if that is auto, on what was found before for such a network.
func (w *Worker) newTuner(r *run) *tuner {
	if w.Kernel == "go" {
		return newTuner(1) // gonum sums in an order that depends on the team
	}
	tuner := newTuner(w.Cores)
	if n, err := strconv.Atoi(r.settings.Workers); err == nil {
		tuner.stay(n)
	} else if n, ok := w.sizes[r.network()]; ok {
		tuner.stay(n)
	}
	return tuner
}

// gather returns the images of a batch, good until the next but one.
func (r *run) gather(batch int) []byte {
	return r.images[batch%2].gather(r.train, r.batches[batch])
}

// lookAhead is nn.Trainer.Next: the images of the next batch, where it is sure
// to be trained on before anything else happens to the model.
func (r *run) lookAhead(w *Worker) []byte {
	if r.status == protocol.StatusTraining && w.stepping == 0 && r.tuner.found && r.tuner.size == r.team &&
		r.batch+1 < len(r.batches) && !w.urgent && time.Since(w.lastFrame) < w.interval {
		r.next = r.gather(r.batch + 1)
	}
	return r.next
}

// step trains on the next batch.
func (r *run) step() error {
	start := time.Now()
	indexes := r.batches[r.batch]
	images := r.next
	if r.next = nil; images == nil {
		images = r.gather(r.batch)
	}
	loss, err := r.trainer.Step(images)
	if err != nil {
		return err
	}
	if err := r.checkFinite(loss, fmt.Sprintf("in epoch %d, batch %d", r.epoch+1, r.batch+1)); err != nil {
		return err
	}
	elapsed := time.Since(start)
	r.rate.add(len(indexes), elapsed)
	if len(indexes) == r.settings.Batch {
		r.tuner.add(elapsed)
	}
	r.batch++
	r.sum.add(loss, len(indexes))
	r.point.add(loss, len(indexes))
	// A point whenever another tenth of the epoch is done.
	n := len(r.batches)
	if r.batch*pointsPerEpoch/n > (r.batch-1)*pointsPerEpoch/n {
		mean := r.point.mean()
		r.points = append(r.points, protocol.Point{
			Epoch: float64(r.epoch) + float64(r.batch)/float64(n),
			Loss:  mean.Total(),
			BCE:   mean.BCE,
		})
		r.point = lossSum{}
	}
	r.evaluated = r.batch < n
	return nil
}

// checkFinite reports a loss that shows that the run has diverged. Every loss
// goes through it before anything is derived from it or sent: neither the
// statistics nor JSON has a place for what is not finite.
func (r *run) checkFinite(loss nn.Loss, when string) error {
	if total := loss.Total(); math.IsNaN(total) || math.IsInf(total, 0) {
		return fmt.Errorf("the loss is no longer a finite number %s: the learning rate %g is too high; reset and try a smaller one",
			when, r.settings.LR)
	}
	return nil
}

// finishEpoch evaluates the model and, unless it is the untrained one, ends
// the epoch.
func (r *run) finishEpoch() error {
	result, err := r.trainer.Evaluate(r.valid.Images)
	if err != nil {
		return err
	}
	if err := r.checkFinite(result.Loss, fmt.Sprintf("on the validation images after epoch %d, batch %d", r.epoch+1, r.batch)); err != nil {
		return err
	}
	r.evaluated = true
	r.units = latentUnits(result)
	evaluation := protocol.Evaluation{
		ValLoss: result.Loss.Total(),
		ValBCE:  result.Loss.BCE,
		ValMSE:  result.MSE,
		PSNR:    result.PSNR(),
		Active:  result.MeanActive,
		Dead:    result.Dead,
	}
	if r.batch == 0 {
		r.initial = &evaluation
		return nil
	}
	mean := r.sum.mean()
	r.epoch++
	r.epochs = append(r.epochs, protocol.Epoch{
		Epoch:      r.epoch,
		Loss:       mean.Total(),
		BCE:        mean.BCE,
		L1:         mean.L1,
		Evaluation: evaluation,
	})
	r.batch, r.sum = 0, lossSum{}
	r.shuffle()
	if r.epoch >= r.settings.Epochs {
		r.status = protocol.StatusDone
	}
	return nil
}

// setEpochs changes where the run ends.
func (r *run) setEpochs(epochs int) {
	r.settings.Epochs = epochs
	switch {
	case r.epoch >= epochs && r.status != protocol.StatusError:
		r.status = protocol.StatusDone
	case r.epoch < epochs && r.status == protocol.StatusDone:
		r.status = protocol.StatusPaused
	}
}

// pass runs images through encoder and decoder: their codes, [n, latent],
// and reconstructions, [n, 3072] bytes.
func (r *run) pass(images []byte) (codes []float32, reconstructions []byte, err error) {
	codes, outputs, err := r.trainer.Reconstruct(images)
	if err != nil {
		return nil, nil, err
	}
	reconstructions = make([]byte, len(outputs))
	for i, value := range outputs {
		reconstructions[i] = byte(value*255 + 0.5)
	}
	return codes, reconstructions, nil
}

// frame returns what is new since the last one, and forgets it.
func (r *run) frame(watched []int) (protocol.Message, error) {
	if r.broken {
		watched = nil
	}
	left := float64(r.settings.Epochs-r.epoch)*float64(r.train.Len()) - float64(r.batch*r.settings.Batch)
	frame := protocol.Frame{
		Run:             r.number,
		Status:          r.status,
		Failure:         r.failure,
		Epoch:           r.epoch,
		Batch:           r.batch,
		Batches:         len(r.batches),
		ImagesPerSecond: r.rate.perSecond(),
		SecondsLeft:     r.rate.seconds(left),
		Initial:         r.initial,
		Points:          r.points,
		Epochs:          r.epochs,
		Images:          watched,
		Workers:         r.team,
	}
	var buffers [][]byte
	if len(watched) > 0 {
		originals := make([]byte, 0, len(watched)*data.ImageSize)
		for _, image := range watched {
			originals = append(originals, r.valid.Image(image)...)
			frame.Labels = append(frame.Labels, int(r.valid.Labels[image]))
		}
		codes, reconstructions, err := r.pass(originals)
		if err != nil {
			return protocol.Message{}, err
		}
		buffers = append(buffers, originals, reconstructions, protocol.Bytes(codes))
	}
	if r.units != nil {
		frame.Units, frame.Histogram = true, r.units.bins
		buffers = append(buffers, protocol.Bytes(r.units.mean), protocol.Bytes(r.units.activity), protocol.Bytes(r.units.histogram))
	}
	r.initial, r.points, r.epochs, r.units = nil, nil, nil, nil
	return protocol.New(protocol.TypeFrame, frame, buffers...), nil
}

// latentUnits summarises the latent activations of an evaluation.
func latentUnits(result *nn.Evaluation) *units {
	u := &units{
		mean:      slices.Clone(result.UnitMean),
		activity:  slices.Clone(result.UnitActivity),
		histogram: make([]float32, protocol.HistogramBins),
	}
	var zeros int
	highest := slices.Max(result.Codes)
	share := 1 / float32(len(result.Codes))
	for _, activation := range result.Codes {
		if activation <= 0 {
			zeros++
			continue
		}
		bin := int(activation / highest * protocol.HistogramBins)
		u.histogram[min(bin, protocol.HistogramBins-1)] += share
	}
	u.bins = protocol.Histogram{Zero: float64(zeros) * float64(share), Max: float64(highest)}
	return u
}

// lossSum accumulates the losses of batches, weighted by their images.
type lossSum struct {
	loss   nn.Loss
	images int
}

func (s *lossSum) add(loss nn.Loss, images int) {
	s.loss.BCE += loss.BCE * float64(images)
	s.loss.L1 += loss.L1 * float64(images)
	s.images += images
}

func (s *lossSum) mean() nn.Loss {
	n := float64(max(1, s.images))
	return nn.Loss{BCE: s.loss.BCE / n, L1: s.loss.L1 / n}
}

// rateMeter measures images per second over about the last second of
// training: pauses do not count.
type rateMeter struct{ images, time float64 }

func (m *rateMeter) add(images int, elapsed time.Duration) {
	decay := math.Exp(-elapsed.Seconds())
	m.images = m.images*decay + float64(images)
	m.time = m.time*decay + elapsed.Seconds()
}

func (m *rateMeter) perSecond() float64 {
	if m.time == 0 {
		return 0
	}
	return m.images / m.time
}

func (m *rateMeter) seconds(images float64) float64 {
	if rate := m.perSecond(); rate > 0 {
		return max(0, images) / rate
	}
	return 0
}

// gather collects the images of a batch into one buffer that it reuses.
type gather struct{ buffer []byte }

func newGather(batch int) *gather {
	return &gather{make([]byte, 0, batch*data.ImageSize)}
}

func (g *gather) gather(split data.Split, indexes []int) []byte {
	g.buffer = g.buffer[:0]
	for _, i := range indexes {
		g.buffer = append(g.buffer, split.Image(i)...)
	}
	return g.buffer
}
