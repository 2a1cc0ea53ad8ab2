package state

import (
	"slices"
	"strings"
	"testing"

	"sae/nn/experiment"
	"sae/wasm/protocol"
)

func TestFollowEmbed(t *testing.T) {
	page := visitor()
	page.FollowEmbed("?experiment=3&lambda=1e-4&panels=loss,latent&lock=hidden,seed&load=auto&autoplay=1&theme=dark")
	if page.Messages.Notice != nil || page.Settings.Experiment != 3 || page.Settings.Lambda != 1e-4 {
		t.Errorf("settings %+v, notice %v", page.Settings, page.Messages.Notice)
	}
	if !page.Embed.Shows("loss") || page.Embed.Shows("recon") || !page.Embed.Locked("hidden") || page.Embed.Locked("lambda") {
		t.Errorf("embed %+v", page.Embed)
	}
	bad := visitor()
	bad.FollowEmbed("?panels=graph&lock=everything&load=never&autoplay=yes&theme=blue&latent=many")
	for _, want := range []string{`panels "graph": want some of recon, loss, latent`, `lock "everything"`, `load "never": want one of click, auto`, `autoplay "yes"`, `theme "blue"`, `latent "many": want a whole number`} {
		if !strings.Contains(bad.Messages.Notice.Text, want) {
			t.Errorf("the notice %q lacks %q", bad.Messages.Notice.Text, want)
		}
	}
	if !slices.Equal(bad.Embed.Panels, []string{"recon", "loss"}) || len(bad.Embed.Lock) != 0 {
		t.Errorf("embed %+v", bad.Embed)
	}
	page = visitor()
	page.FollowEmbed("?panels=latent&epochs=%zz&panels=loss&load=")
	if !slices.Equal(page.Embed.Panels, []string{"latent"}) || !strings.Contains(page.Messages.Notice.Text, "invalid URL escape") || !strings.Contains(page.Messages.Notice.Text, "panels: is there 2 times") {
		t.Errorf("embed %+v, notice %v", page.Embed, page.Messages.Notice)
	}
	if whole := visitor(); !whole.Embed.Shows("latent") || whole.Embed.Locked("lambda") {
		t.Error("the page itself hides a panel or locks a setting")
	}
}

// openFrame is open for a page in a frame with parameters.
func openFrame(t *testing.T, query string) (*Page, *fakeWorker) {
	t.Helper()
	page, worker := newPage(t)
	page.FollowEmbed(query)
	worker.ready("kept by the page")
	return page, worker
}

// Nothing that the reader does changes a setting that is locked.
func TestLock(t *testing.T) {
	page, worker := openFrame(t, "?experiment=2&epochs=3&batch=64&subset=200&lock=experiment,hidden,epochs,batch,subset")
	before := page.Settings
	for name, do := range map[string]func(){
		"the key 3":                           func() { page.Press("3") },
		"a field":                             func() { page.Form.Edit("hidden", "8") },
		"λ, without which it is experiment 1": func() { page.Form.Edit("lambda", "0") },
		"a mirrored decoder":                  func() { page.Form.Edit("mirrored", "true") },
		"a linear latent layer":               func() { page.Form.Edit("activation", "linear") },
	} {
		page.Messages.Toast = nil
		do()
		if page.Settings != before {
			t.Fatalf("%s changes %+v to %+v", name, before, page.Settings)
		}
		if page.Messages.Toast == nil || !strings.Contains(page.Messages.Toast.Text, "it is locked here") {
			t.Errorf("%s: toast %v, want that the setting is locked", name, page.Messages.Toast)
		}
	}
	page.Form.Edit("lambda", "1e-4")
	page.Form.Edit("latent", "many")
	if page.Settings.Lambda != 1e-4 || page.Form.Errors["latent"] == "" {
		t.Errorf("what is not locked: λ %g, refusals %v", page.Settings.Lambda, page.Form.Errors)
	}

	page.Play(must(t))
	worker.frame(protocol.Frame{Workers: 1, Epoch: 3, Batches: 5, Status: protocol.StatusDone, Epochs: make([]protocol.Epoch, 3)})
	page.Press(" ")
	if page.Status != protocol.StatusDone || page.Settings.Epochs != 3 {
		t.Errorf("Space after the last epoch: %s, %d epochs", page.Status, page.Settings.Epochs)
	}

	worker.types()
	page.Import("file", Ignore)
	command, err := protocol.Decode[protocol.Import](worker.last(t, protocol.TypeImport))
	if err != nil || !slices.Equal(command.Locked, page.Embed.Lock) {
		t.Errorf("a model is opened with %+v, want what is locked; %v", command, err)
	}
	page.Dataset.UseFile("own.bin", "file", Ignore)
	if load, err := protocol.Decode[protocol.Load](worker.last(t, protocol.TypeLoad)); err != nil || load.Least != 200 || load.Keep {
		t.Errorf("a data set is opened by %+v, want one of at least 200 images that is not kept; %v", load, err)
	}

	page.Set(map[string]string{"experiment": "3"}, func(_ bool, err error) { must(t)(err) }) // by the page around
	if page.Settings.Experiment != 3 {
		t.Error("the lock holds against the page around the frame")
	}
}

// Of a run that diverges, the notice gives no advice that the reader cannot follow.
func TestLockedLearningRate(t *testing.T) {
	page, worker := openFrame(t, "?lock=lr")
	page.Play(must(t))
	worker.frame(protocol.Frame{Workers: 1, Batch: 1, Batches: 5, Status: protocol.StatusError, Failure: "loss NaN", Diverged: true})
	if page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "Its learning rate is locked here") || strings.Contains(page.Messages.Notice.Text, "More settings") {
		t.Errorf("notice %v", page.Messages.Notice)
	}
}

// A frame has keys only for what it shows, and no form without fields.
func TestFrameKeys(t *testing.T) {
	page, _ := openFrame(t, "?lock="+strings.Join(experiment.FieldNames(), ","))
	for _, key := range []string{"l", "?", "m", "t", "f", "e", "c", "d"} {
		page.Press(key)
	}
	if page.View != ViewTrain || page.Panel != PanelNone {
		t.Errorf("a frame shows %q and %q, which it does not have", page.View, page.Panel)
	}
	if page.Lesson.Open || page.Help || page.Form.Open {
		t.Errorf("open in a frame: lesson %t, keys %t, settings %t", page.Lesson.Open, page.Help, page.Form.Open)
	}
	page, _ = openFrame(t, "?lock=lambda")
	if page.Press("m"); !page.Form.Open {
		t.Error("a frame with a setting to change has no form")
	}
}

// A frame does not take the data set that the page has kept.
func TestFrameTakesNothingKept(t *testing.T) {
	page, worker := openFrame(t, "")
	if load, err := protocol.Decode[protocol.Load](worker.last(t, protocol.TypeLoad)); err != nil || load.Source != protocol.SourceSynthetic || page.Dataset.KeptName != "" {
		t.Errorf("a frame loads %+v, kept %q; %v", load, page.Dataset.KeptName, err)
	}
}
