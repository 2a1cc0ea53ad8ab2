package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"

	"sae/nn/experiment"
	"sae/web/state"
)

// Share shows a link to the settings and the snippet of an embed.
type Share struct {
	Page    *state.Page
	Address string // of the page, without a query
	Copy    func(text string, done state.Done)
}

func (c *Share) link() string { return c.Address + c.Page.Link.Query(true) }

func (c *Share) copyLink() { c.copy("The link", c.link()) }

func (c *Share) copy(what, text string) {
	if c.Copy != nil {
		c.Copy(text, func(err error) { c.Page.Messages.Copied(what, err) })
	}
}

// fingerprint formats the fingerprint of the run so far.
func (c *Share) fingerprint() string {
	f, ok := c.Page.Link.FingerprintAt(len(c.Page.History))
	switch {
	case !ok && len(c.Page.History) > 0:
		return "no fingerprint: the settings alone do not reproduce this run"
	case !ok:
		return "the fingerprint appears after the first epoch"
	}
	return fmt.Sprintf("fingerprint %08x after epoch %d", f.Sum, f.Epoch)
}

func (c *Share) reproduced() string {
	if text := c.Page.Link.Reproduced(); text != "" {
		return text
	}
	if _, ok := c.Page.Link.FingerprintAt(len(c.Page.History)); !ok {
		return ""
	}
	return "The link includes the fingerprint. Whoever opens it can see whether their run is the same, bit for bit."
}

type panelChoice struct {
	name, title string
	on          bool
}

// panels are the panels that a frame can show.
func (c *Share) panels() []panelChoice {
	titles := map[string]string{"recon": "reconstructions", "loss": "loss", "latent": "code"}
	var choices []panelChoice
	for _, name := range state.EmbedPanels {
		choices = append(choices, panelChoice{name, titles[name], slices.Contains(c.Page.Builder.Panels, name)})
	}
	return choices
}

func (c *Share) auto(event vugu.DOMEvent) { c.Page.Builder.Auto = event.PropBool("target", "checked") }

func (c *Share) lock(event vugu.DOMEvent) { c.Page.Builder.Lock = event.PropBool("target", "checked") }

func (c *Share) target(event vugu.DOMEvent) {
	c.Page.Builder.Target = event.PropString("target", "value")
}

func (c *Share) building() string { return strconv.FormatBool(c.Page.Builder.Open) }

func (c *Share) build() { c.Page.Builder.Open = !c.Page.Builder.Open }

// folder returns the address of the site's folder.
func (c *Share) folder() string { return c.Address[:strings.LastIndex(c.Address, "/")+1] }

func (c *Share) snippet() string { return c.Page.Builder.Snippet(c.folder()) }

func (c *Share) copySnippet() { c.copy("The snippet", c.snippet()) }

func (c *Share) preview() string { return strconv.FormatBool(c.Page.Builder.Preview) }

func (c *Share) togglePreview() { c.Page.Builder.Preview = !c.Page.Builder.Preview }

// place shows the demo as it will look, but loads it at once.
func (c *Share) place(host js.Value) {
	placeDemo(host, append(c.Page.Builder.Attributes(), experiment.Change{Name: "load", Value: "auto"}))
}
