package state

import (
	"cmp"
	"errors"
	"fmt"

	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// Status is the worker's, or StatusLoading.
type Status = protocol.Status

// StatusLoading lasts until there is a data set.
const StatusLoading Status = "loading"

// Training is the run under way. settings.go changes its settings, replace.go starts
// another run.
type Training struct {
	Status          Status
	Settings        experiment.Settings
	Epoch           int // completed epochs
	Batch           int // completed batches of the current epoch
	Batches         int // batches per epoch
	ImagesPerSecond float64
	SecondsLeft     float64
	TrainSeconds    float64 // spent on training
	History         []protocol.Epoch
	Initial         *protocol.Evaluation // of the untrained model; nil until it is known
	Curve           []protocol.Point     // training loss within epochs
	Workers         int                  // that train the run
	Card            string               // name of the graphics card that trains the run; "" for the workers
	Failure         string               // why Status is StatusError

	page    *Page
	run     int             // its number
	lastRun int             // number that was given last
	queue   *protocol.Queue // series that the run belongs to; nil for none
	kernel  string          // that trains it; "" until it is known
	noCard  string          // why the graphics card does not train, if it should
	mixed   bool            // whether settings and data do not reproduce the run, as with fit.Mixed
	hidden  bool            // whether the page is in a frame that cannot be seen
	unseen  bool            // whether training waits until the frame is seen

	starting bool // whether training starts as soon as there is a run
}

// Play trains until the run is done or paused.
func (t *Training) Play(done Done) {
	if err := t.trainable("play"); err != nil {
		done(err)
		return
	}
	t.Status = protocol.StatusTraining
	t.page.Worker.command(protocol.New(protocol.TypePlay, nil), t.ofRun(done))
	t.page.changed("state")
}

// Pause stops training after the current batch.
func (t *Training) Pause(done Done) {
	t.unseen, t.starting = false, false
	switch t.Status {
	case protocol.StatusTraining:
		t.Status = protocol.StatusPaused
		t.page.changed("state")
	case protocol.StatusPaused: // the worker may still be at a batch
	default:
		done(nil)
		return
	}
	t.page.Worker.command(protocol.New(protocol.TypePause, nil), t.ofRun(done))
}

// Step trains on one batch.
func (t *Training) Step(done Done) {
	if err := t.trainable("step"); err != nil {
		done(err)
		return
	}
	t.Status, t.unseen = protocol.StatusPaused, false
	t.page.Worker.command(protocol.New(protocol.TypeStep, nil), func(reply protocol.Message) {
		t.told(reply)
		done(replyError(reply))
	})
	t.page.changed("state")
}

func (t *Training) trainable(action string) error {
	switch t.Status {
	case StatusLoading:
		return fmt.Errorf("%s: the data set is still being read; await sae.ready", action)
	case protocol.StatusDone:
		return fmt.Errorf("%s: the run is done after %d epochs; set a larger epochs or reset", action, t.Settings.Epochs)
	case protocol.StatusError:
		return fmt.Errorf("%s: the run stopped: %s; reset", action, t.Failure)
	}
	return nil
}

// StepOnce is Step for the user, who sees the form, and wants to see the step.
func (t *Training) StepOnce() {
	if !t.page.Form.misfilled() {
		t.page.Timeline.Now()
		t.Step(Ignore)
	}
}

// Starting reports whether training starts as soon as there is a run.
func (t *Training) Starting() bool { return t.starting && t.Status == StatusLoading }

// begin returns done for a run that is set up on new data, with what waits for the run.
func (t *Training) begin(done Done) Done {
	return func(err error) {
		if err == nil && t.starting {
			t.trainOn()
		}
		t.starting = false
		done(err)
	}
}

// Toggle is the play button. It trains or pauses, and trains a finished run for as many
// epochs again as the default, unless their number is locked. Before there is a run, it
// asks for training as soon as there is one, or takes that back.
func (t *Training) Toggle() {
	if t.Status != protocol.StatusTraining && t.page.Form.misfilled() {
		return
	}
	switch t.Status {
	case StatusLoading:
		t.starting = !t.starting
	case protocol.StatusTraining:
		t.Pause(Ignore)
	case protocol.StatusDone:
		if t.page.Embed.Locked("epochs") {
			return
		}
		field, _ := experiment.Lookup("epochs")
		epochs := min(t.Settings.Epochs+experiment.Default().Epochs, int(field.Max))
		t.Set(map[string]string{"epochs": fmt.Sprint(epochs)}, func(bool, error) {})
		t.Play(Ignore)
	default:
		t.Play(Ignore)
	}
}

// Reset discards what was learnt. The untrained model waits for Play.
func (t *Training) Reset(done Done) {
	if t.Status == StatusLoading {
		done(errors.New("reset: the data set is still being read; await sae.ready"))
		return
	}
	t.queue = nil
	t.page.Messages.over(aboutRun)
	offer := t.wayBack()
	t.page.Saves.discard(t.page.Saves.slot)
	t.Status, t.unseen = protocol.StatusIdle, false
	t.newRun(func(err error) {
		offer("What was learnt is gone.")
		done(err)
	})
}

// See tells whether a page in a frame can be seen. Training pauses while it cannot: readers
// should not pay for what they have scrolled past.
func (t *Training) See(seen bool) {
	t.hidden = !seen
	switch {
	case !seen && t.Status == protocol.StatusTraining:
		t.Pause(Ignore)
		t.unseen = true
	case seen && t.unseen && t.Status != StatusLoading: // else Recovery goes on
		t.trainOn()
	}
}

// trainOn trains a run that is back, unless it is done, as soon as the page can be seen.
func (t *Training) trainOn() {
	if t.unseen = t.hidden; !t.unseen && (t.Status == protocol.StatusIdle || t.Status == protocol.StatusPaused) {
		t.Play(Ignore)
	}
}

// trains reports whether the run trains, or would if the page could be seen.
func (t *Training) trains() bool { return t.Status == protocol.StatusTraining || t.unseen }

// ofRun returns the handler of the reply to a command for the run under way. If another run
// has replaced it by then, that run was set up as the command asked.
func (t *Training) ofRun(done Done) func(protocol.Message) {
	run := t.run
	return func(reply protocol.Message) {
		t.told(reply)
		if run != t.run {
			done(nil)
			return
		}
		done(replyError(reply))
	}
}

// told takes the progress in the reply to a command.
func (t *Training) told(reply protocol.Message) {
	frame, err := protocol.Decode[protocol.Frame](reply)
	if err != nil || frame.Run != t.run { // there is no worker or no run, or it is another
		return
	}
	moved := frame.Epoch != t.Epoch || frame.Batch != t.Batch
	t.take(frame)
	if moved {
		t.page.changed("metrics")
	}
	t.ended(frame.Epochs)
	t.follow(frame)
}

// take takes the progress in a frame, but not its status and epochs.
func (t *Training) take(frame protocol.Frame) {
	if frame.Batches > 0 {
		t.page.Recovery.proven = proven{t.run, t.Settings}
		t.Batches = frame.Batches
	}
	t.Epoch, t.Batch = frame.Epoch, frame.Batch
	t.ImagesPerSecond, t.SecondsLeft = frame.ImagesPerSecond, frame.SecondsLeft
	t.TrainSeconds = frame.TrainSeconds
	t.Workers, t.Card = frame.Workers, frame.Card
	if frame.Kernel != "" {
		t.kernel, t.mixed = frame.Kernel, t.mixed || frame.Kernel == fit.Mixed
	}
	if frame.NoCard != t.noCard {
		if t.noCard = frame.NoCard; t.noCard != "" {
			t.page.Messages.inform(aboutRun, "The processor trains this run", "The graphics card cannot: "+t.noCard+".")
		}
	}
	t.Initial = cmp.Or(frame.Initial, t.Initial)
	t.Curve = fit.Thin(append(t.Curve, frame.Points...))
}

// ended adds epochs to the history. Each has an event, sent while it is the last.
func (t *Training) ended(epochs []protocol.Epoch) {
	for _, epoch := range epochs {
		t.page.Recovery.deaths = 0
		t.History = append(t.History, epoch)
		t.page.changed("epoch")
	}
}

// follow ends the run when the worker has ended it. Whether a run trains or is paused, the
// page decides.
func (t *Training) follow(frame protocol.Frame) {
	if frame.Status == t.Status {
		return
	}
	switch frame.Status {
	case protocol.StatusDone:
		if frame.Epoch >= t.Settings.Epochs {
			t.Status = protocol.StatusDone
			t.page.Runs.add()
			t.page.Series.next()
			t.page.changed("state")
		}
	case protocol.StatusError:
		t.page.Recovery.stopped(frame.Failure, frame.Diverged)
	}
}

func (t *Training) fail(title string, err error) {
	t.Status, t.Failure, t.starting = protocol.StatusError, err.Error(), false
	t.page.Messages.tell(aboutRun, title, err.Error())
}

// Trained reports whether the model has learnt from at least one batch.
func (t *Training) Trained() bool { return t.Epoch > 0 || t.Batch > 0 }

// Untrained reports whether the pictures shown are those of an untrained model. After a
// change of settings, they are those of the run before for a moment.
func (t *Training) Untrained() bool { return !t.Trained() && t.page.Timeline.Samples.Run == t.run }

// Progress returns the share of the run that is done, from 0 to 1.
func (t *Training) Progress() float64 {
	if t.Batches == 0 {
		return 0
	}
	done := float64(t.Epoch) + float64(t.Batch)/float64(t.Batches)
	return min(1, done/float64(t.Settings.Epochs))
}

// Latest returns the latest evaluation: of the last epoch or, before the first has ended,
// of the untrained model. ok is false if there is none.
func (t *Training) Latest() (evaluation protocol.Evaluation, ok bool) {
	switch {
	case len(t.History) > 0:
		return t.History[len(t.History)-1].Evaluation, true
	case t.Initial != nil:
		return *t.Initial, true
	}
	return protocol.Evaluation{}, false
}
