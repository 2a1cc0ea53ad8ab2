package state

import (
	"errors"
	"strings"
	"testing"

	"sae/wasm/protocol"
)

// reply answers the last command of a kind.
func (w *fakeWorker) reply(kind protocol.Type, body any, failure string) {
	w.t.Helper()
	reply := protocol.New(protocol.TypeReply, body)
	reply.ID, reply.Error = w.last(w.t, kind).ID, failure
	w.page.Receive(reply)
}

// trained is a page whose run trains, and a worker that opens any model.
func trained(t *testing.T) (*Page, *fakeWorker) {
	t.Helper()
	page, worker := open(t)
	page.Play(must(t))
	worker.frame(protocol.Frame{Status: protocol.StatusTraining, Epoch: 1, Batch: 2, Batches: 4, Epochs: []protocol.Epoch{{Epoch: 1}}})
	worker.replies = map[protocol.Type]any{protocol.TypeImport: protocol.Imported{
		Settings: page.Settings, Kernel: "go", Same: true, Frame: protocol.Frame{Status: protocol.StatusPaused, Epoch: 1},
	}}
	worker.types()
	return page, worker
}

// A notice goes when what it is about is over, and not before.
func TestNoticesEnd(t *testing.T) {
	newSettings := func(p *Page) { p.Set(map[string]string{"lr": "1e-4"}, func(bool, error) {}) }
	moreEpochs := func(p *Page) { p.Set(map[string]string{"epochs": "30"}, func(bool, error) {}) }
	reset := func(p *Page) { p.Reset(Ignore) }
	model := func(p *Page) { p.Import("file", Ignore) }
	file := func(p *Page) { p.Dataset.UseFile("other.sae", nil, Ignore) }
	picture := func(p *Page) { p.Explorer.ShowPicture(make([]byte, 3072)) }
	play := func(p *Page) { p.Play(Ignore) }
	series := func(p *Page) { p.Series.Experiments() }
	type acts = map[string]func(*Page)
	for name, test := range map[string]struct {
		notice string
		show   func(*Page, *fakeWorker)
		ends   acts
		stays  acts
	}{
		"a link": {"Not all of the link could be used", func(p *Page, w *fakeWorker) { p.Link.Follow("?lamda=1") },
			acts{"settings": newSettings, "epochs": moreEpochs, "model": model, "series": series}, acts{"play": play, "reset": reset, "file": file}},
		"bad data": {"That data set could not be used", func(p *Page, w *fakeWorker) {
			w.loadFail = "no"
			p.Dataset.UseFile("bad", nil, Ignore)
		}, acts{"file": file, "model": model, "picture": picture}, acts{"play": play, "settings": newSettings}},
		"a bad model": {"That model could not be used", func(p *Page, w *fakeWorker) {
			w.silent = true
			p.Import("bad", Ignore)
			w.answer(protocol.Message{Error: "no"})
			w.silent = false
		}, acts{"file": file, "model": model}, acts{"play": play, "settings": newSettings}},
		"an export": {"The model could not be exported", func(p *Page, w *fakeWorker) { p.Model.Exported("x.npz", errors.New("no")) },
			acts{"file": file, "export": func(p *Page) { p.Model.Exported("x.npz", nil) }}, acts{"play": play, "settings": newSettings}},
		"a small data set": {"Settings were adapted to the data set", func(p *Page, w *fakeWorker) {
			p.Settings.Batch = 4096
			p.adapt()
		}, acts{"settings": newSettings, "file": file}, acts{"play": play}},
		"divergence": {"Training diverged", func(p *Page, w *fakeWorker) {
			p.Play(Ignore)
			w.frame(protocol.Frame{Status: protocol.StatusError, Failure: "no", Diverged: true})
		}, acts{"settings": newSettings, "reset": reset, "model": model, "file": file, "series": series}, acts{"play": play, "epochs": moreEpochs}},
		"a lost team": {"Training stopped", func(p *Page, w *fakeWorker) {
			p.Play(Ignore)
			w.frame(protocol.Frame{Status: protocol.StatusError, Failure: "no"})
		}, acts{"settings": newSettings, "reset": reset, "model": model, "file": file, "series": series}, acts{"play": play, "epochs": moreEpochs}},
		"a lost worker": {"The training worker stopped and was replaced", func(p *Page, w *fakeWorker) {
			p.Recovery.WorkerDied("no")
			w.ready("")
		}, acts{"settings": newSettings, "reset": reset, "model": model, "file": file, "series": series}, acts{"play": play, "epochs": moreEpochs}},
		"no worker": {"The training worker does not start", func(p *Page, w *fakeWorker) {
			for range maxDeaths + 1 {
				p.Recovery.WorkerDied("no")
			}
		}, nil, acts{"play": play, "epochs": moreEpochs, "discard": func(p *Page) { p.Saves.DiscardOffer() }}},
		"an offer": {"The data of that run are not here", func(p *Page, w *fakeWorker) {
			p.Saves.Offers = []protocol.Save{{}}
			p.Saves.Resume()
		}, acts{"discard": func(p *Page) { p.Saves.DiscardOffer() }, "hide": func(p *Page) { p.Saves.HideOffers() }, "resume": func(p *Page) {
			p.Saves.Offers[0].Data = p.Dataset.fingerprint() // which are there by now
			p.Saves.Resume()
		}}, acts{"play": play, "settings": newSettings}},
		"other data": {"The model learnt from other data", func(p *Page, w *fakeWorker) {
			imported := protocol.Imported{Settings: p.Settings, Frame: protocol.Frame{Status: protocol.StatusPaused}}
			imported.Data.Name = "CIFAR-10"
			before := w.replies
			w.replies = map[protocol.Type]any{protocol.TypeImport: imported}
			p.Import("file", Ignore)
			w.replies = before
		}, acts{"settings": newSettings, "reset": reset, "model": model, "file": file}, acts{"play": play, "epochs": moreEpochs}},
	} {
		try := func(act string, do func(*Page), ends bool) {
			page, worker := open(t)
			imported := protocol.Imported{Settings: page.Settings, Kernel: "go", Same: true, Frame: protocol.Frame{Status: protocol.StatusPaused}}
			worker.replies = map[protocol.Type]any{protocol.TypeImport: imported, protocol.TypeResume: imported}
			test.show(page, worker)
			if page.Messages.Notice == nil || !strings.HasPrefix(page.Messages.Notice.Title, test.notice) {
				t.Fatalf("%s: notice %v", name, page.Messages.Notice)
			}
			notice := page.Messages.Notice
			if do(page); (page.Messages.Notice != notice) != ends {
				t.Errorf("%s, then %s: notice %v", name, act, page.Messages.Notice)
			}
		}
		for act, do := range test.ends {
			try(act, do, true)
		}
		for act, do := range test.stays {
			try(act, do, false)
		}
	}
}

// What was copied, exported or not saved is of the run and the settings of then.
func TestMessagesOfARunEndWithIt(t *testing.T) {
	for name, act := range map[string]func(*Page){
		"settings": func(p *Page) { p.Set(map[string]string{"lr": "1e-4"}, func(bool, error) {}) },
		"reset":    func(p *Page) { p.Reset(Ignore) },
		"model":    func(p *Page) { p.Import("file", Ignore) },
	} {
		page, _ := trained(t)
		page.Messages.Copied("The link", nil)
		page.Model.Exported("x.npz", nil)
		page.Receive(protocol.New(protocol.TypeSaved, protocol.Saved{Run: page.run, Error: "too large"}))
		before := page.run
		if page.Messages.Toast == nil || page.Model.Told == "" || page.Saves.Unsaved == "" {
			t.Fatalf("toast %v, told %q, unsaved %q", page.Messages.Toast, page.Model.Told, page.Saves.Unsaved)
		}
		toast := page.Messages.Toast
		act(page)
		page.Receive(protocol.New(protocol.TypeSaved, protocol.Saved{Run: before, Error: "too large"})) // late
		if page.Messages.Toast == toast || page.Model.Told != "" || page.Saves.Unsaved != "" {
			t.Errorf("%s: toast %v, told %q, unsaved %q", name, page.Messages.Toast, page.Model.Told, page.Saves.Unsaved)
		}

	}
}
