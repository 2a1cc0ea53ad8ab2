package state

import (
	"fmt"

	"sae/nn/experiment"
	"sae/wasm/protocol"
)

// Sparsity is the name of the setting that says how sparse codes are: lambda or k.
func (t *Training) Sparsity() string {
	if t.Settings.Sparsity == experiment.TopK {
		return "k"
	}
	return "lambda"
}

// Set changes settings by name. reset reports whether that started a new run, which trains
// if the run before did; only the numbers of epochs and workers, and the device, change
// within a run. Bad values change nothing.
func (t *Training) Set(changes map[string]string, done func(reset bool, err error)) {
	p := t.page
	settings, asked, err := t.with(changes)
	if err != nil {
		done(false, err)
		return
	}
	for name := range changes {
		p.Form.discard(name)
	}
	if settings != t.Settings {
		p.Messages.over(aboutSettings)
	}
	reset := t.Settings.Resets(settings)
	if reset {
		p.Messages.over(aboutRun)
	}
	lowered := t.Settings
	if lowered.LR = settings.LR; p.Recovery.diverged && lowered == settings {
		p.Recovery.goOn(settings, done)
		return
	}
	adjusts := settings.Epochs != t.Settings.Epochs || settings.OnThisMachine(t.Settings) != settings
	t.fit(settings, asked)
	if reset {
		t.queue = nil
	}
	switch {
	case t.Status == StatusLoading: // the run that starts next has these settings
		if reset {
			p.Recovery.start = t.newRun
		}
		done(reset, nil)
	case reset:
		t.newRun(func(err error) { done(true, err) })
		return
	case adjusts:
		if t.Status == protocol.StatusDone && t.Epoch < settings.Epochs {
			t.Status = protocol.StatusPaused
		}
		t.adjust(func(err error) { done(false, err) })
	default:
		done(false, nil)
	}
	p.changed("state")
}

// with returns the settings with the named changes, as asked for and as fitted to the data
// set. Fitting may change what follows from the named settings, such as the batch of an
// experiment. If it would change a named one, that is an error.
func (t *Training) with(changes map[string]string) (fitted, asked experiment.Settings, err error) {
	train := t.page.Dataset.Train
	asked, err = t.Settings.With(changes)
	if err != nil || train == 0 {
		return asked, asked, err
	}
	fitted = asked.FitTo(train)
	for name := range changes {
		if field, _ := experiment.Lookup(name); field.Format(fitted) != field.Format(asked) {
			return t.Settings, asked, asked.Fit(train)
		}
	}
	return fitted, asked, nil
}

// fit puts settings into use. A notice says so if they are not those asked for.
func (t *Training) fit(settings, asked experiment.Settings) {
	if t.Settings = settings; settings != asked {
		dataset := &t.page.Dataset
		t.page.Messages.inform(aboutRun, "Settings were adapted to the data set", fmt.Sprintf(
			"%d training images of %s are in use: the batch size is now %d.", settings.TrainingImages(dataset.Train), dataset.Name, settings.Batch))
	}
}

// adapt fits the settings to a smaller data set.
func (t *Training) adapt() { t.fit(t.Settings.FitTo(t.page.Dataset.Train), t.Settings) }

// adjust sends the worker what changes within a run.
func (t *Training) adjust(done Done) {
	body := protocol.Adjust{Epochs: t.Settings.Epochs, Workers: t.Settings.Workers, Device: t.Settings.Device, Queue: t.queue}
	t.page.Worker.command(protocol.New(protocol.TypeAdjust, body), t.ofRun(done))
}
