package ui

import (
	"hash/maphash"

	"github.com/vugu/vugu"

	"sae/web/state"
)

// Part is a piece of the page with a vugu root of its own. It has elements only while it is
// shown, and is rendered only when it has changed.
type Part struct {
	ID   string      // of its element, which is always on the page
	View state.View  // of which it is a part; "" for all
	Open func() bool // whether the reader has opened it; nil for what need not be opened
	Root vugu.Builder
}

// Shown reports whether the part is shown.
func (part Part) Shown(page *state.Page) bool {
	if page.Embed != nil {
		return true
	}
	return (part.View == "" || part.View == page.View) && (part.Open == nil || part.Open())
}

// Parts returns the parts of the page, or of the page in a frame, from top to bottom.
func (c *Root) Parts() []Part {
	p, stage := c.Page, &c.stage
	panels := map[string]Part{
		"recon":  {"reconstructions", state.ViewTrain, nil, &Reconstructions{Page: p, Stage: stage}},
		"loss":   {"loss", state.ViewTrain, nil, &Loss{Page: p, Stage: stage}},
		"latent": {"code", state.ViewTrain, nil, &Code{Page: p, Stage: stage}},
	}
	panel := func(name state.Panel) func() bool { return func() bool { return p.Panel == name } }
	settings := Part{"settings", "", nil, &MoreSettings{Page: p}}
	messages := Part{"messages", "", nil, &Messages{Page: p, Stage: stage}}
	if p.Embed != nil {
		parts := []Part{{"bar", "", nil, &EmbedBar{Page: p}}, settings}
		for _, name := range state.EmbedPanels {
			if p.Embed.Shows(name) {
				parts = append(parts, panels[name])
			}
		}
		return append(parts, Part{"foot", "", nil, &EmbedFoot{Page: p}}, messages)
	}
	return []Part{
		{"bar", "", nil, &Bar{Page: p, ToggleTheme: c.ToggleTheme}},
		{"intro", "", nil, &Intro{Page: p}},
		{"lesson", "", func() bool { return p.Lesson.Open }, &Lesson{Page: p, Stage: stage}},
		{"help", "", nil, &Help{Page: p}},
		settings,
		panels["recon"], panels["loss"],
		{"network", state.ViewTrain, nil, &Network{Page: p, Stage: stage}},
		{"features", state.ViewFeatures, nil, &Features{Page: p, Stage: stage}},
		{"latent", state.ViewFeatures, nil, &Latent{Page: p, Stage: stage}},
		{"explorer", state.ViewExplore, nil, &Explorer{Page: p, Stage: stage, PickPicture: c.PickPicture, OpenCamera: c.OpenCamera}},
		{"runs", state.ViewCompare, nil, &Runs{Page: p, Stage: stage, SaveText: c.SaveText}},
		{"data", "", panel(state.PanelData), &Data{Page: p, PickFile: c.PickFile, PickFolder: c.PickFolder, PickImages: c.PickImages, OpenBurst: c.OpenBurst, Save: c.Save}},
		{"model", "", panel(state.PanelModel), &Model{Page: p, PickModel: c.PickModel, Save: c.Save, Copy: c.Copy}},
		{"share", "", panel(state.PanelShare), &Share{Page: p, Address: c.Address, Copy: c.Copy}},
		messages,
	}
}

var seed = maphash.MakeSeed()

// Digest returns a hash of everything that a render would set in the browser, except event
// handlers: a handler may only use what can be seen on its element.
func Digest(results *vugu.BuildResults) uint64 {
	var hash maphash.Hash
	hash.SetSeed(seed)
	write := func(texts ...string) {
		for _, text := range texts {
			hash.WriteString(text)
			hash.WriteByte(0)
		}
	}
	var visit func(*vugu.VGNode)
	visit = func(n *vugu.VGNode) {
		for ; n != nil; n = n.NextSibling {
			if n.Component != nil {
				visit(results.ResultFor(n.Component).Out[0])
				continue
			}
			write(n.Data)
			for _, a := range n.Attr {
				write("attribute", a.Key, a.Val)
			}
			for _, p := range n.Prop {
				write("property", p.Key, string(p.JSONVal))
			}
			if n.InnerHTML != nil {
				write("content", *n.InnerHTML)
			}
			write("children")
			visit(n.FirstChild)
			write("end")
		}
	}
	visit(results.Out.Out[0])
	return hash.Sum64()
}
