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
	origin origin // of the data set in use
}

// origin is where a data set comes from; the zero value is nowhere.
type origin struct {
	protocol.Load
	file any // that the user opened; nil for other sources
}

var synthetic = origin{Load: protocol.Load{Source: protocol.SourceSynthetic}}

func (d *Dataset) kept() origin {
	return origin{Load: protocol.Load{Source: protocol.SourceKept, Name: d.KeptName}}
}

func (d *Dataset) site() origin {
	return origin{Load: protocol.Load{Source: protocol.SourceSite, Name: d.Sites[0], URL: "data/" + d.Sites[0]}}
}

// preferred returns the origin of the first data set of a visit: the user's own file, or
// else the site, or else the page.
func (d *Dataset) preferred() origin {
	switch {
	case d.KeptName != "":
		return d.kept()
	case len(d.Sites) > 0:
		return d.site()
	}
	return synthetic
}

// UseSynthetic changes to the synthetic data set.
func (d *Dataset) UseSynthetic(done Done) { d.use(synthetic, done) }

// UseSite changes to the data set beside the page.
func (d *Dataset) UseSite(done Done) {
	if len(d.Sites) == 0 {
		done(errors.New("dataset: this site has none beside the page"))
		return
	}
	d.use(d.site(), done)
}

// UseKept changes to the data set that an earlier visit kept.
func (d *Dataset) UseKept(done Done) { d.use(d.kept(), done) }

// UseFile changes to a data set in a file of the user.
func (d *Dataset) UseFile(name string, file any, done Done) {
	embed := d.page.Embed
	load := protocol.Load{Source: protocol.SourceFile, Name: name, Keep: embed == nil, Least: embed.leastImages(d.page.Settings)}
	d.use(origin{load, file}, done)
}

// use loads a data set that the user chose. The toast brings the run before back.
func (d *Dataset) use(from origin, done Done) {
	d.page.Messages.over(aboutTry)
	offer := d.page.wayBack()
	d.load(from, d.page.newRun, func(err error) {
		if err == nil {
			offer("Another data set was opened.")
		}
		done(err)
	})
}

// load reads a data set and then starts a run on it. Until then the run under way goes on;
// it stays if the data set is bad, and a notice says so.
func (d *Dataset) load(from origin, start func(Done), done Done) {
	p := d.page
	d.read(from, done, func(dataset protocol.Dataset) {
		p.Messages.over(aboutRun)
		p.Messages.Toast = nil
		d.accept(dataset)
		p.Loss.pcas, p.Loss.asked = map[pcaSize]baseline.Quality{}, pcaSize{}
		p.Runs.Kept, p.queue = nil, nil
		p.Runs.recall()
		start(p.begin(done))
	})
}

// reload has a new worker read the data set in use, and then goes on with the run.
func (d *Dataset) reload(done Done) {
	d.Loading = nil // of the worker before
	d.read(d.origin, done, func(dataset protocol.Dataset) {
		d.accept(dataset)
		d.page.Recovery.start(d.page.begin(done))
	})
}

// read has the worker read a data set, and calls then with it, or failed with the reason.
func (d *Dataset) read(from origin, failed Done, then func(protocol.Dataset)) {
	p := d.page
	if d.Loading != nil {
		failed(errors.New("dataset: another one is still being read"))
		return
	}
	d.Loading = &protocol.Loading{Stage: "Opening"}
	p.changed("state")
	m := protocol.New(protocol.TypeLoad, from.Load)
	m.File = from.file
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
		d.origin = from
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
	p.Features.Unit, p.Explorer, p.Map = -1, newExplorer(p), newMap(p)
	p.Pictures.fix()
	p.adapt()
}

// drawn takes what follows from the training images, once these are drawn.
func (d *Dataset) drawn(m protocol.Message) {
	if drawn, err := protocol.Decode[protocol.Drawn](m); err == nil {
		d.Drawing = false
		d.MeanBCE, d.MeanMSE, d.Checksum = drawn.MeanBCE, drawn.MeanMSE, drawn.Checksum
		d.page.changed("state")
	}
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

// has reports whether the page has the data set of a saved run.
func (d *Dataset) has(save protocol.Save) bool {
	switch save.Load.Source {
	case protocol.SourceSynthetic:
		return true
	case protocol.SourceKept:
		return d.KeptName == save.Data.Name
	case protocol.SourceSite:
		return slices.Contains(d.Sites, save.Load.Name)
	}
	return false
}
