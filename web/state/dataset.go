package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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
	Arrived  int               // training images that are there, while the data set is Partial
	File     any               // with the data set in the compact format, if it is the user's; nil for others

	page      *Page
	origin    origin // of the data set in use
	gathering bool   // whether files are being gathered, for UseFiles
	cancelled bool   // whether the user has cancelled the reading
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
	d.use(origin{d.file(name), file}, done)
}

// UseArchive changes to a data set of the pictures in a zip archive, and shows its progress.
func (d *Dataset) UseArchive(name string, file any, done Done) {
	if d.page.Embed == nil {
		d.page.Panel = PanelData
	}
	d.UseFile(name, file, done)
}

// file returns the command that loads a file of the user. A frame keeps nothing.
func (d *Dataset) file(name string) protocol.Load {
	embed := d.page.Embed
	return protocol.Load{Source: protocol.SourceFile, Name: name, Keep: embed == nil, Least: embed.leastImages(d.page.Settings)}
}

// Gather begins to gather the files for UseFiles, which may take a while. It reports whether
// it may: one data set is read at a time.
func (d *Dataset) Gather() bool {
	if d.Loading != nil {
		d.busy()
		return false
	}
	d.page.Messages.over(aboutTry)
	d.Loading, d.gathering, d.cancelled = &protocol.Loading{Stage: "Looking for pictures"}, true, false
	if d.page.Embed == nil {
		d.page.Panel = PanelData
	}
	return true
}

// Gathered says how far the gathering is, and reports whether to go on.
func (d *Dataset) Gathered(stage string, done, total int) bool {
	if !d.gathering || d.cancelled {
		return false
	}
	d.Loading = &protocol.Loading{Stage: stage, Done: int64(done), Total: int64(total)}
	return true
}

// UseFiles changes to a data set of the pictures in files, an array, with their paths. It
// ends what Gather began. err is why there are none.
func (d *Dataset) UseFiles(paths []string, files any, err error, done Done) {
	if !d.gathering { // the worker has been lost meanwhile, and reads the data set in use
		done(errCancelled)
		return
	}
	d.Loading, d.gathering = nil, false
	switch {
	case d.cancelled:
		d.failed(errCancelled, done)
		return
	case err != nil:
		d.failed(err, done)
		return
	}
	load := d.file("Your pictures")
	load.Paths = paths
	d.use(origin{load, files}, done)
}

// AddPictures changes to a data set with pictures added. name is its name, and the pictures'
// first folders are their classes. files is an array of them, and then of the data set that
// they are added to, in the compact format, or null for an empty one.
func (d *Dataset) AddPictures(name string, paths []string, files any, done Done) {
	load := d.file(name)
	load.Paths, load.Add = paths, true
	d.use(origin{load, files}, done)
}

// Cancel ends the reading of a data set.
func (d *Dataset) Cancel() {
	if d.Loading != nil && d.Name != "" {
		d.cancelled = true
		d.page.Worker.command(protocol.New(protocol.TypeCancel, nil), nil)
	}
}

var errCancelled = errors.New("dataset: cancelled")

// failed tells the user that a data set could not be read.
func (d *Dataset) failed(err error, done Done) {
	m := &d.page.Messages
	if d.cancelled {
		d.cancelled, err = false, errCancelled
		m.Say("Cancelled. " + d.unchanged())
		d.page.changed("state")
	} else {
		m.tell(aboutTry, "That data set could not be used", strings.TrimSuffix(err.Error(), ".")+". "+d.unchanged())
	}
	done(err)
}

func (d *Dataset) busy() {
	d.page.Messages.tell(aboutTry, "Another data set is still being read", "Wait for it, or cancel it in the panel Data. Then try again.")
}

// Own reports whether the data set in use is the user's.
func (d *Dataset) Own() bool { return d.File != nil }

// Renamable reports whether the data set in use can be renamed: before training, because what
// is kept of a run refers to it by its name.
func (d *Dataset) Renamable() bool { return d.Own() && d.Loading == nil && !d.page.Trained() }

// Rename renames the data set in use, unless the name is empty.
func (d *Dataset) Rename(name string) {
	if name = strings.TrimSpace(name); name == "" || name == d.Name || !d.Renamable() {
		return
	}
	load := d.file(name)
	load.Title = name
	d.use(origin{load, d.File}, Ignore)
}

// Forget deletes the data set in use from the browser, and changes to another. The toast
// brings it back, with the run on it.
func (d *Dataset) Forget() {
	p := d.page
	if !d.Own() || d.Loading != nil {
		return
	}
	name := d.Name
	p.Worker.command(protocol.New(protocol.TypeForget, nil), func(reply protocol.Message) {
		if err := replyError(reply); err != nil {
			p.Messages.tell(aboutTry, "The data set could not be deleted", err.Error()+". Try again, or clear this site's data.")
			return
		}
		if reply.File != nil {
			d.File = reply.File
		}
		again := origin{d.file(name), d.File}
		d.origin, d.Kept = again, false
		if d.KeptName == name {
			d.KeptName = ""
		}
		p.Messages.Toast = nil
		offer := p.wayBack()
		d.load(d.preferred(), p.newRun, func(err error) {
			if err != nil {
				return
			}
			text := "Deleted " + name + "."
			if offer(text); p.Messages.Toast == nil {
				p.Messages.Toast = &Toast{Text: text, Undo: func() { d.use(again, Ignore) }}
			}
		})
	})
}

// use loads a data set that the user chose. The toast brings the run before back.
func (d *Dataset) use(from origin, done Done) {
	d.page.Messages.over(aboutTry)
	offer := d.page.wayBack()
	d.load(from, d.page.newRun, func(err error) {
		if err == nil {
			classes := "1 class"
			if n := len(d.Classes); n != 1 {
				classes = fmt.Sprintf("%d classes", n)
			}
			text := fmt.Sprintf("%s was opened: %d training and %d validation pictures, %s.", d.Name, d.Train, d.Validation, classes)
			if offer(text); d.page.Messages.Toast == nil && from.Source == protocol.SourceFile {
				d.page.Messages.Say(text)
			}
			if d.Unkept != "" {
				d.page.Messages.tell(aboutRun, "The data set is for this visit only", "It could not be kept for the next: "+d.Unkept+". What was kept before is still there. To keep this one, save it as a file in the panel Data.")
			}
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
		p.Loss.curve = pcaCurve{}
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
		d.busy()
		failed(errors.New("dataset: another one is still being read"))
		return
	}
	d.Loading, d.cancelled = &protocol.Loading{Stage: "Opening"}, false
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
			d.failed(err, failed)
			return
		}
		if from.Source == protocol.SourceFile && reply.File != nil { // it need not be converted again
			from.file, from.Paths, from.Add = reply.File, nil, false
		}
		d.origin, d.File, d.cancelled = from, reply.File, false
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
	d.Dataset, d.Arrived = dataset, 0
	if dataset.Kept {
		d.KeptName = dataset.Name
	}
	p.Features.Unit, p.Explorer, p.Map = -1, newExplorer(p), newMap(p)
	p.Pictures.fix()
	p.adapt()
}

// arrive takes how far a data set has come whose training images come while it is in use. If
// the rest cannot be read, the synthetic one takes its place.
func (d *Dataset) arrive(m protocol.Message) {
	arrived, err := protocol.Decode[protocol.Arrived](m)
	switch {
	case err != nil || !d.Partial:
	case arrived.Error != "":
		d.Partial, d.Loading = false, nil
		d.load(synthetic, d.page.newRun, func(error) {
			d.page.Messages.tell(aboutTry, "That data set could not be used", arrived.Error+". The synthetic one takes its place. Reload the page to try again.")
		})
	default:
		d.Arrived, d.Partial = arrived.Images, !arrived.All
		d.MeanBCE, d.MeanMSE, d.Checksum = arrived.MeanBCE, arrived.MeanMSE, arrived.Checksum
		if arrived.All {
			d.page.changed("state")
		}
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
