package worker

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sae/data"
	"sae/nn/analysis"
	"sae/nn/exchange"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// page controls a worker as the page does, and collects its messages.
type page struct {
	t       *testing.T
	worker  *Worker
	replies chan protocol.Message
	frames  chan protocol.Frame
	lastID  atomic.Int64
	sent    sync.Map    // types of the commands, by id
	turns   chan func() // functions to run when the worker lets the event loop run
}

func newPage(t *testing.T) *page { return newPlatformPage(t, func(*Platform) {}) }

// newPlatformPage is newPage with a changed platform.
func newPlatformPage(t *testing.T, change func(*Platform)) *page {
	p := &page{
		t:       t,
		replies: make(chan protocol.Message, 100),
		frames:  make(chan protocol.Frame, 1000),
		turns:   make(chan func(), 100),
	}
	platform := Platform{Page: p, Storage: newStorage(), Team: alone{}, Graphics: noGraphics{}, Kernel: "go"}
	change(&platform)
	p.worker = New(platform)
	go p.worker.Run()
	return p
}

func (p *page) Turn() {
	select {
	case turn := <-p.turns:
		turn()
	default:
	}
}

func (p *page) Post(m protocol.Message) {
	switch m.Type {
	case protocol.TypeReply:
		p.replies <- m
		p.told(m)
	case protocol.TypeFrame:
		frame, err := protocol.Decode[protocol.Frame](m)
		if err != nil {
			p.t.Error(err)
		}
		p.frames <- frame
		p.worker.Deliver(protocol.New(protocol.TypeSeen, protocol.Seen{}))
	}
}

// within runs do while the run is within a piece of work.
func (p *page) within(do func()) {
	p.turns <- func() {
		if !p.worker.working {
			p.within(do)
			return
		}
		do()
	}
}

// told treats the state of the run in a reply like a frame.
func (p *page) told(reply protocol.Message) {
	if len(reply.Body) == 0 {
		return
	}
	var frame protocol.Frame
	var err error
	switch sent, _ := p.sent.Load(reply.ID); sent {
	case protocol.TypeAdjust, protocol.TypePlay, protocol.TypePause, protocol.TypeStep:
		frame, err = protocol.Decode[protocol.Frame](reply)
	case protocol.TypeImport, protocol.TypeResume:
		var imported protocol.Imported
		imported, err = protocol.Decode[protocol.Imported](reply)
		frame = imported.Frame
	default:
		return
	}
	if err != nil {
		p.t.Error(err)
	}
	p.frames <- frame
}

// send sends a command without waiting for its reply.
func (p *page) send(m protocol.Message) int {
	m.ID = int(p.lastID.Add(1))
	p.sent.Store(m.ID, m.Type)
	p.worker.Deliver(m)
	return m.ID
}

// do sends a command and returns its reply.
func (p *page) do(t protocol.Type, body any) protocol.Message {
	p.t.Helper()
	id := p.send(protocol.New(t, body))
	return p.await(id)
}

func (p *page) await(id int) protocol.Message {
	p.t.Helper()
	for {
		select {
		case reply := <-p.replies:
			if reply.ID == id {
				return reply
			}
		case <-time.After(time.Minute):
			p.t.Fatalf("no reply to command %d", id)
		}
	}
}

// must sends a command that must succeed, and returns its reply.
func (p *page) must(t protocol.Type, body any) protocol.Message {
	p.t.Helper()
	reply := p.do(t, body)
	if reply.Error != "" {
		p.t.Fatalf("%s: %s", t, reply.Error)
	}
	return reply
}

func picture(pixels []byte) protocol.Pictures { return protocol.Pictures{Pixels: pixels} }

// body returns the body of a reply.
func body[T any](t *testing.T, reply protocol.Message) T {
	t.Helper()
	body, err := protocol.Decode[T](reply)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// until returns the first frame that matches, and all epochs and points up to it.
func (p *page) until(match func(protocol.Frame) bool) (frame protocol.Frame, epochs []protocol.Epoch, points []protocol.Point) {
	p.t.Helper()
	for {
		select {
		case frame = <-p.frames:
			epochs = append(epochs, frame.Epochs...)
			points = append(points, frame.Points...)
			if match(frame) {
				return frame, epochs, points
			}
		case <-time.After(time.Minute):
			p.t.Fatal("the awaited frame does not come")
		}
	}
}

func settings(t testing.TB, changes map[string]string) experiment.Settings {
	t.Helper()
	base := map[string]string{"hidden": "16", "latent": "8", "epochs": "2", "batch": "64"}
	for name, value := range changes {
		base[name] = value
	}
	s, err := experiment.Default().With(base)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *page) start(changes map[string]string) {
	p.t.Helper()
	p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic})
	p.must(protocol.TypeWatch, protocol.Watch{Images: []int{0, 7}})
	p.must(protocol.TypeConfigure, protocol.Configure{Run: 1, Settings: settings(p.t, changes)})
}

func isDone(frame protocol.Frame) bool { return frame.Status == protocol.StatusDone }

// history trains a run to its end and returns its epochs.
func history(t *testing.T, changes map[string]string) []protocol.Epoch {
	t.Helper()
	p := newPage(t)
	p.start(changes)
	p.must(protocol.TypePlay, nil)
	_, epochs, _ := p.until(isDone)
	return epochs
}

func TestRun(t *testing.T) {
	p := newPage(t)
	p.start(nil)
	first, _, _ := p.until(func(f protocol.Frame) bool { return f.Initial != nil })
	if math.Abs(first.Initial.ValBCE-math.Ln2) > 0.02 || first.Status != protocol.StatusIdle {
		t.Errorf("untrained validation BCE %g, status %q; want about ln 2 and idle", first.Initial.ValBCE, first.Status)
	}
	p.must(protocol.TypePlay, nil)
	last, epochs, points := p.until(isDone)
	if len(epochs) != 2 || epochs[0].Epoch != 1 || epochs[1].Epoch != 2 {
		t.Fatalf("history %+v, want epochs 1 and 2", epochs)
	}
	if epochs[1].ValBCE >= first.Initial.ValBCE {
		t.Errorf("validation BCE %g after two epochs, want less than %g", epochs[1].ValBCE, first.Initial.ValBCE)
	}
	if len(points) == 0 || points[len(points)-1].Epoch != 2 {
		t.Errorf("%d points of the training loss, want the last at the end of epoch 2", len(points))
	}
	if last.Batches != 4 || last.Epoch != 2 || last.ImagesPerSecond <= 0 {
		t.Errorf("last frame %+v", last)
	}
	for _, epoch := range epochs {
		if math.Abs(epoch.Loss-epoch.BCE-epoch.L1) > 1e-12 || epoch.PSNR <= 0 {
			t.Errorf("epoch %+v: want loss = bce + l1 and a PSNR", epoch)
		}
	}
	if reply := p.do(protocol.TypePlay, nil); !strings.Contains(reply.Error, "the run is done after 2 epochs") {
		t.Errorf("play when done: %q", reply.Error)
	}
	// A larger number of epochs continues the run.
	p.must(protocol.TypeAdjust, protocol.Adjust{Epochs: 3, Workers: experiment.Auto, Device: experiment.Auto})
	p.must(protocol.TypePlay, nil)
	_, epochs, _ = p.until(func(f protocol.Frame) bool { return isDone(f) && f.Epoch == 3 })
	if len(epochs) != 1 || epochs[0].Epoch != 3 {
		t.Errorf("history goes on with %+v, want epoch 3", epochs)
	}
}

func TestSameSettingsSameHistory(t *testing.T) {
	first, second := history(t, nil), history(t, nil)
	if fmt.Sprint(first) != fmt.Sprint(second) {
		t.Errorf("two runs differ:\n%v\n%v", first, second)
	}
	if other := history(t, map[string]string{"seed": "2"}); fmt.Sprint(first) == fmt.Sprint(other) {
		t.Error("another seed gives the same history")
	}
}

// Pausing, stepping and commands within batches do not change the result.
func TestInterruptionsChangeNothing(t *testing.T) {
	want := history(t, nil)
	p := newPage(t)
	p.start(nil)
	for range 3 { // of 4 batches
		p.must(protocol.TypeStep, nil)
		p.must(protocol.TypeReconstruct, picture(make([]byte, data.ImageSize)))
	}
	play, pause := p.send(protocol.New(protocol.TypePlay, nil)), p.send(protocol.New(protocol.TypePause, nil)) // before the run ends
	p.await(play)
	p.await(pause)
	if reply := p.do(protocol.TypeLoad, protocol.Load{Source: protocol.SourceFile}); reply.Error != "no such file" {
		t.Errorf("loading a bad file: %q", reply.Error)
	}
	p.must(protocol.TypePlay, nil)
	_, epochs, _ := p.until(isDone)
	if fmt.Sprint(epochs) != fmt.Sprint(want) {
		t.Errorf("interrupted run:\n%v\nwant\n%v", epochs, want)
	}
}

// pauseWithinFirstBatch starts a run, pauses it within its first batch and returns the answer.
func (p *page) pauseWithinFirstBatch(changes map[string]string) (protocol.Frame, error) {
	p.t.Helper()
	p.start(changes)
	p.until(func(f protocol.Frame) bool { return f.Initial != nil })
	paused := make(chan int, 1)
	p.within(func() { paused <- p.send(protocol.New(protocol.TypePause, nil)) })
	p.must(protocol.TypePlay, nil)
	return protocol.Decode[protocol.Frame](p.await(<-paused))
}

// A pause within a batch is answered after the batch, with the state of the run.
func TestPauseWithinABatch(t *testing.T) {
	p := newPage(t)
	frame, err := p.pauseWithinFirstBatch(map[string]string{"hidden": "256", "epochs": "1", "batch": "100"})
	if err != nil || frame.Status != protocol.StatusPaused || frame.Epoch != 0 || frame.Batch != 1 {
		t.Errorf("paused %+v, %v; want after the first of 2 batches", frame, err)
	}
	before := p.must(protocol.TypeReconstruct, picture(make([]byte, data.ImageSize)))
	p.must(protocol.TypeStep, nil)
	after := p.must(protocol.TypeReconstruct, picture(make([]byte, data.ImageSize)))
	if bytes.Equal(before.Buffers[0], after.Buffers[0]) {
		t.Error("another batch changed nothing")
	}
	frame, _, _ = p.until(func(f protocol.Frame) bool { return f.Epoch == 1 })
	if frame.Status != protocol.StatusDone {
		t.Errorf("status %q after the last batch, want done", frame.Status)
	}
}

// A pause within the last batch of an epoch is answered once the epoch is complete: nothing
// changes after the answer.
func TestPauseWithinTheLastBatch(t *testing.T) {
	p := newPage(t)
	frame, err := p.pauseWithinFirstBatch(map[string]string{"hidden": "256", "epochs": "2", "batch": "200"})
	if err != nil || frame.Status != protocol.StatusPaused || frame.Epoch != 1 || frame.Batch != 0 {
		t.Errorf("paused %+v, %v; want at the end of the first epoch", frame, err)
	}
}

func TestReconfigureWithinABatch(t *testing.T) {
	p := newPage(t)
	p.start(map[string]string{"hidden": "256", "batch": "200"})
	p.until(func(f protocol.Frame) bool { return f.Initial != nil })
	configured := make(chan int, 1)
	p.turns <- func() {
		configured <- p.send(protocol.New(protocol.TypeConfigure, protocol.Configure{Run: 2, Settings: settings(t, nil)}))
	}
	p.must(protocol.TypePlay, nil)
	if reply := p.await(<-configured); reply.Error != "" {
		t.Fatal(reply.Error)
	}
	p.until(func(f protocol.Frame) bool { return f.Run == 2 && f.Initial != nil })
}

func TestFrame(t *testing.T) {
	p := newPage(t)
	p.start(nil)
	frame, _, _ := p.until(func(f protocol.Frame) bool { return f.Units != nil })
	samples, units := frame.Samples, frame.Units
	for name, list := range map[string][2]int{
		"originals":       {len(samples.Originals), 2 * data.ImageSize},
		"reconstructions": {len(samples.Reconstructions), 2 * data.ImageSize},
		"codes":           {len(samples.Codes), 2 * 8},
		"means":           {len(units.Mean), 8},
		"activities":      {len(units.Activity), 8},
		"bins":            {len(units.Histogram.Shares), analysis.Bins},
		"center":          {len(units.Center), 8},
		"class means":     {len(units.ByClass), 8 * 10},
		"atoms":           {len(units.Atoms), 8 * data.ImageSize},
	} {
		if list[0] != list[1] {
			t.Errorf("%s: %d, want %d", name, list[0], list[1])
		}
	}
	if len(samples.Labels) != 2 || !bytes.Equal(samples.Originals[:data.ImageSize], p.worker.dataset.Validation.Image(0)) {
		t.Errorf("labels %v, or the first original is not validation image 0", samples.Labels)
	}
}

// Without an acknowledgement there is no second frame.
func TestBackPressure(t *testing.T) {
	frames := make(chan protocol.Message, 1000)
	done := make(chan protocol.Message, 1000)
	page := pageFunc(func(m protocol.Message) {
		if m.Type == protocol.TypeFrame {
			frames <- m
			return
		}
		done <- m
	})
	w := New(Platform{Page: page, Storage: newStorage(), Team: alone{}, Graphics: noGraphics{}, Kernel: "go"})
	go w.Run()
	w.Deliver(protocol.New(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic}))
	w.Deliver(protocol.New(protocol.TypeConfigure, protocol.Configure{Settings: settings(t, nil)}))
	for id := range 4 {
		step := protocol.New(protocol.TypeStep, nil)
		step.ID = id + 1
		w.Deliver(step)
		for m := range done {
			if m.ID == step.ID {
				break
			}
		}
	}
	if n := len(frames); n != 1 {
		t.Errorf("%d frames before the first is seen, want 1", n)
	}
}

func TestDivergence(t *testing.T) {
	p := newPage(t)
	p.start(nil)
	p.until(func(f protocol.Frame) bool { return f.Initial != nil })
	p.worker.run.Auto.Params()[0] = float32(math.NaN())
	p.must(protocol.TypePlay, nil)
	frame, _, _ := p.until(func(f protocol.Frame) bool { return f.Status == protocol.StatusError })
	if !strings.Contains(frame.Failure, "no longer a finite number in epoch 1, batch 1: the learning rate 0.001 is too high") {
		t.Errorf("failure %q", frame.Failure)
	}
	if reply := p.do(protocol.TypeStep, nil); reply.Error == "" {
		t.Error("stepping a run that diverged does not fail")
	}
}

// Divergence in the last batch of an epoch is noticed by the evaluation.
func TestDivergenceInEvaluation(t *testing.T) {
	configure := protocol.Configure{Run: 1, Settings: settings(t, nil)}
	set := data.Synthetic(200, 50, 1)
	r, err := newRun(configure, fit.NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images), set.Validation.Labels, len(set.Classes))
	if err != nil {
		t.Fatal(err)
	}
	w := New(Platform{Page: pageFunc(nil)})
	if err := r.prepare(w); err != nil {
		t.Fatal(err)
	}
	r.Auto.Params()[0] = float32(math.NaN())
	w.run = r
	if !r.work(w) || r.status != protocol.StatusError || !strings.Contains(r.failure, "no longer a finite number on the validation images") {
		t.Errorf("status %q, failure %q", r.status, r.failure)
	}
	if r.work(w) {
		t.Error("a diverged run continues")
	}
}

func TestRefusals(t *testing.T) {
	p := newPage(t)
	for _, test := range []struct {
		command protocol.Type
		body    any
		want    string
	}{
		{protocol.TypePlay, nil, "play: there is no run"},
		{protocol.TypeConfigure, protocol.Configure{}, "configure: there is no data set"},
		{protocol.TypeWatch, protocol.Watch{Images: []int{1}}, "watch: there is no data set"},
		{protocol.TypeReconstruct, picture(nil), "reconstruct: there is no run"},
		{protocol.TypeDecode, protocol.Codes{}, "decode: there is no run"},
		{protocol.TypeExport, protocol.Export{Format: "npz"}, "export: there is no run"},
		{protocol.TypeExport, protocol.Export{Format: "h5"}, `export: format "h5": want one of`},
		{protocol.TypeImport, protocol.Import{}, "import: there is no data set"},
		{protocol.TypePCA, protocol.PCA{}, "pca: there is no data set"},
		{protocol.TypePCACurve, protocol.PCA{}, "pcaCurve: there is no data set"},
		{protocol.TypeImages, protocol.Images{Images: []int{1}}, "images: there is no data set"},
		{protocol.TypeMap, nil, "map: there is no run"},
		{"dance", nil, `unknown command "dance"`},
		{protocol.TypeLoad, nil, "protocol: load:"},
		{protocol.TypeBench, protocol.Bench{Layers: []int{3072, 8}}, "bench: layers [3072 8]"},
		{protocol.TypeBench, protocol.Bench{Layers: []int{3072, 8, 3072}, LatentIndex: 1, Epochs: 1, Batch: 1, Images: 2, Data: []byte{1}}, "bench: images 2"},
	} {
		if reply := p.do(test.command, test.body); !strings.Contains(reply.Error, test.want) {
			t.Errorf("%s: error %q, want %q", test.command, reply.Error, test.want)
		}
	}
	p.start(nil)
	for _, test := range []struct {
		command protocol.Type
		body    any
		want    string
	}{
		{protocol.TypeWatch, protocol.Watch{Images: []int{50}}, "watch: image 50: want one of the 50 validation images"},
		{protocol.TypeReconstruct, picture([]byte{1, 2, 3}), "reconstruct: a picture of 3 bytes: want 3072"},
		{protocol.TypeEncode, picture(nil), "encode: a picture of 0 bytes: want 3072"},
		{protocol.TypeUnusual, nil, "protocol: unusual:"},
		{protocol.TypeDecode, protocol.Codes{Codes: make([]float32, 9)}, "decode: a code of 9 numbers: want 8"},
		{protocol.TypePCA, protocol.PCA{K: 4, Images: 201}, "pca: 201 images: want 1 to 200"},
		{protocol.TypePCA, protocol.PCA{K: 0, Images: 200}, "pca: 0 components"},
		{protocol.TypeImages, protocol.Images{Images: []int{50}}, "images: image 50: want one of the 50 validation images"},
		{protocol.TypeUnit, protocol.Unit{Unit: 8}, "unit: 8: want one of the 8 latent units"},
		{protocol.TypeConfigure, protocol.Configure{Settings: settings(t, map[string]string{"batch": "4096"})}, `batch "4096": want at most the 200`},
	} {
		if reply := p.do(test.command, test.body); !strings.Contains(reply.Error, test.want) {
			t.Errorf("%s: error %q, want %q", test.command, reply.Error, test.want)
		}
	}
}

func TestBench(t *testing.T) {
	p := newPage(t)
	images := data.Synthetic(64, 10, 1).Train.Images
	cfg := protocol.Bench{
		Layers: []int{3072, 16, 8, 16, 3072}, LatentIndex: 2, L1: 1e-5, Batch: 16, Epochs: 2, Warmup: 1, Images: 64,
		LR: 1e-3, Beta1: .9, Beta2: .999, Epsilon: 1e-7, Data: images,
	}
	result, err := protocol.Decode[protocol.BenchResult](p.must(protocol.TypeBench, cfg))
	if err != nil {
		t.Fatal(err)
	}
	if result.ImagesUsed != 64 || len(result.EpochMS) != 2 || result.ImagesPerSecond <= 0 || result.Loss <= 0 || result.Loss > 0.7 {
		t.Errorf("result %+v", result)
	}
	cfg.BudgetMS = 1e-3 // only enough for one batch
	result, err = protocol.Decode[protocol.BenchResult](p.must(protocol.TypeBench, cfg))
	if err != nil || result.ImagesUsed != cfg.Batch {
		t.Errorf("result %+v, %v; want %d images used", result, err, cfg.Batch)
	}
}

// told returns the state of the run in the reply to a command that controls it.
func told(t *testing.T, reply protocol.Message) protocol.Frame {
	t.Helper()
	frame, err := protocol.Decode[protocol.Frame](reply)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// The reply to a step contains its batch, and the epoch that ended with it.
func TestStepTellsItsBatch(t *testing.T) {
	p := newPage(t)
	p.start(nil)
	for i := 1; i <= 8; i++ { // of 4 batches an epoch
		frame := told(t, p.must(protocol.TypeStep, nil))
		ended := 0
		if i%4 == 0 {
			ended = 1
		}
		if frame.Run != 1 || frame.Epoch != i/4 || frame.Batch != i%4 || len(frame.Epochs) != ended || len(frame.Points) == 0 {
			t.Fatalf("after %d steps: %+v", i, frame)
		}
	}
	reply := p.do(protocol.TypeStep, nil)
	if frame := told(t, reply); reply.Error != "step: the run is done after 2 epochs" || frame.Status != protocol.StatusDone {
		t.Errorf("a step too many: %q, %+v", reply.Error, frame)
	}
}

// A step that makes the run diverge fails, in its batch or in the evaluation after it.
func TestStepDiverges(t *testing.T) {
	for _, test := range []struct {
		batch int // of 4
		want  string
	}{{1, "epoch 1, batch 1: the learning rate 0.001 is too high"}, {4, "on the validation images after epoch 1, batch 4: the learning rate 0.001 is too high"}} {
		p := newPage(t)
		p.start(nil)
		p.until(func(f protocol.Frame) bool { return f.Initial != nil })
		run := p.worker.run // safe while the worker waits
		run.Trainer.Yield = func() error {
			if test.batch == 1 || run.Due() {
				run.Auto.Params()[0] = float32(math.NaN())
			}
			return nil
		}
		for range test.batch - 1 {
			p.must(protocol.TypeStep, nil)
		}
		reply := p.do(protocol.TypeStep, nil)
		if !strings.Contains(reply.Error, test.want) {
			t.Errorf("a step that diverges: %q, want %q", reply.Error, test.want)
		}
		if frame := told(t, reply); !frame.Diverged || frame.Status != protocol.StatusError {
			t.Errorf("a step that diverges tells %+v", frame)
		}
	}
}

// A step command that arrives within a batch is the next batch.
func TestStepWithinABatch(t *testing.T) {
	p := newPage(t)
	p.start(map[string]string{"hidden": "256", "epochs": "1", "batch": "67"}) // three batches
	p.until(func(f protocol.Frame) bool { return f.Initial != nil })
	stepped := make(chan int, 1)
	p.within(func() { stepped <- p.send(protocol.New(protocol.TypeStep, nil)) })
	p.must(protocol.TypePlay, nil)
	if frame := told(t, p.await(<-stepped)); frame.Batch != 2 || frame.Status != protocol.StatusPaused {
		t.Errorf("a step in the middle of the first batch ends %+v, want it after the second", frame)
	}
	// After the last batch, there is none.
	p.within(func() { stepped <- p.send(protocol.New(protocol.TypeStep, nil)) })
	p.must(protocol.TypePlay, nil)
	reply := p.await(<-stepped)
	if frame := told(t, reply); reply.Error != "step: the run is done after 1 epochs" || frame.Epoch != 1 || frame.Batch != 0 {
		t.Errorf("a step in the middle of the last batch: %q, %+v", reply.Error, frame)
	}
}

// If epochs is set below the current epoch, the run ends after the current batch.
func TestFewerEpochsWithinABatch(t *testing.T) {
	p := newPage(t)
	p.start(map[string]string{"hidden": "256", "epochs": "2", "batch": "100"})
	p.must(protocol.TypeStep, nil)
	p.must(protocol.TypeStep, nil)
	adjusted := make(chan int, 1)
	p.within(func() {
		adjusted <- p.send(protocol.New(protocol.TypeAdjust, protocol.Adjust{Epochs: 1, Workers: "1", Device: "cpu"}))
	})
	p.must(protocol.TypePlay, nil)
	if frame := told(t, p.await(<-adjusted)); frame.Status != protocol.StatusDone || frame.Epoch != 1 || frame.Batch != 1 {
		t.Errorf("adjusted %+v, want it done after the batch under way", frame)
	}
}

// In slow motion, the time left follows from the pace.
func TestSlowMotionsTimeLeft(t *testing.T) {
	p := newPage(t)
	p.start(nil) // two epochs of four batches
	p.must(protocol.TypeStep, nil)
	fast, _, _ := p.until(func(f protocol.Frame) bool { return f.Batch == 1 })
	if fast.SecondsLeft <= 0 || fast.SecondsLeft >= 7 {
		t.Fatalf("%g s left at full speed", fast.SecondsLeft)
	}
	p.must(protocol.TypePace, protocol.Pace{PerSecond: 0.5})
	slow, _, _ := p.until(func(f protocol.Frame) bool { return f.SecondsLeft >= 7 })
	if slow.SecondsLeft != 14 || slow.ImagesPerSecond != 32 {
		t.Errorf("%g s left at %g images/s; want 7 batches of 64 at one in 2 s", slow.SecondsLeft, slow.ImagesPerSecond)
	}
	p.must(protocol.TypePace, protocol.Pace{})
	p.until(func(f protocol.Frame) bool { return f.SecondsLeft < 7 })
}

// Reading a data set can be cancelled while commands wait that cannot run meanwhile.
func TestCancelLoad(t *testing.T) {
	p := newPage(t)
	p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic})
	for _, before := range []protocol.Type{protocol.TypePing, protocol.TypeMap, protocol.TypeConfigure} {
		p.turns <- func() {
			p.send(protocol.New(before, nil))
			p.send(protocol.New(protocol.TypeCancel, nil))
		}
		if reply := p.do(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic}); reply.Error != "cancelled" {
			t.Errorf("after %s: error %q, want that the user has cancelled", before, reply.Error)
		}
	}
}

// A ping is answered before a command that waits for the end of the batch.
func TestPingOvertakes(t *testing.T) {
	p := newPage(t)
	p.start(map[string]string{"hidden": "256", "epochs": "1", "batch": "100"})
	p.until(func(f protocol.Frame) bool { return f.Initial != nil })
	ids := make(chan int, 2)
	p.within(func() {
		ids <- p.send(protocol.New(protocol.TypeReconstruct, picture(make([]byte, data.ImageSize))))
		ids <- p.send(protocol.New(protocol.TypePing, nil))
	})
	p.send(protocol.New(protocol.TypeStep, nil))
	reconstruct, ping := <-ids, <-ids
	for reply := range p.replies {
		switch reply.ID {
		case reconstruct:
			t.Fatal("the ping waited for the batch")
		case ping:
			return
		}
	}
}

// slowStorage takes longer than a turn for each write, and has a ping sent at the first.
type slowStorage struct {
	*storage
	ping     func()
	answered func() bool
	files    int // that were written
	silent   int // of these, without an answer to the ping
}

func (s *slowStorage) slow(write func(io.Writer) error) func(io.Writer) error {
	return func(file io.Writer) error {
		s.ping()
		err := write(writerFunc(func(buffer []byte) (int, error) {
			time.Sleep(turnInterval + time.Millisecond)
			return file.Write(buffer)
		}))
		if s.files++; !s.answered() {
			s.silent++
		}
		return err
	}
}

func (s *slowStorage) Save(about protocol.Save, write func(io.Writer) error) error {
	return s.storage.Save(about, s.slow(write))
}

func (s *slowStorage) NewFile(write func(io.Writer) error) (any, error) {
	return s.storage.NewFile(s.slow(write))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(buffer []byte) (int, error) { return f(buffer) }

// The worker answers pings while it writes a file.
func TestPingsWhileWriting(t *testing.T) {
	slow := &slowStorage{storage: newStorage()}
	p := newPlatformPage(t, func(platform *Platform) {
		platform.Storage = slow
		of := platform.Page.(*page)
		answers := make(chan protocol.Message, 100)
		slow.ping = func() { of.worker.Deliver(protocol.Message{Type: protocol.TypePing, ID: -1}) }
		slow.answered = func() bool {
			select {
			case <-answers:
				return true
			default:
				return false
			}
		}
		platform.Page = pageFunc(func(m protocol.Message) {
			if m.ID == -1 {
				answers <- m
				return
			}
			of.Post(m)
		})
	})
	p.must(protocol.TypeKeep, protocol.Keep{Slot: "slow"})
	p.start(nil)
	p.must(protocol.TypeStep, nil) // which is saved
	for _, format := range exchange.Formats {
		p.must(protocol.TypeExport, protocol.Export{Format: format.Name})
	}
	if want := 1 + len(exchange.Formats); slow.files != want || slow.silent > 0 {
		t.Errorf("%d files written, want %d; in %d of them no ping was answered", slow.files, want, slow.silent)
	}
}
