package worker

import (
	"fmt"
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

// newDrawingPage returns a page whose worker has yet to draw the training images, and
// what the worker tells when it has. The page calls loaded when it hears that there are
// data.
func newDrawingPage(t *testing.T, loaded func(*page)) (p *page, drawn chan protocol.Drawn) {
	drawn = make(chan protocol.Drawn, 1)
	p = newPlatformPage(t, func(platform *Platform) {
		storage := newStorage()
		storage.set = data.Sketch(200, 50, 1)
		platform.Storage = storage
		platform.Page = listener{platform.Page.(*page), func(m protocol.Message) {
			switch {
			case m.Type == protocol.TypeDrawn:
				drawn <- body[protocol.Drawn](t, m)
			case m.Type == protocol.TypeReply && m.ID == 1:
				loaded(p)
			}
		}}
	})
	return p, drawn
}

// The first pictures and the first loss are shown before the training images are drawn.
// What follows from these is told then, as it is at once where they are there.
func TestPicturesComeBeforeAllIsDrawn(t *testing.T) {
	p, drawn := newDrawingPage(t, func(p *page) {
		p.send(protocol.New(protocol.TypeWatch, protocol.Watch{Images: []int{0, 7}}))
		p.send(protocol.New(protocol.TypeConfigure, protocol.Configure{Run: 1, Settings: settings(t, nil)}))
	})
	early := body[protocol.Dataset](t, p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic}))
	if !early.Drawing || early.MeanBCE != 0 || early.Checksum != 0 || early.Train != 200 || early.Floor == 0 {
		t.Errorf("the first reply is %+v", early)
	}
	late := <-drawn
	pictures, loss := false, false
	for len(p.frames) > 0 { // that came before
		frame := <-p.frames
		pictures = pictures || frame.Samples != nil
		loss = loss || frame.Initial != nil
	}
	if !pictures || !loss {
		t.Errorf("before all training images are drawn, there are pictures: %v, a loss: %v", pictures, loss)
	}

	p = newPage(t)
	want := body[protocol.Dataset](t, p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic}))
	if got := (protocol.Drawn{MeanBCE: want.MeanBCE, MeanMSE: want.MeanMSE, Checksum: want.Checksum}); got != late || got.Checksum == 0 {
		t.Errorf("once all is drawn, %+v; want %+v", late, got)
	}
}

// What needs the training images waits until they are drawn.
func TestDrawnBeforeItIsNeeded(t *testing.T) {
	for name, changes := range map[string]map[string]string{
		"random kernels":       {"epochs": "1"},
		"principal components": {"epochs": "1", "init": experiment.PCA},
	} {
		p, _ := newDrawingPage(t, func(*page) {})
		p.start(changes)
		p.must(protocol.TypePlay, nil)
		_, epochs, _ := p.until(isDone)
		if want := history(t, changes); fmt.Sprint(epochs) != fmt.Sprint(want) {
			t.Errorf("%s: a run that starts while images are drawn has the history\n%v, want\n%v", name, epochs, want)
		}
	}
	pca := protocol.PCA{Images: 200, K: 8}
	p, _ := newDrawingPage(t, func(*page) {})
	p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic})
	got := string(p.must(protocol.TypePCA, pca).Body)
	p = newPage(t)
	p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic})
	if want := string(p.must(protocol.TypePCA, pca).Body); got != want {
		t.Errorf("principal components of what is drawn: %s, want %s", got, want)
	}
	p, _ = newDrawingPage(t, func(*page) {})
	p.start(nil)
	file := p.must(protocol.TypeExport, protocol.Export{Format: "checkpoint"}).File
	other := newPage(t)
	other.start(nil)
	m := protocol.New(protocol.TypeImport, protocol.Import{Run: 2})
	m.File = file
	if imported := body[protocol.Imported](t, other.await(other.send(m))); !imported.Same {
		t.Error("a checkpoint that was made while images are drawn is of other data")
	}
}
