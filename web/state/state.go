// Package state is the state of the page. It knows no browser and no framework. It is told
// what the user does and what the worker sends, holds everything that the components show,
// and sends the worker its commands.
//
// Each thing that the page can do is a type with a file and tests of its own; a [Page]
// connects them. A type has pointers to the few others that it needs. Those whose changes
// concern the whole page, such as another run or data set, have the page.
//
// The methods are not safe for concurrent use.
package state

import (
	"fmt"

	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
	"sae/web/lesson"
)

// Page is the state of the page. Components read the fields and call methods. They set only
// fields from which nothing else follows, such as the order of the units.
type Page struct {
	Worker   Worker
	Dataset  Dataset
	Training // embedded, because nearly everything shows the run under way
	Model    Model

	Timeline Timeline
	Pictures Pictures
	Slow     SlowMotion
	Loss     Loss
	Features Features
	Explorer Explorer
	Map      Map

	Runs     Runs
	Series   Series
	Saves    Saves
	Recovery Recovery

	Form     Form
	Messages Messages
	Lesson   Lesson
	Link     Link
	Builder  Builder
	Embed    *Embed // nil for the page itself

	View  View
	Panel Panel
	Help  bool // whether the list of keys is open

	// Changed is called after every change with the event of the page's API: "state",
	// "metrics", "epoch" or "error". It may be nil.
	Changed func(event string)
}

// New returns the state of a page that has just been opened. post sends a message to the
// worker; sites names the data sets beside the page.
func New(post func(protocol.Message), sites []string) *Page {
	p := &Page{View: ViewTrain}
	p.Worker = Worker{post: post, pending: map[int]func(protocol.Message){}}
	p.Messages = Messages{changed: p.changed}
	p.Dataset = Dataset{page: p, Sites: sites}
	p.Training = Training{page: p, Status: StatusLoading, Settings: experiment.Default(), Workers: 1}
	p.Model = Model{worker: &p.Worker, messages: &p.Messages, dataset: &p.Dataset, training: &p.Training}

	p.Timeline = Timeline{training: &p.Training, Past: -1}
	p.Pictures = Pictures{worker: &p.Worker, dataset: &p.Dataset, timeline: &p.Timeline, explorer: &p.Explorer, changed: p.changed}
	p.Slow = SlowMotion{worker: &p.Worker, training: &p.Training, timeline: &p.Timeline, changed: p.changed}
	p.Loss = Loss{worker: &p.Worker, dataset: &p.Dataset, training: &p.Training,
		Quantity: fit.QuantityLoss, ShowMean: true, pcas: map[pcaSize]baseline.Quality{}}
	p.Features = Features{worker: &p.Worker, training: &p.Training, timeline: &p.Timeline, runs: &p.Runs, Unit: -1, Sort: SortActivity}
	p.Explorer, p.Map = newExplorer(p), newMap(p)

	p.Runs = Runs{dataset: &p.Dataset, training: &p.Training, model: &p.Model, messages: &p.Messages, saves: &p.Saves}
	p.Series = Series{training: &p.Training, form: &p.Form, messages: &p.Messages, changed: p.changed}
	p.Saves = Saves{page: p}
	p.Recovery = Recovery{page: p, proven: proven{settings: experiment.Default()}}

	p.Form = Form{page: p, Draft: map[string]string{}, Errors: map[string]string{}}
	p.Lesson = Lesson{page: p, Text: lesson.For("en")}
	p.Link = Link{worker: &p.Worker, dataset: &p.Dataset, training: &p.Training, messages: &p.Messages}
	p.Builder = Builder{training: &p.Training, Panels: []string{"recon", "loss"}, Target: Targets[0]}
	return p
}

func (p *Page) changed(event string) {
	if p.Changed != nil {
		p.Changed(event)
	}
}

// Receive takes a message of the worker. answered reports whether it was only the decoder's
// answer to the explorer. Such answers are frequent, and change one picture.
func (p *Page) Receive(m protocol.Message) (answered bool) {
	p.Explorer.answered = false
	switch m.Type {
	case protocol.TypeReady:
		p.ready(m)
	case protocol.TypeReply:
		p.Worker.replied(m)
	case protocol.TypeLoading:
		if loading, err := protocol.Decode[protocol.Loading](m); err == nil && p.Dataset.Loading != nil {
			p.Dataset.Loading = &loading
		}
	case protocol.TypeFrame:
		p.frame(m)
	case protocol.TypeSaved:
		p.Saves.receive(m)
	case protocol.TypeArrived:
		p.Dataset.arrive(m)
	}
	return p.Explorer.answered
}

// ready greets a new worker: the first one, or one that replaces a dead one.
func (p *Page) ready(m protocol.Message) {
	ready, err := protocol.Decode[protocol.Ready](m)
	if err != nil {
		p.fail("The training worker is of another build than the page", fmt.Errorf("%w; reload the page", err))
		return
	}
	p.Worker.Kernel = ready.Kernel
	if p.Embed == nil { // a frame does not use what the page kept
		p.Dataset.KeptName = ready.Kept
	}
	p.Saves.start()
	if p.Slow.Pace > 0 {
		p.Slow.send()
	}
	if p.Dataset.origin.Source != "" {
		p.Dataset.reload(func(err error) {
			if err != nil {
				p.fail("The data set could not be read again", fmt.Errorf("%w; reload the page", err))
			}
		})
		return
	}
	p.Dataset.load(p.Dataset.preferred(), p.newRun, func(err error) {
		if err == nil {
			p.Saves.comeBack()
			return
		}
		// A data set of the site or of an earlier visit may be damaged. The synthetic one is
		// always there.
		p.Dataset.load(synthetic, p.newRun, func(error) { p.Saves.comeBack() })
	})
}

// frame shows a frame of the worker, and acknowledges it.
func (p *Page) frame(m protocol.Message) {
	defer p.Worker.acknowledge()
	frame, err := protocol.Decode[protocol.Frame](m)
	if err != nil {
		p.fail("The training worker is of another build than the page", fmt.Errorf("%w; reload the page", err))
		return
	}
	if frame.Run != p.run {
		return // of a run that has been replaced
	}
	p.take(frame)
	if frame.Samples != nil {
		p.Timeline.setSamples(*frame.Samples)
	}
	if frame.Units != nil {
		p.Timeline.setUnits(*frame.Units)
		p.Features.behind, p.Explorer.behind = true, true
		p.Timeline.remember()
	}
	if frame.Explained != nil {
		p.Slow.explain(*frame.Explained)
	}
	if frame.Units != nil || frame.Samples != nil {
		p.keepUp()
	}
	p.drawCurve()
	p.changed("metrics")
	p.ended(frame.Epochs)
	p.follow(frame)
}
