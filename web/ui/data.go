package ui

import (
	"fmt"
	"strings"

	"github.com/vugu/vugu"

	"sae/data"
	"sae/wasm/pictures"
	"sae/wasm/protocol"
	"sae/web/state"
)

// Data shows the current data set and lets the user choose another.
type Data struct {
	Page       *state.Page
	PickFile   func()
	PickFolder func()
	PickImages func()
	OpenBurst  func()
	Save       func(file any, name string)
}

// cifarAddress is the official page of CIFAR-10.
const cifarAddress = "https://www.cs.toronto.edu/~kriz/cifar.html"

// source is a data set that the user can choose.
type source struct{ value, title, text string }

func (c *Data) sources() []source {
	var sources []source
	if len(c.Page.Dataset.Sites) > 0 {
		sources = append(sources, source{protocol.SourceSite, "CIFAR-10 on this site", "data/" + c.Page.Dataset.Sites[0]})
	}
	if c.Page.Dataset.KeptName != "" {
		sources = append(sources, source{protocol.SourceKept, c.Page.Dataset.KeptName, "Your file, kept in this browser"})
	}
	if c.current() == protocol.SourceFile {
		sources = append(sources, source{protocol.SourceFile, c.Page.Dataset.Name, "Your file, for this visit only"})
	}
	return append(sources, source{protocol.SourceSynthetic, "Built-in pictures", "Synthetic: shapes that the page draws"})
}

// current returns the source of the current data set. A user's file that the
// browser keeps counts as the kept one.
func (c *Data) current() string {
	if c.Page.Dataset.Source == protocol.SourceFile && c.Page.Dataset.Kept {
		return protocol.SourceKept
	}
	return c.Page.Dataset.Source
}

func (c *Data) use(value string) {
	switch value {
	case c.current():
	case protocol.SourceSite:
		c.Page.Dataset.UseSite(state.Ignore)
	case protocol.SourceKept:
		c.Page.Dataset.UseKept(state.Ignore)
	case protocol.SourceSynthetic:
		c.Page.Dataset.UseSynthetic(state.Ignore)
	}
}

// known reports whether there is a data set.
func (c *Data) known() bool { return c.Page.Dataset.Name != "" }

func (c *Data) title() string {
	if !c.known() {
		return "Loading the data set"
	}
	return c.Page.Dataset.Name
}

func (c *Data) provenance() string { return c.Page.Dataset.Provenance }

func (c *Data) train() string {
	if !c.known() {
		return none
	}
	available := c.Page.Dataset.Train
	if used := c.Page.Settings.TrainingImages(available); used < available {
		return fmt.Sprintf("%s of %s", count(used), count(available))
	}
	return count(available)
}

func (c *Data) validation() string {
	if !c.known() {
		return none
	}
	return count(c.Page.Dataset.Validation)
}

func (c *Data) floor() string { return c.nats(c.Page.Dataset.Floor) }

func (c *Data) meanImage() string {
	if c.Page.Dataset.Partial {
		return none
	}
	return c.nats(c.Page.Dataset.MeanBCE)
}

// nats formats a loss with its unit, nats per value.
func (c *Data) nats(loss float64) string {
	if !c.known() {
		return none
	}
	return fmt.Sprintf("%.4f nats", loss)
}

func (c *Data) classes() string {
	if !c.known() {
		return none
	}
	classes := c.Page.Dataset.Classes
	if more := len(classes) - maxNamed; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(classes[:maxNamed], ", "), more)
	}
	return strings.Join(classes, ", ")
}

// maxNamed is how many classes are named.
const maxNamed = 20

func (c *Data) rename(event vugu.DOMEvent) {
	c.Page.Dataset.Rename(event.PropString("target", "value"))
}

func (c *Data) renameHelp() string {
	if c.Page.Dataset.Renamable() {
		return "Another name for this data set"
	}
	return "A data set can be renamed before training: reset the run first"
}

// limits says how many pictures are wanted.
func (c *Data) limits() string {
	return fmt.Sprintf("%d to %s pictures, up to %d classes", pictures.MinPictures, count(pictures.MaxPictures), data.MaxClasses)
}

// skipped says how many files are not in the data set, "" for none.
func (c *Data) skipped() string {
	switch n := c.Page.Dataset.Skipped.Count; n {
	case 0:
		return ""
	case 1:
		return "1 file was skipped"
	default:
		return count(n) + " files were skipped"
	}
}

// unlisted says how many of these are not listed.
func (c *Data) unlisted() string {
	if more := c.Page.Dataset.Skipped.Count - len(c.Page.Dataset.Skipped.Files); more > 0 {
		return "and " + count(more) + " more"
	}
	return ""
}

// save saves the data set as a file.
func (c *Data) save() {
	if c.Save != nil && c.Page.Dataset.Own() {
		c.Save(c.Page.Dataset.File, c.Page.Dataset.Name+".sae")
	}
}

func (c *Data) progress() string { return fmt.Sprintf("%.3f", loadingShare(c.Page)) }
