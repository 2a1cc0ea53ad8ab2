package state

import (
	"errors"
	"fmt"
	"slices"

	"sae/nn/baseline"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// Dataset is the data set in use, and how another replaces it.
type Dataset struct {
	protocol.Dataset
	Sites    []string          // names of the data sets beside the page
	KeptName string            // of the data set that the browser keeps; "" for none
	Loading  *protocol.Loading // progress of reading another; nil when none is read

	page   *Page
	loaded protocol.Message // the load command of the data set in use
}

func loadMessage(load protocol.Load) protocol.Message {
	return protocol.New(protocol.TypeLoad, load)
}

func (d *Dataset) siteMessage() protocol.Message {
	return loadMessage(protocol.Load{Source: protocol.SourceSite, Name: d.Sites[0], URL: "data/" + d.Sites[0]})
}

// preferred returns the command that loads the first data set of a visit: the user's own,
// or else the site's, or else the synthetic one.
func (d *Dataset) preferred() protocol.Message {
	switch {
	case d.KeptName != "":
		return loadMessage(protocol.Load{Source: protocol.SourceKept, Name: d.KeptName})
	case len(d.Sites) > 0:
		return d.siteMessage()
	}
	return loadMessage(protocol.Load{Source: protocol.SourceSynthetic})
}

// UseSynthetic changes to the synthetic data set.
func (d *Dataset) UseSynthetic(done Done) {
	d.use(loadMessage(protocol.Load{Source: protocol.SourceSynthetic}), done)
}

// UseSite changes to the data set beside the page.
func (d *Dataset) UseSite(done Done) {
	if len(d.Sites) == 0 {
		done(errors.New("dataset: this site has none beside the page"))
		return
	}
	d.use(d.siteMessage(), done)
}

// UseKept changes to the data set that an earlier visit kept.
func (d *Dataset) UseKept(done Done) {
	d.use(loadMessage(protocol.Load{Source: protocol.SourceKept, Name: d.KeptName}), done)
}

// UseFile changes to a data set in a file of the user.
func (d *Dataset) UseFile(name string, file any, done Done) {
	embed := d.page.Embed
	m := loadMessage(protocol.Load{Source: protocol.SourceFile, Name: name, Keep: embed == nil, Least: embed.leastImages(d.page.Settings)})
	m.File = file
	d.use(m, done)
}

// use loads a data set that the user chose. The toast brings the run before back.
func (d *Dataset) use(m protocol.Message, done Done) {
	d.page.Messages.over(aboutTry)
	offer := d.page.wayBack()
	d.load(m, d.page.newRun, func(err error) {
		if err == nil {
			offer("Another data set was opened.")
		}
		done(err)
	})
}

// load reads a data set and then starts a run on it. Until then the run under way goes on;
// it stays if the data set is bad, and a notice says so.
func (d *Dataset) load(m protocol.Message, start func(Done), done Done) {
	p := d.page
	d.read(m, done, func(dataset protocol.Dataset) {
		p.Messages.over(aboutRun)
		p.Messages.Toast = nil
		d.accept(dataset)
		p.Loss.pcas, p.Loss.asked = map[pcaSize]baseline.Quality{}, pcaSize{}
		p.Runs.Kept, p.queue = nil, nil
		p.Runs.recall()
		start(done)
	})
}

// reload has a new worker read the data set in use, and then goes on with the run.
func (d *Dataset) reload(done Done) {
	d.Loading = nil // of the worker before
	d.read(d.loaded, done, func(dataset protocol.Dataset) {
		d.accept(dataset)
		d.page.Recovery.start(done)
	})
}

// read has the worker read a data set, and calls then with it, or failed with the reason.
func (d *Dataset) read(m protocol.Message, failed Done, then func(protocol.Dataset)) {
	p := d.page
	if d.Loading != nil {
		failed(errors.New("dataset: another one is still being read"))
		return
	}
	d.Loading = &protocol.Loading{Stage: "Opening"}
	p.changed("state")
	p.Worker.command(m, func(reply protocol.Message) {
		d.Loading = nil
		dataset, err := answer[protocol.Dataset](reply)
		if err == nil && len(dataset.Labels) != dataset.Validation {
			err = fmt.Errorf("protocol: %s: want a label for each of the %d validation images", m.Type, dataset.Validation)
		}
		if err != nil {
			p.Messages.tell(aboutTry, "That data set could not be used", err.Error()+". "+d.unchanged())
			failed(err)
			return
		}
		d.loaded = m
		then(dataset)
	})
}

// accept puts a data set into use, for the run that starts next.
func (d *Dataset) accept(dataset protocol.Dataset) {
	p := d.page
	if !slices.Equal(dataset.Classes, d.Classes) { // the units' statistics are by class
		p.Features.Class = 0
		p.Timeline.live.Units = Units{}
		p.Timeline.Scrub(-1)
	}
	d.Dataset = dataset
	if dataset.Kept {
		d.KeptName = dataset.Name
	}
	p.Features.Unit, p.Explorer = -1, newExplorer(p)
	p.Pictures.fix()
	p.adapt()
}

func (d *Dataset) unchanged() string {
	if d.Name == "" {
		return ""
	}
	return "Your run on " + d.Name + " is unchanged."
}

// Class names the class of a validation image.
func (d *Dataset) Class(image int) string {
	if image < 0 || image >= len(d.Labels) {
		return ""
	}
	return d.Classes[d.Labels[image]]
}

// fingerprint identifies the data set in saves and checkpoints.
func (d *Dataset) fingerprint() fit.Fingerprint {
	return fit.Fingerprint{Name: d.Name, Train: d.Train, Validation: d.Validation, Checksum: d.Checksum}
}

// key identifies the data set in kept runs and links. The floor depends on every
// validation image.
func (d *Dataset) key() string {
	return fmt.Sprintf("%s/%d/%d/%.12f", d.Name, d.Train, d.Validation, d.Floor)
}

// of returns the command that loads the data set of a saved run; ok is false if this page
// does not have it.
func (d *Dataset) of(save protocol.Save) (m protocol.Message, ok bool) {
	switch save.Load.Source {
	case protocol.SourceSynthetic:
		ok = true
	case protocol.SourceKept:
		ok = d.KeptName == save.Data.Name
	case protocol.SourceSite:
		ok = slices.Contains(d.Sites, save.Load.Name)
	}
	return loadMessage(save.Load), ok
}
