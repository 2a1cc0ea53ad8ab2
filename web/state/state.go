// Package state is the page's one state machine. It knows no browser and no
// framework: it is told what the user does and what the worker says, holds
// everything that the components show, and sends the worker its commands.
//
// All methods must be called from one goroutine at a time.
package state

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
	"sae/web/lesson"
)

// Status of the page. Beside the worker's own there is loading, before the
// first data set is there and while another is read.
type Status = protocol.Status

// StatusLoading lasts until a data set is there.
const StatusLoading Status = "loading"

// Page is the state of the page. Components read its fields and call its
// methods; only the methods change it.
type Page struct {
	Status          Status
	Settings        experiment.Settings
	Dataset         protocol.Dataset
	Epoch           int // completed epochs
	Batch           int // completed batches of the epoch under way
	Batches         int // batches per epoch
	ImagesPerSecond float64
	SecondsLeft     float64
	TrainSeconds    float64 // that the run was trained for
	History         []protocol.Epoch
	Initial         *protocol.Evaluation // of the untrained model; nil until it is known
	Curve           []protocol.Point     // training loss within epochs
	Workers         int                  // that train the run
	Failure         string               // why Status is error

	Loading *protocol.Loading // progress of reading a data set; nil when none is read
	Told    string            // what an export did
	Sites   []string
	Kept    string // name of the data set that the browser keeps; "" for none

	Worker   Worker
	Messages Messages
	Form     Form

	View  View  // that is shown
	Panel Panel // that is open over it; PanelNone for none

	Help bool // whether the list of keys is open

	Timeline Timeline
	Features Features
	Explorer Explorer

	Slow     SlowMotion
	Loss     Loss
	Pictures Pictures
	Lesson   Lesson

	Embed   *Embed // how the page is shown in a frame; nil for the page itself
	Builder Builder

	Runs   Runs
	Series Series
	Link   Link

	Offers  []protocol.Save // unfinished runs that earlier visits have left, the newest first
	Unsaved string          // why the run under way is not saved for the next visit; "" where it is

	// Changed, when set, hears of every change by the name of the event that
	// the page's API knows: "state", "metrics", "epoch", "error".
	Changed func(event string)

	run      int              // number of the run under way
	lastRun  int              // number that was given last
	loaded   protocol.Message // the load command of the data set in use
	deaths   int              // of workers and teams, since the run came any further
	start    func(done Done)  // what begins once a new worker has read the data set again
	slot     string           // that runs are saved under; "" for none
	saved    protocol.Saved   // what is there
	taken    string           // slot of a run that was resumed and is yet to be saved here; "" for none
	left     *comeback        // what an earlier visit has left; nil for nothing
	back     *protocol.Saved  // where the run came back by itself, until it has come further; nil where it did not
	diverged bool             // whether the run diverged, and is back at its save
	mixed    bool             // whether settings and data do not reproduce the run, as with fit.Mixed
	proven   proven
	answered bool // whether a message was the decoder's answer to the explorer
	hidden   bool // whether the page is in a frame that cannot be seen
	unseen   bool // whether training waits to be seen again
}

// proven is the last run that the worker was able to set up.
type proven struct {
	run      int // its number
	settings experiment.Settings
}

// New returns the state of a page that has just been opened. post sends a
// message to the worker; sites names the data sets beside the page.
func New(post func(protocol.Message), sites []string) *Page {
	p := &Page{
		Status:   StatusLoading,
		Settings: experiment.Default(),
		Workers:  1,
		View:     ViewTrain,
		Sites:    sites,
		proven:   proven{settings: experiment.Default()},
		Worker:   Worker{post: post, pending: map[int]func(protocol.Message){}},
	}
	p.Messages.changed = p.changed
	p.Form = Form{page: p, Draft: map[string]string{}, Errors: map[string]string{}}
	p.Timeline = Timeline{page: p, Past: -1}
	p.Features = Features{page: p, Unit: -1, Sort: SortActivity}
	p.Explorer = newExplorer(p)
	p.Pictures = Pictures{page: p}
	p.Loss = Loss{page: p, Quantity: fit.QuantityLoss, ShowMean: true, pcas: map[pcaSize]baseline.Quality{}}
	p.Slow = SlowMotion{page: p}
	p.Lesson = Lesson{page: p, Text: lesson.For("en")}
	p.Runs = Runs{page: p}
	p.Series = Series{page: p}
	p.Link = Link{page: p}
	p.Builder = Builder{page: p, Panels: []string{"recon", "loss"}, Target: Targets[0]}
	return p
}

// Receive takes a message of the worker. It reports whether that was nothing but
// the decoder's answer to the explorer, which comes often and changes one
// picture.
func (p *Page) Receive(m protocol.Message) (answered bool) {
	p.answered = false
	switch m.Type {
	case protocol.TypeReady:
		p.ready(m)
	case protocol.TypeReply:
		p.Worker.replied(m)
	case protocol.TypeLoading:
		if loading, err := protocol.Decode[protocol.Loading](m); err == nil && p.Loading != nil {
			p.Loading = &loading
		}
	case protocol.TypeFrame:
		p.frame(m)
	case protocol.TypeSaved:
		p.wasSaved(m)
	}
	return p.answered
}

// ofRun adapts an error callback to the reply to a command for the run under way, which
// tells where that is. Where another has taken its place by then, that was set up as
// asked for.
func (p *Page) ofRun(done Done) func(protocol.Message) {
	run := p.run
	return func(reply protocol.Message) {
		p.told(reply)
		if run != p.run {
			done(nil)
			return
		}
		done(replyError(reply))
	}
}

func (p *Page) changed(event string) {
	if p.Changed != nil {
		p.Changed(event)
	}
}

// ready greets a new worker, the first one or one that replaces a dead one.
func (p *Page) ready(m protocol.Message) {
	ready, err := protocol.Decode[protocol.Ready](m)
	if err != nil {
		p.fail("The training worker does not speak this page's language.", err)
		return
	}
	if p.Worker.Kernel = ready.Kernel; p.Embed == nil { // a frame neither keeps data nor takes what the page kept
		p.Kept = ready.Kept
	}
	p.startSaving()
	if p.Slow.Pace > 0 { // this worker took the place of another
		p.Slow.send()
	}
	if p.loaded.Type != "" {
		p.Loading = nil
		p.loadThen(p.loaded, nil, func(err error) {
			if err != nil {
				p.fail("The data set could not be read again", fmt.Errorf("%w; reload the page", err))
			}
		})
		return
	}
	p.load(p.preferred(), func(err error) {
		// What a site or an earlier visit offers may have gone bad; the
		// embedded data set is always there.
		if err != nil {
			p.load(loadMessage(protocol.Load{Source: protocol.SourceSynthetic}), func(error) { p.comeBack() })
			return
		}
		p.comeBack()
	})
}

// preferred returns the command that loads the first visit's data set: the
// one of the user before that of the site before the embedded one.
func (p *Page) preferred() protocol.Message {
	switch {
	case p.Kept != "":
		return loadMessage(protocol.Load{Source: protocol.SourceKept, Name: p.Kept})
	case len(p.Sites) > 0:
		return p.siteMessage()
	}
	return loadMessage(protocol.Load{Source: protocol.SourceSynthetic})
}

func loadMessage(load protocol.Load) protocol.Message {
	return protocol.New(protocol.TypeLoad, load)
}

func (p *Page) siteMessage() protocol.Message {
	return loadMessage(protocol.Load{Source: protocol.SourceSite, Name: p.Sites[0], URL: "data/" + p.Sites[0]})
}

// UseSynthetic changes to the embedded data set.
func (p *Page) UseSynthetic(done Done) {
	p.use(loadMessage(protocol.Load{Source: protocol.SourceSynthetic}), done)
}

// UseSite changes to the data set beside the page.
func (p *Page) UseSite(done Done) {
	if len(p.Sites) == 0 {
		done(errors.New("dataset: this site has none beside the page"))
		return
	}
	p.use(p.siteMessage(), done)
}

// UseKept changes to the data set that an earlier visit kept.
func (p *Page) UseKept(done Done) {
	p.use(loadMessage(protocol.Load{Source: protocol.SourceKept, Name: p.Kept}), done)
}

// UseFile changes to a data set in a file of the user.
func (p *Page) UseFile(name string, file any, done Done) {
	m := loadMessage(protocol.Load{Source: protocol.SourceFile, Name: name, Keep: p.Embed == nil, Least: p.Embed.leastImages(p.Settings)})
	m.File = file
	p.use(m, done)
}

// use is load for a data set that the user chose; the toast brings back the run before.
func (p *Page) use(m protocol.Message, done Done) {
	p.Messages.over(aboutTry)
	offer := p.wayBack()
	p.load(m, func(err error) {
		if err == nil {
			offer("Another data set was opened.")
		}
		done(err)
	})
}

// load asks for a data set. While it is read, the run goes on; when it turns
// out bad, a notice says so and everything stays as it was.
func (p *Page) load(m protocol.Message, done Done) { p.loadThen(m, p.newRun, done) }

// loadThen is load with something else than a new run to start on the data: nil for
// what a new worker is to start on those it has to read again.
func (p *Page) loadThen(m protocol.Message, start func(done Done), done Done) {
	if p.Loading != nil {
		done(errors.New("dataset: another one is still being read"))
		return
	}
	p.Loading = &protocol.Loading{Stage: "Opening"}
	p.changed("state")
	p.Worker.command(m, func(reply protocol.Message) {
		p.Loading = nil
		dataset, err := p.accept(m, reply)
		if err != nil {
			p.Messages.tell(aboutTry, "That data set could not be used", err.Error()+". "+p.unchanged())
			done(err)
			return
		}
		p.loaded = m
		if start != nil {
			p.Messages.over(aboutRun)
			p.Messages.Toast = nil // of the data before
		}
		if !slices.Equal(dataset.Classes, p.Dataset.Classes) { // which the units' statistics are of
			p.Features.Class = 0
			p.Timeline.live.Units = Units{}
			p.Timeline.Scrub(-1)
		}
		p.Dataset = dataset
		if start != nil {
			p.Loss.pcas, p.Loss.asked = map[pcaSize]baseline.Quality{}, pcaSize{}
			p.Runs.Kept, p.Series.queue = nil, nil
			p.Runs.recall()
		}
		p.Features.Unit, p.Explorer = -1, newExplorer(p)
		if dataset.Kept {
			p.Kept = dataset.Name
		}
		p.Pictures.fix()
		p.adapt()
		if start == nil {
			start = p.start
		}
		start(done)
	})
}

func (p *Page) accept(m, reply protocol.Message) (protocol.Dataset, error) {
	dataset, err := answer[protocol.Dataset](reply)
	if err == nil && len(dataset.Labels) != dataset.Validation {
		err = fmt.Errorf("protocol: %s: want a label for each of the %d validation images", m.Type, dataset.Validation)
	}
	return dataset, err
}

func (p *Page) unchanged() string {
	if p.Dataset.Name == "" {
		return ""
	}
	return "Your run on " + p.Dataset.Name + " is unchanged."
}

// adapt makes settings that a smaller data set cannot meet meet it.
func (p *Page) adapt() { p.fit(p.Settings.FitTo(p.Dataset.Train), p.Settings) }

// fit makes settings those of the page, and says so where others were asked for, which
// had to be fitted to the data set.
func (p *Page) fit(settings, asked experiment.Settings) {
	if p.Settings = settings; settings != asked {
		p.Messages.Notice = &Notice{
			Title: "Settings were adapted to the data set",
			Text:  fmt.Sprintf("%d training images of %s are in use: the batch size is now %d.", settings.TrainingImages(p.Dataset.Train), p.Dataset.Name, settings.Batch),
			about: aboutRun,
		}
	}
}

// with returns the settings with the named changes, as they were asked for and fitted to
// the data set. Where that does not suffice for a named one, it is an error; only what
// follows from them, such as the batch of an experiment, is fitted.
func (p *Page) with(changes map[string]string) (fitted, asked experiment.Settings, err error) {
	asked, err = p.Settings.With(changes)
	if err != nil || p.Dataset.Train == 0 {
		return asked, asked, err
	}
	fitted = asked.FitTo(p.Dataset.Train)
	for name := range changes {
		if field, _ := experiment.Lookup(name); field.Format(fitted) != field.Format(asked) {
			return p.Settings, asked, asked.Fit(p.Dataset.Train)
		}
	}
	return fitted, asked, nil
}

// nextRun returns the number of a new run.
func (p *Page) nextRun() int {
	p.lastRun++
	return p.lastRun
}

// clear forgets what is known of the run; the new one has the given number.
func (p *Page) clear(run int) {
	p.run = run
	p.Epoch, p.Batch, p.Batches = 0, 0, 0
	p.ImagesPerSecond, p.SecondsLeft, p.TrainSeconds = 0, 0, 0
	p.Workers = 1
	p.History, p.Initial, p.Curve, p.Link.sums = nil, nil, nil, nil
	p.Failure = ""
	p.taken, p.back, p.diverged, p.mixed = "", nil, false, false
	p.Unsaved, p.Told = "", ""
	p.Timeline.clear()
	p.Slow.Explained = nil
	p.Features.Unit, p.Features.Detail = -1, Detail{}
	p.Explorer.Code, p.Explorer.Encoded, p.Explorer.Decoded, p.Explorer.Map, p.Explorer.Second = nil, nil, nil, nil, -1
}

// wayBack has a checkpoint made of the run under way before another takes its place.
// The function that it returns then offers to bring it back, on its data, as it was.
func (p *Page) wayBack() (offer func(text string)) {
	if !p.Trained() {
		return func(string) {}
	}
	var file any
	p.checkpoint(func(checkpoint any) { file = checkpoint })
	training := p.Status == protocol.StatusTraining || p.unseen
	loaded, data, kept := p.loaded, p.fingerprint(), p.Kept
	back := func(done Done) {
		p.Import(file, func(err error) {
			if err == nil && training {
				p.trainOn()
			}
			done(err)
		})
	}
	return func(text string) {
		load, err := protocol.Decode[protocol.Load](loaded)
		if file == nil || err != nil || load.Source == protocol.SourceKept && p.Kept != kept { // other data are kept in their place
			return
		}
		p.Messages.Toast = &Toast{Text: text, Undo: func() {
			if p.fingerprint() == data {
				back(ignore)
				return
			}
			p.loadThen(loaded, func(done Done) {
				back(func(err error) {
					if err != nil {
						p.newRun(done)
						return
					}
					done(nil)
				})
			}, ignore)
		}}
	}
}

// newRun starts over with the settings and the data set there are. done is
// called when the run is set up, or was replaced by another.
func (p *Page) newRun(done Done) {
	run := p.nextRun()
	p.clear(run)
	again := p.Status == protocol.StatusTraining
	p.Status = protocol.StatusIdle
	p.Batches = (p.Settings.TrainingImages(p.Dataset.Train) + p.Settings.Batch - 1) / p.Settings.Batch
	p.Pictures.watch()
	p.Worker.command(protocol.New(protocol.TypeConfigure, protocol.Configure{Run: run, Settings: p.Settings, Queue: p.Series.queue}), func(reply protocol.Message) {
		err := replyError(reply)
		if err != nil && run == p.run {
			p.fail("The run could not be set up.", err)
		}
		done(err)
	})
	if again {
		p.Play(ignore)
	}
	p.Loss.askPCA()
	p.changed("state")
}

func (p *Page) fail(title string, err error) {
	p.Status, p.Failure = protocol.StatusError, err.Error()
	p.Messages.tell(aboutRun, title, err.Error())
}

// Set changes settings by name. It reports whether that started a new run;
// only the numbers of epochs and of workers change within a run. A run that was training
// goes on as the new run. Bad values change nothing.
func (p *Page) Set(changes map[string]string, done func(reset bool, err error)) {
	settings, asked, err := p.with(changes)
	if err != nil {
		done(false, err)
		return
	}
	for name := range changes {
		p.Form.discard(name)
	}
	if settings != p.Settings {
		p.Messages.over(aboutSettings)
	}
	reset := p.Settings.Resets(settings)
	if reset {
		p.Messages.over(aboutRun)
	}
	lowered := p.Settings
	if lowered.LR = settings.LR; p.diverged && lowered == settings {
		p.goOn(settings, done)
		return
	}
	adjusts := settings.Epochs != p.Settings.Epochs || settings.Workers != p.Settings.Workers
	p.fit(settings, asked)
	if reset {
		p.Series.queue = nil
	}
	switch {
	case p.Status == StatusLoading: // a run has yet to start, with these
		if reset {
			p.start = p.newRun
		}
		done(reset, nil)
	case reset:
		p.newRun(func(err error) { done(true, err) })
		return
	case adjusts:
		if p.Status == protocol.StatusDone && p.Epoch < settings.Epochs {
			p.Status = protocol.StatusPaused // there is something left to train
		}
		p.adjust(func(err error) { done(false, err) })
	default:
		done(false, nil)
	}
	p.changed("state")
}

// adjust tells the worker what has changed within the run.
func (p *Page) adjust(done Done) {
	body := protocol.Adjust{Epochs: p.Settings.Epochs, Workers: p.Settings.Workers, Queue: p.Series.queue}
	p.Worker.command(protocol.New(protocol.TypeAdjust, body), p.ofRun(done))
}

// Play trains until the run is done or paused.
func (p *Page) Play(done Done) {
	if err := p.trainable("play"); err != nil {
		done(err)
		return
	}
	p.Status = protocol.StatusTraining
	p.Worker.command(protocol.New(protocol.TypePlay, nil), p.ofRun(done))
	p.changed("state")
}

// Pause stops training after the batch under way.
func (p *Page) Pause(done Done) {
	p.unseen = false
	switch p.Status {
	case protocol.StatusTraining:
		p.Status = protocol.StatusPaused
		p.changed("state")
	case protocol.StatusPaused: // a batch may be under way
	default:
		done(nil)
		return
	}
	p.Worker.command(protocol.New(protocol.TypePause, nil), p.ofRun(done))
}

// StepOnce is Step for a user, who sees the form, and wants to see the step.
func (p *Page) StepOnce() {
	if !p.Form.misfilled() {
		p.Timeline.Now()
		p.Step(ignore)
	}
}

// Step trains on one batch.
func (p *Page) Step(done Done) {
	if err := p.trainable("step"); err != nil {
		done(err)
		return
	}
	p.Status, p.unseen = protocol.StatusPaused, false
	p.Worker.command(protocol.New(protocol.TypeStep, nil), func(reply protocol.Message) {
		p.told(reply)
		done(replyError(reply))
	})
	p.changed("state")
}

func (p *Page) trainable(action string) error {
	switch p.Status {
	case StatusLoading:
		return fmt.Errorf("%s: the data set is still being read; await sae.ready", action)
	case protocol.StatusDone:
		return fmt.Errorf("%s: the run is done after %d epochs; set a larger epochs or reset", action, p.Settings.Epochs)
	case protocol.StatusError:
		return fmt.Errorf("%s: the run stopped: %s; reset", action, p.Failure)
	}
	return nil
}

// See tells whether an embedded page can be seen. Unseen, it does not train: a
// reader of the text around it should not pay for what is scrolled away. What
// trained goes on when it is seen again.
func (p *Page) See(seen bool) {
	p.hidden = !seen
	switch {
	case !seen && p.Status == protocol.StatusTraining:
		p.Pause(ignore)
		p.unseen = true
	case seen && p.unseen && p.Status != StatusLoading: // else once the worker has its run again
		p.trainOn()
	}
}

// trainOn trains a run that is brought back, once the page can be seen, unless it is
// done.
func (p *Page) trainOn() {
	if p.unseen = p.hidden; !p.unseen && (p.Status == protocol.StatusIdle || p.Status == protocol.StatusPaused) {
		p.Play(ignore)
	}
}

// Reset forgets what was learnt and waits with the untrained model.
func (p *Page) Reset(done Done) {
	if p.Status == StatusLoading {
		done(errors.New("reset: the data set is still being read; await sae.ready"))
		return
	}
	p.Series.queue = nil
	p.Messages.over(aboutRun)
	offer := p.wayBack()
	p.discard(p.slot)
	p.Status, p.unseen = protocol.StatusIdle, false
	p.newRun(func(err error) {
		offer("What was learnt is gone.")
		done(err)
	})
}

// Toggle is the play button: it trains or pauses, and trains a finished run
// for as many epochs again as a first run has, unless their number is locked.
func (p *Page) Toggle() {
	if p.Status != protocol.StatusTraining && p.Form.misfilled() {
		return
	}
	switch p.Status {
	case protocol.StatusTraining:
		p.Pause(ignore)
	case protocol.StatusDone:
		if p.Embed.Locked("epochs") {
			return
		}
		field, _ := experiment.Lookup("epochs")
		epochs := min(p.Settings.Epochs+experiment.Default().Epochs, int(field.Max))
		p.Set(map[string]string{"epochs": fmt.Sprint(epochs)}, func(bool, error) {})
		p.Play(ignore)
	default:
		p.Play(ignore)
	}
}

// frame takes what the worker has to show.
func (p *Page) frame(m protocol.Message) {
	defer p.Worker.acknowledge()
	frame, err := protocol.Decode[protocol.Frame](m)
	if err != nil {
		p.fail("The training worker does not speak this page's language.", err)
		return
	}
	if frame.Run != p.run {
		return // of a run that has since been replaced
	}
	p.take(frame)
	if frame.Samples != nil {
		p.Timeline.setSamples(*frame.Samples)
	}
	if frame.Units != nil {
		p.Timeline.setUnits(*frame.Units)
		p.Features.refresh()
	}
	if frame.Explained != nil {
		p.Slow.explain(*frame.Explained)
	}
	evaluated := frame.Units != nil
	p.Timeline.remember(evaluated)
	if evaluated || frame.Samples != nil {
		p.Explorer.refresh(evaluated)
	}
	p.changed("metrics")
	p.ended(frame.Epochs)
	p.follow(frame)
}

// told takes where the run is from the reply to a command that drives it.
func (p *Page) told(reply protocol.Message) {
	frame, err := protocol.Decode[protocol.Frame](reply)
	if err != nil || frame.Run != p.run { // there is no worker or run, or another one
		return
	}
	moved := frame.Epoch != p.Epoch || frame.Batch != p.Batch
	p.take(frame)
	if moved {
		p.changed("metrics")
	}
	p.ended(frame.Epochs)
	p.follow(frame)
}

// take takes over where the run is, but for its status and its history.
func (p *Page) take(frame protocol.Frame) {
	if frame.Batches > 0 {
		p.proven = proven{p.run, p.Settings}
		p.Batches = frame.Batches
	}
	p.Epoch, p.Batch = frame.Epoch, frame.Batch
	p.ImagesPerSecond, p.SecondsLeft = frame.ImagesPerSecond, frame.SecondsLeft
	p.TrainSeconds = frame.TrainSeconds
	p.Workers = frame.Workers
	p.Initial = cmp.Or(frame.Initial, p.Initial)
	p.Curve = fit.Thin(append(p.Curve, frame.Points...))
}

// ended adds epochs to the history. Of each, an event tells while it is the last.
func (p *Page) ended(epochs []protocol.Epoch) {
	for _, epoch := range epochs {
		p.deaths = 0
		p.History = append(p.History, epoch)
		p.changed("epoch")
	}
}

// follow takes over the worker's status where the worker changed it by
// itself: a run that ends. Whether it trains or is paused, the page decided.
func (p *Page) follow(frame protocol.Frame) {
	if frame.Status == p.Status {
		return
	}
	switch frame.Status {
	case protocol.StatusDone:
		if frame.Epoch >= p.Settings.Epochs {
			p.Status = protocol.StatusDone
			p.Runs.add()
			p.Series.next()
			p.changed("state")
		}
	case protocol.StatusError:
		p.stopped(frame.Failure, frame.Diverged)
	}
}

// Trained reports whether the model has learnt from at least one batch.
func (p *Page) Trained() bool { return p.Epoch > 0 || p.Batch > 0 }

// Untrained reports whether the pictures on show are those of an untrained model. After
// a setting has changed, they are still those of the run before for a moment.
func (p *Page) Untrained() bool { return !p.Trained() && p.Timeline.Samples.Run == p.run }

// Progress returns how much of the run is done, from 0 to 1.
func (p *Page) Progress() float64 {
	if p.Batches == 0 {
		return 0
	}
	done := float64(p.Epoch) + float64(p.Batch)/float64(p.Batches)
	return min(1, done/float64(p.Settings.Epochs))
}

// Latest returns the newest evaluation, that of the untrained model before
// the first epoch is over; ok is false while there is none.
func (p *Page) Latest() (evaluation protocol.Evaluation, ok bool) {
	switch {
	case len(p.History) > 0:
		return p.History[len(p.History)-1].Evaluation, true
	case p.Initial != nil:
		return *p.Initial, true
	}
	return protocol.Evaluation{}, false
}

// dataKey tells apart the data sets that runs are trained on. The floor depends on
// every validation image.
func (p *Page) dataKey() string {
	return fmt.Sprintf("%s/%d/%d/%.12f", p.Dataset.Name, p.Dataset.Train, p.Dataset.Validation, p.Dataset.Floor)
}
