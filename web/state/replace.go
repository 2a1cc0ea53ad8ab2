package state

import (
	"errors"
	"fmt"
	"slices"

	"sae/wasm/protocol"
)

// Another run replaces the one under way when it is new (newRun), in a file (open), or in a
// save (Saves.open). The worker's replies and frames carry the number of their run; those
// of an earlier run are ignored.

// nextRun returns the number of another run.
func (t *Training) nextRun() int {
	t.lastRun++
	return t.lastRun
}

// clear discards everything about the run. The given number is that of its successor.
func (t *Training) clear(run int) {
	p := t.page
	t.run = run
	t.Epoch, t.Batch, t.Batches = 0, 0, 0
	t.ImagesPerSecond, t.SecondsLeft, t.TrainSeconds = 0, 0, 0
	t.History, t.Initial, t.Curve = nil, nil, nil
	t.Workers, t.Card, t.Failure, t.mixed = 1, "", "", false
	t.kernel, t.noCard = "", ""
	p.Recovery.diverged = false
	p.Saves.Unsaved, p.Saves.taken, p.Saves.back = "", "", nil
	p.Model.Told = ""
	p.Link.sums = nil
	p.Timeline.clear()
	p.Slow.Explained = nil
	p.Features.Unit, p.Features.Detail, p.Features.Notes = -1, Detail{}, nil
	p.Explorer.clear()
	p.Map.Points = nil
}

// newRun starts a run with the current settings and data set. It trains if the run before
// did. done is called when the run is set up, or has been replaced.
func (t *Training) newRun(done Done) {
	p, run := t.page, t.nextRun()
	t.clear(run)
	again := t.Status == protocol.StatusTraining
	t.Status = protocol.StatusIdle
	t.Batches = (t.Settings.TrainingImages(p.Dataset.Train) + t.Settings.Batch - 1) / t.Settings.Batch
	p.Pictures.watch()
	p.Worker.command(protocol.New(protocol.TypeConfigure, protocol.Configure{Run: run, Settings: t.Settings, Queue: t.queue}), func(reply protocol.Message) {
		err := replyError(reply)
		if err != nil && run == t.run {
			t.fail("The run could not be set up", err)
		}
		done(err)
	})
	if again {
		t.Play(Ignore)
	}
	p.Loss.askPCA()
	p.changed("state")
}

// Import replaces the run by that of a file, a Blob in any format that can be exported. The
// toast brings the run before back. If the file is bad, a notice says so and the run stays.
func (t *Training) Import(file any, done Done) {
	p := t.page
	if p.Dataset.Train == 0 {
		done(errors.New("import: the data set is still being read; await sae.ready"))
		return
	}
	p.Messages.over(aboutTry)
	offer := t.wayBack()
	t.open(file, func(imported protocol.Imported, err error) {
		if err != nil {
			p.Messages.tell(aboutTry, "That model could not be used", err.Error()+". Your run is unchanged.")
			done(err)
			return
		}
		t.tellOrigin(imported)
		offer("Another model was opened.")
		done(nil)
	})
}

// open replaces the run by that of a file. If the file is bad, the run stays.
func (t *Training) open(file any, done func(protocol.Imported, error)) {
	p, run := t.page, t.nextRun()
	m := protocol.New(protocol.TypeImport, protocol.Import{Run: run, Settings: t.Settings, Locked: p.Embed.locked()})
	m.File = file
	p.Worker.command(m, func(reply protocol.Message) {
		imported, err := answer[protocol.Imported](reply)
		if err == nil {
			t.queue = nil
			t.adopt(imported, run)
		}
		done(imported, err)
	})
}

// adopt makes the run that the worker has opened the one under way, under its number.
func (t *Training) adopt(imported protocol.Imported, run int) {
	p := t.page
	t.Settings = imported.Settings
	clear(p.Form.Draft)
	clear(p.Form.Errors)
	t.clear(run)
	t.Status, t.unseen = imported.Frame.Status, false
	t.take(imported.Frame)
	t.History = imported.Frame.Epochs // without events: they ended earlier
	p.Features.Notes = imported.Notes
	t.mixed = imported.Kernel != p.Worker.Kernel && !isWebGPU(imported.Kernel) || !imported.Same
	p.Pictures.watch()
	p.Loss.askPCA()
}

// tellOrigin ends the messages about the run before, and tells the user if the new one goes
// on with other data or kernels than it was trained with.
func (t *Training) tellOrigin(imported protocol.Imported) {
	p := t.page
	p.Messages.over(aboutRun, aboutSettings)
	if name := imported.Data.Name; name != "" && !imported.Same {
		p.Messages.inform(aboutRun, "The model learnt from other data", fmt.Sprintf(
			"It was trained on %s with %d images; here it is validated on %s, and goes on with that.", name, imported.Data.Train, p.Dataset.Name))
		return
	}
	if kernel := imported.Kernel; kernel != p.Worker.Kernel && slices.Contains(kernels, kernel) {
		p.Messages.inform(aboutRun, "The run was trained on other kernels", fmt.Sprintf(
			"It was trained with %s and goes on with %s: from here on, losses differ in their last digits from what they would have been.", kernel, p.Worker.Kernel))
	}
}

// wayBack makes a checkpoint of a run that is about to be replaced. The returned function
// then offers, in a toast, to bring the run back, on its data set.
func (t *Training) wayBack() (offer func(text string)) {
	if !t.Trained() {
		return func(string) {}
	}
	d := &t.page.Dataset
	var file any
	t.page.Model.checkpoint(func(checkpoint any) { file = checkpoint })
	training := t.trains()
	from, data, kept := d.origin, d.fingerprint(), d.KeptName
	back := func(done Done) {
		t.Import(file, func(err error) {
			if err == nil && training {
				t.trainOn()
			}
			done(err)
		})
	}
	undo := func() {
		if d.fingerprint() == data {
			back(Ignore)
			return
		}
		d.load(from, func(done Done) {
			back(func(err error) {
				if err != nil {
					t.newRun(done)
					return
				}
				done(nil)
			})
		}, Ignore)
	}
	return func(text string) {
		gone := from.Source == protocol.SourceKept && d.KeptName != kept
		if file != nil && !gone {
			t.page.Messages.Toast = &Toast{Text: text, Undo: undo}
		}
	}
}
