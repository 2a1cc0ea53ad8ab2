package worker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/nn/fit/enginetest"
	"sae/wasm/protocol"
)

// testCard is a graphics card whose engine is another trainer on the processor. It trains
// on up to three batches before it reports.
type testCard struct {
	software bool
	slow     time.Duration // of a batch
	unfit    error         // why it cannot train the network
	fails    int           // call of Train that fails, from 1; 0 for none

	calls, freed int
}

func (c *testCard) Card() (Card, error) { return c, nil }

func (c *testCard) About() (name, kernel string, software bool) {
	return "Test 1000", "webgpu-test-1000", c.software
}

func (c *testCard) Engine(auto *nn.Autoencoder, adam nn.Adam, batch int, source fit.Source, yield func() error) (fit.Engine, func(), error) {
	if c.unfit != nil {
		return nil, nil, c.unfit
	}
	own, err := auto.Architecture.With(auto.Params())
	if err != nil {
		return nil, nil, err
	}
	engine, err := enginetest.CPU(own, adam, batch, source)
	return &testEngine{engine, c, own, auto, yield}, func() { c.freed++ }, err
}

// testEngine has parameters of its own, as a card does.
type testEngine struct {
	fit.Engine
	card      *testCard
	own, auto *nn.Autoencoder
	yield     func() error
}

func (e *testEngine) Collect() error {
	copy(e.auto.Params(), e.own.Params())
	return nil
}

func (e *testEngine) State() (nn.State, error) {
	e.Collect()
	return e.Engine.State()
}

func (e *testEngine) Restore(state nn.State) error {
	copy(e.own.Params(), e.auto.Params())
	return e.Engine.Restore(state)
}

func (e *testEngine) Train(batches [][]int) (losses []nn.Loss, err error) {
	if e.card.calls++; e.card.calls == e.card.fails {
		return nil, errors.New("it was unplugged")
	}
	for i := range min(3, len(batches)) {
		time.Sleep(e.card.slow)
		loss, err := e.Engine.Train(batches[i:])
		if err != nil {
			return nil, err
		}
		losses = append(losses, loss...)
	}
	return losses, e.yield()
}

// withCard returns a page whose worker has a graphics card.
func withCard(t *testing.T, card *testCard) *page {
	return newPlatformPage(t, func(platform *Platform) { platform.Graphics = card })
}

// A graphics card trains a run as the processor does, also batch by batch, and the device
// can change during the run.
func TestCard(t *testing.T) {
	want := history(t, nil)
	card := &testCard{}
	p := withCard(t, card)
	p.start(map[string]string{"device": "gpu"})
	for range 2 {
		p.must(protocol.TypeStep, nil)
	}
	explained, _, _ := p.until(func(f protocol.Frame) bool { return f.Explained != nil })
	if explained.Card != "Test 1000" || explained.Kernel != "webgpu-test-1000" || explained.Explained.Step == nil {
		t.Errorf("trained by %q, kernel %q, explained %+v; want the card, with an explanation", explained.Card, explained.Kernel, explained.Explained)
	}
	p.must(protocol.TypePlay, nil)
	last, epochs, _ := p.until(isDone)
	if fmt.Sprint(epochs) != fmt.Sprint(want) {
		t.Errorf("history\n%v\nwant\n%v", epochs, want)
	}
	if card.calls == 0 || last.Card == "" || len(last.Epochs) == 0 {
		t.Errorf("%d calls of the card, last frame %+v", card.calls, last)
	}

	p.must(protocol.TypeAdjust, protocol.Adjust{Epochs: 3, Workers: "1", Device: "cpu"})
	p.must(protocol.TypePlay, nil)
	last, epochs, _ = p.until(func(f protocol.Frame) bool { return isDone(f) && f.Epoch == 3 })
	if last.Card != "" || last.Kernel != fit.Mixed || card.freed != 1 {
		t.Errorf("after a change of the device: card %q, kernel %q, freed %d times; want the processor, mixed, once", last.Card, last.Kernel, card.freed)
	}
	if three := history(t, map[string]string{"epochs": "3"}); fmt.Sprint(epochs) != fmt.Sprint(three[2:]) {
		t.Errorf("third epoch\n%v\nwant\n%v", epochs, three[2:])
	}
}

// With device auto, a card that is not faster does not train, and the comparison changes
// nothing.
func TestCardIsNotFaster(t *testing.T) {
	want := history(t, nil)
	for name, card := range map[string]*testCard{
		"slow":     {slow: 300 * time.Millisecond},
		"software": {software: true},
		"unfit":    {unfit: errors.New("too large")},
	} {
		p := withCard(t, card)
		p.start(map[string]string{"device": experiment.Auto})
		p.must(protocol.TypePlay, nil)
		last, epochs, _ := p.until(isDone)
		if last.Card != "" || last.NoCard != "" || fmt.Sprint(epochs) != fmt.Sprint(want) {
			t.Errorf("%s card: trained by %q, %q, history\n%v\nwant\n%v", name, last.Card, last.NoCard, epochs, want)
		}
		if card.software && card.calls > 0 {
			t.Error("a software card is compared")
		}
	}
}

// A card that fails ends the run, which then goes on without it; one that cannot train a
// network says why, and the processor trains.
func TestCardFails(t *testing.T) {
	card := &testCard{fails: 2}
	p := withCard(t, card)
	p.start(map[string]string{"device": "gpu"})
	p.must(protocol.TypePlay, nil)
	failed, _, _ := p.until(func(f protocol.Frame) bool { return f.Status == protocol.StatusError })
	if failed.Diverged || !strings.Contains(failed.Failure, "Test 1000 failed, and the processor takes its place: it was unplugged") {
		t.Errorf("failure %q, diverged %t", failed.Failure, failed.Diverged)
	}
	p.must(protocol.TypeConfigure, protocol.Configure{Run: 2, Settings: settings(t, map[string]string{"device": "gpu"})})
	p.must(protocol.TypePlay, nil)
	last, _, _ := p.until(isDone)
	if last.Card != "" || last.NoCard != "it was unplugged" {
		t.Errorf("the next run is trained by %q, %q; want the processor, and why", last.Card, last.NoCard)
	}

	p = withCard(t, &testCard{unfit: errors.New("too large")})
	p.start(map[string]string{"device": "gpu"})
	p.must(protocol.TypePlay, nil)
	if last, _, _ := p.until(isDone); last.Card != "" || last.NoCard != "too large" {
		t.Errorf("trained by %q, %q; want the processor, and why", last.Card, last.NoCard)
	}
}
