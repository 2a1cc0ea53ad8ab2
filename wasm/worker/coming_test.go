package worker

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"sae/data"
	"sae/nn/experiment"
	"sae/wasm/protocol"
)

// listener is a page that hears of each message before it takes it.
type listener struct {
	*page
	hear func(protocol.Message)
}

func (l listener) Post(m protocol.Message) {
	l.hear(m)
	l.page.Post(m)
}

// newComingPage returns a page whose worker has a data set in a file, of which the training
// images come while it is in use, as far as let allows, and what the worker tells then. The
// page calls loaded when it hears that there are data.
func newComingPage(t *testing.T, let *atomic.Int64, loaded func(*page)) (p *page, arrived chan protocol.Arrived) {
	var file bytes.Buffer
	if err := newStorage().set.Write(&file); err != nil {
		t.Fatal(err)
	}
	return newPageOf(t, file.Bytes(), let, loaded)
}

// newPageOf is newComingPage for another file.
func newPageOf(t *testing.T, file []byte, let *atomic.Int64, loaded func(*page)) (p *page, arrived chan protocol.Arrived) {
	arrived = make(chan protocol.Arrived, 100)
	p = newPlatformPage(t, func(platform *Platform) {
		set, err := data.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		storage := newStorage()
		storage.set = set
		storage.kept = true
		storage.arrived = func(images int) bool { return let.Add(-int64(images)) >= 0 }
		platform.Storage = storage
		platform.Page = listener{platform.Page.(*page), func(m protocol.Message) {
			switch {
			case m.Type == protocol.TypeArrived:
				if a := body[protocol.Arrived](t, m); a.All || a.Error != "" {
					arrived <- a
				}
			case m.Type == protocol.TypeReply && m.ID == 1:
				loaded(p)
			}
		}}
	})
	return p, arrived
}

const everything = 1 << 40 // images

func letting(images int64) *atomic.Int64 {
	let := new(atomic.Int64)
	let.Store(images)
	return let
}

// The first pictures and the first loss are shown before the training images are there.
// What follows from these is told then, as it is at once where they are there.
func TestPicturesComeBeforeAllIsThere(t *testing.T) {
	let := letting(0)
	p, arrived := newComingPage(t, let, func(p *page) {
		p.send(protocol.New(protocol.TypeWatch, protocol.Watch{Images: []int{0, 7}}))
		p.send(protocol.New(protocol.TypeConfigure, protocol.Configure{Run: 1, Settings: settings(t, nil)}))
	})
	early := body[protocol.Dataset](t, p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic}))
	if !early.Partial || early.MeanBCE != 0 || early.Checksum != 0 || early.Train != 200 || early.Floor == 0 {
		t.Errorf("the first reply is %+v", early)
	}
	pictures, loss := false, false
	p.until(func(frame protocol.Frame) bool {
		pictures = pictures || frame.Samples != nil
		loss = loss || frame.Initial != nil
		return pictures && loss
	})
	if news := body[protocol.Frame](t, p.must(protocol.TypePlay, nil)); news.Status != protocol.StatusTraining || news.Batch != 0 {
		t.Errorf("without training images: %+v", news)
	}
	p.must(protocol.TypeReconstruct, picture(make([]byte, data.ImageSize))) // works meanwhile
	let.Store(everything)
	p.must(protocol.TypePing, nil)
	late := <-arrived
	_, epochs, _ := p.until(isDone)
	if want := history(t, nil); fmt.Sprint(epochs) != fmt.Sprint(want) {
		t.Errorf("a run that waits for its images has the history\n%v, want\n%v", epochs, want)
	}

	p = newPage(t)
	want := body[protocol.Dataset](t, p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic}))
	if got := (protocol.Arrived{Images: 200, All: true, MeanBCE: want.MeanBCE, MeanMSE: want.MeanMSE, Checksum: want.Checksum}); got != late || got.Checksum == 0 {
		t.Errorf("once all is there, %+v; want %+v", late, got)
	}
}

// A run trains as soon as its own images are there, and is saved once all are.
func TestSubsetTrainsBeforeAllIsThere(t *testing.T) {
	changes := map[string]string{"subset": "100", "epochs": "1"}
	let := letting(100)
	p, arrived := newComingPage(t, let, func(*page) {})
	p.start(changes)
	p.must(protocol.TypePlay, nil)
	_, epochs, _ := p.until(isDone)
	if want := history(t, changes); fmt.Sprint(epochs) != fmt.Sprint(want) {
		t.Errorf("history %v, want %v", epochs, want)
	}
	if len(arrived) > 0 {
		t.Error("all images are there")
	}
}

// What needs the training images waits until they are there.
func TestThereBeforeItIsNeeded(t *testing.T) {
	for name, changes := range map[string]map[string]string{
		"random kernels":       {"epochs": "1"},
		"principal components": {"epochs": "1", "init": experiment.PCA},
	} {
		p, _ := newComingPage(t, letting(everything), func(*page) {})
		p.start(changes)
		p.must(protocol.TypePlay, nil)
		_, epochs, _ := p.until(isDone)
		if want := history(t, changes); fmt.Sprint(epochs) != fmt.Sprint(want) {
			t.Errorf("%s: a run that starts while images come has the history\n%v, want\n%v", name, epochs, want)
		}
	}
	pca := protocol.PCA{Images: 200, K: 8}
	p, _ := newComingPage(t, letting(everything), func(*page) {})
	p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic})
	got := string(p.must(protocol.TypePCA, pca).Body)
	p = newPage(t)
	p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic})
	if want := string(p.must(protocol.TypePCA, pca).Body); got != want {
		t.Errorf("principal components of what has come: %s, want %s", got, want)
	}
	p, _ = newComingPage(t, letting(everything), func(*page) {})
	p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic})
	forgotten, err := data.Read(bytes.NewReader(p.must(protocol.TypeForget, nil).File.([]byte)))
	if err != nil || !bytes.Equal(forgotten.Train.Images, newStorage().set.Train.Images) {
		t.Errorf("a data set that is forgotten while images come is another: %v", err)
	}
	p, _ = newComingPage(t, letting(everything), func(*page) {})
	p.start(nil)
	file := p.must(protocol.TypeExport, protocol.Export{Format: "checkpoint"}).File
	other := newPage(t)
	other.start(nil)
	m := protocol.New(protocol.TypeImport, protocol.Import{Run: 2})
	m.File = file
	if imported := body[protocol.Imported](t, other.await(other.send(m))); !imported.Same {
		t.Error("a checkpoint that was made while images come is of other data")
	}
}

// If the rest of a file is damaged, the run ends, and the worker takes another data set.
func TestRestIsDamaged(t *testing.T) {
	var file bytes.Buffer
	if err := newStorage().set.Write(&file); err != nil {
		t.Fatal(err)
	}
	p, arrived := newPageOf(t, file.Bytes()[:file.Len()-10], letting(everything), func(*page) {})
	p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic})
	for _, command := range []protocol.Type{protocol.TypeConfigure, protocol.TypePlay} { // in vain
		p.send(protocol.New(command, protocol.Configure{Run: 1, Settings: settings(t, nil)}))
	}
	if got := (<-arrived).Error; !strings.Contains(got, "the file is truncated") {
		t.Errorf("error %q", got)
	}
	for _, command := range []protocol.Type{protocol.TypePlay, protocol.TypeForget, protocol.TypeConfigure} {
		if reply := p.do(command, protocol.Configure{Run: 2, Settings: settings(t, nil)}); !strings.Contains(reply.Error, "there is no") {
			t.Errorf("%s: error %q", command, reply.Error)
		}
	}
}
