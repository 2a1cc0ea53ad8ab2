package worker

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"time"

	"sae/data"
	"sae/nn"
	"sae/nn/analysis"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// run is a training run, with its status and what the page has not seen yet.
type run struct {
	*fit.Run // nil until it is prepared, which may take a second

	number   int
	settings experiment.Settings
	data     fit.Data
	labels   []byte // of the validation images
	classes  int    // number of classes
	team     int    // size of the team that the trainer is spread over
	card     *inUse // graphics card that trains; nil for the processor
	placed   bool   // whether it is known what trains
	compared bool   // whether the card's speed was compared with the processor's
	noCard   string // why the card does not train, if it should
	tuner    *tuner

	kernel string          // as in fit.Checkpoint
	saved  position        // of the last save
	queue  *protocol.Queue // to save with it
	noted  int             // number of times that a note was written

	status   protocol.Status
	failure  string
	diverged bool          // whether it failed because it diverged
	broken   bool          // whether the trainer has failed, so that there is no model to show
	rate     rateMeter     // of training
	time     time.Duration // spent on training

	// New since the last frame:
	initial   *protocol.Evaluation
	points    []protocol.Point
	epochs    []protocol.Epoch
	units     *analysis.Units
	explained *protocol.Explained

	evaluation *nn.Evaluation // the last; nil before the first
}

func newRun(configure protocol.Configure, data fit.Data, labels []byte, classes int) (*run, error) {
	settings := configure.Settings
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	if err := settings.Fit(len(data.Train) / data.Dims); err != nil {
		return nil, err
	}
	if err := settings.Architecture(data.Dims).Validate(); err != nil {
		return nil, err
	}
	return &run{
		number:   configure.Run,
		settings: settings,
		data:     data,
		labels:   labels,
		classes:  classes,
		queue:    configure.Queue,
		team:     1,
		status:   protocol.StatusIdle,
	}, nil
}

// prepare makes the run's model, unless that is done.
func (r *run) prepare(w *Worker) error {
	if r.Run != nil {
		return nil
	}
	runtime.GC() // frees the run before: memory never shrinks in WebAssembly
	run, err := fit.New(r.settings, r.data, w.yield)
	if err != nil {
		return err
	}
	r.kernel = w.Kernel
	r.adopt(w, run)
	return nil
}

// adopt sets the run's model and history.
func (r *run) adopt(w *Worker, run *fit.Run) {
	r.Run = run
	r.Trainer.Yield, r.Trainer.Stride = w.yield, w.Stride
}

// trainsOn returns how many training images the run uses: the first ones.
func (r *run) trainsOn() int { return r.settings.TrainingImages(len(r.data.Train) / r.data.Dims) }

// work does the next piece of work, such as a batch, and reports whether there was one.
func (r *run) work(w *Worker) bool {
	if r.status == protocol.StatusDone { // it may have ended since the step command
		w.endStep(r.ended(protocol.TypeStep))
	}
	var err error
	stepping := w.stepping // a step command that arrives during this piece is the next batch
	w.working = true
	switch {
	case r.status == protocol.StatusError:
		w.working = false
		return false
	case r.Run == nil && w.lacks(fit.StartsFrom(r.settings, r.trainsOn())):
		w.working = false
		return false
	case r.Run == nil:
		err = r.prepare(w)
	case r.Due() || r.evaluation == nil:
		err = r.evaluate()
	case (w.stepping != 0 || r.status == protocol.StatusTraining && !w.waits()) && !w.lacks(r.trainsOn()):
		if err = r.place(w); err != nil {
			break
		}
		if stepping = w.stepping; r.status != protocol.StatusTraining && (stepping == 0 || r.status == protocol.StatusDone) {
			break // the run has stopped while the team started
		}
		err = r.step(w, stepping != 0 || w.pace > 0)
		if w.lastStep = time.Now(); w.pace > 0 {
			w.urgent = true
		}
		if err == nil && r.Due() { // the reply to a pause should tell of the whole epoch
			err = r.evaluate()
		}
		if err == nil && stepping != 0 {
			w.endStep(nil)
		}
	default:
		w.working = false
		return false
	}
	w.working, w.dirty = false, true
	if err != nil {
		r.fail(w, err)
	}
	w.answer()
	return true
}

// ended returns an error if the run has ended, so that it cannot run the command.
func (r *run) ended(command protocol.Type) error {
	switch r.status {
	case protocol.StatusDone:
		return fmt.Errorf("%s: the run is done after %d epochs", command, r.settings.Epochs)
	case protocol.StatusError:
		return fmt.Errorf("%s: %s", command, r.failure)
	}
	return nil
}

// errReplaced is the reply to a command whose run was replaced meanwhile.
var errReplaced = errors.New("the run was replaced")

// fail ends the run after an error of its trainer, which must not be used any more. The
// page is told unless the run was replaced. fail returns the error to reply.
func (r *run) fail(w *Worker, err error) error {
	if errors.Is(err, errInterrupted) {
		if w.run == r {
			w.endRun(fmt.Errorf("step: %w", errReplaced))
		}
		return errReplaced
	}
	if r.card != nil && !errors.As(err, new(*fit.DivergedError)) {
		w.cards.broken = err
		err = fmt.Errorf("%s failed, and the processor takes its place: %w", r.card.name, err)
	}
	r.status, r.failure = protocol.StatusError, err.Error()
	r.diverged = errors.As(err, new(*fit.DivergedError))
	r.broken = true
	if r.team > 1 {
		w.Recruit(0) // a member may never answer again
	}
	w.endStep(err)
	w.dirty = true
	return err
}

// spread moves the training to a team of the tuner's size.
func (r *run) spread(w *Worker) error {
	tuner := r.tuner
	if size := tuner.size; size != r.team {
		err := w.spread(r.Trainer, protocol.Join{
			Size:         size,
			Architecture: r.Auto.Architecture,
			Adam:         r.Adam,
			Batch:        r.settings.Batch,
		})
		if errors.Is(err, errRecruit) {
			size, err = 1, nil
			tuner.stay(size)
		}
		if err != nil {
			return err
		}
		r.team = size
	}
	return nil
}

// network identifies what determines the speed of training, to remember the best team.
func (r *run) network() string {
	return fmt.Sprint(r.settings.Architecture(r.data.Dims).Widths(), r.settings.Batch)
}

// newTuner returns a tuner with the number of workers in the settings, or, if that is
// auto, the fastest that was found for such a network, if any.
func (w *Worker) newTuner(r *run) *tuner {
	if w.Kernel == "go" {
		return newTuner(1) // gonum's order of summation depends on the team
	}
	tuner := newTuner(w.Cores)
	if n, err := strconv.Atoi(r.settings.Workers); err == nil {
		tuner.stay(n)
	} else if n, ok := w.sizes[r.network()]; ok {
		tuner.stay(n)
	}
	return tuner
}

// step trains on the next batch, and explains it if requested.
func (r *run) step(w *Worker, explain bool) error {
	start, slept := time.Now(), w.slept
	w.lastSign = start
	var steps []fit.Trained
	var err error
	if explain {
		steps, err = r.explain()
	} else {
		steps, err = r.Step(r.Batches())
	}
	if err != nil {
		return err
	}
	w.awake()
	elapsed := time.Since(start) - (w.slept - slept)
	r.time += elapsed
	images := 0
	for _, trained := range steps {
		images += trained.Images
		if trained.Point != nil {
			r.points = append(r.points, *trained.Point)
			w.urgent = w.urgent || len(r.Curve) == len(r.points) // shows the first points at once
		}
	}
	r.rate.add(float64(images)/float64(r.settings.PerImage()), elapsed)
	if r.card == nil && images == r.settings.Batch && r.tuner.add(elapsed) {
		w.sizes[r.network()] = r.tuner.size
	}
	return nil
}

// evaluate evaluates the model, which completes the epoch after its last batch.
func (r *run) evaluate() error {
	first := r.Initial == nil
	result, ended, err := r.Evaluate()
	if err != nil {
		return err
	}
	r.evaluation = result
	units := analysis.NewUnits(result.Codes, r.labels, r.classes)
	r.units = &units
	if first {
		r.initial = r.Initial
	}
	if ended != nil {
		r.epochs = append(r.epochs, *ended)
		if r.Done() {
			r.status = protocol.StatusDone
		}
	}
	return nil
}

// setEpochs changes the number of epochs.
func (r *run) setEpochs(epochs int) {
	r.settings.Epochs = epochs
	if r.Run == nil {
		return
	}
	r.Settings.Epochs = epochs
	switch {
	case r.Epoch >= epochs && r.status != protocol.StatusError:
		r.status = protocol.StatusDone
	case r.Epoch < epochs && r.status == protocol.StatusDone:
		r.status = protocol.StatusPaused
	}
}

// pass runs images through the autoencoder and returns their codes, [n, latent], and
// reconstructions, [n, 3072] bytes.
func (r *run) pass(images []byte) (codes []float32, reconstructions []byte, err error) {
	codes, outputs, err := r.Reconstruct(images)
	if err != nil {
		return nil, nil, err
	}
	return codes, data.Bytes(outputs), nil
}

// decode runs a code, [latent], through the decoder and returns an image, [3072] bytes.
func (r *run) decode(code []float32) ([]byte, error) {
	if err := r.Collect(); err != nil {
		return nil, err
	}
	return data.Bytes(r.Decode(code)), nil
}

// news returns a frame without pictures: the state of the run and what is new since the
// last call.
func (r *run) news(w *Worker) protocol.Frame {
	frame := protocol.Frame{
		Run:             r.number,
		Status:          r.status,
		Failure:         r.failure,
		Diverged:        r.diverged,
		ImagesPerSecond: r.rate.perSecond(),
		Initial:         r.initial,
		Points:          r.points,
		Epochs:          r.epochs,
		TrainSeconds:    r.time.Seconds(),
		Workers:         r.team,
		NoCard:          r.noCard,
	}
	if r.card != nil {
		frame.Card = r.card.name
	}
	if r.placed {
		frame.Kernel = r.kernel
	}
	if r.Run != nil {
		frame.Epoch, frame.Batch, frame.Batches = r.Epoch, r.Batch, r.Batches()
		epochs := float64(r.settings.Epochs - r.Epoch)
		batch := float64(r.settings.Batch) / float64(r.settings.PerImage()) // in images
		frame.SecondsLeft = r.rate.seconds(epochs*float64(r.Images()) - float64(r.Batch)*batch)
		if w.pace > 0 {
			frame.ImagesPerSecond = min(frame.ImagesPerSecond, w.pace*batch)
			frame.SecondsLeft = max(frame.SecondsLeft, (epochs*float64(r.Batches())-float64(r.Batch))/w.pace)
		}
	}
	r.initial, r.points, r.epochs = nil, nil, nil
	return frame
}

// frame returns a complete frame.
func (r *run) frame(w *Worker) (protocol.Message, error) {
	watched := w.watched
	if r.broken || r.Run == nil {
		watched = nil
	}
	var samples *protocol.Samples
	if len(watched) > 0 {
		var err error
		if samples, err = r.samples(watched); err != nil {
			return protocol.Message{}, err
		}
	}
	units := r.units
	if r.broken {
		units = nil
	}
	if units != nil {
		if err := r.Collect(); err != nil {
			return protocol.Message{}, err
		}
		units.Atoms = analysis.Atoms(r.Decode, *units)
	}
	frame := r.news(w) // last, because the calls before may answer commands
	frame.Samples, frame.Units, frame.Explained = samples, units, r.explained
	r.units, r.explained = nil, nil
	return protocol.New(protocol.TypeFrame, frame), nil
}

// samples returns validation images with their codes and reconstructions.
func (r *run) samples(images []int) (*protocol.Samples, error) {
	s := &protocol.Samples{Images: images}
	for _, image := range images {
		s.Originals = append(s.Originals, r.data.Validation[image*r.data.Dims:][:r.data.Dims]...)
		s.Labels = append(s.Labels, int(r.labels[image]))
	}
	var err error
	s.Codes, s.Reconstructions, err = r.pass(s.Originals)
	return s, err
}

// rateMeter measures images per second over about the last second of training, without
// pauses.
type rateMeter struct{ images, time float64 }

func (m *rateMeter) add(images float64, elapsed time.Duration) {
	decay := math.Exp(-elapsed.Seconds())
	m.images = m.images*decay + images
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
