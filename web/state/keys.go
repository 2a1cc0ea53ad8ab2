package state

import (
	"fmt"
	"strconv"

	"sae/nn/experiment"
)

// Shortcut is a key that acts wherever the focus is, except in a field.
type Shortcut struct {
	Key   string // KeyboardEvent.key
	Label string // on the key
	Help  string
	do    func(*Page)
	page  bool // whether it is for what a frame does not have
}

// Shortcuts lists the shortcuts.
var Shortcuts = []Shortcut{
	{" ", "Space", "Train or pause", func(p *Page) { p.Toggle() }, false},
	{"s", "S", "Step: train on one batch", func(p *Page) { p.StepOnce() }, false},
	{"p", "P", "The next phase of the step", func(p *Page) { p.Slow.Turn() }, true},
	{"n", "N", "Now: return from an earlier moment", func(p *Page) { p.Timeline.Now() }, true},
	{"r", "R", "Reset: forget what was learnt", func(p *Page) { p.Reset(Ignore) }, false},
	{"z", "Z", "Undo what the message says", func(p *Page) { p.Messages.Undo() }, false},
	{"1", fmt.Sprintf("1 to %d", len(experiment.Names)), "Choose the experiment", nil, false},
	{"o", "O", "Other pictures", func(p *Page) { p.Pictures.Others() }, false},
	{"ArrowLeft", "←", "Select the picture before", func(p *Page) { p.Pictures.Select(p.Pictures.Selected - 1) }, false},
	{"ArrowRight", "→", "Select the next picture", func(p *Page) { p.Pictures.Select(p.Pictures.Selected + 1) }, false},
	{"t", "T", "View: Train", func(p *Page) { p.Visit(ViewTrain) }, true},
	{"f", "F", "View: Features", func(p *Page) { p.Visit(ViewFeatures) }, true},
	{"e", "E", "View: Explore", func(p *Page) { p.Visit(ViewExplore) }, true},
	{"c", "C", "View: Compare", func(p *Page) { p.Visit(ViewCompare) }, true},
	{"d", "D", "Data", func(p *Page) { p.SwitchPanel(PanelData) }, true},
	{"l", "L", "Lesson", func(p *Page) { p.Lesson.Switch() }, true},
	{"m", "M", "More settings", func(p *Page) { p.Form.Show(!p.Form.Open) }, false},
	{"?", "?", "These keys", func(p *Page) { p.Help = !p.Help }, true},
	{"Escape", "Esc", "Close what is open", func(p *Page) {
		unit := p.View == ViewFeatures && p.Features.Unit >= 0
		if !(p.Help || p.Messages.Notice != nil || p.Messages.Toast != nil || p.Panel != PanelNone || p.Form.Open || unit) {
			p.Lesson.Open = false // last: it stands beside the others
		}
		p.Help, p.Messages.Notice, p.Messages.Toast, p.Panel = false, nil, nil, PanelNone
		p.Form.Show(false)
		p.Features.Open(-1)
		p.Explorer.Held = -1
	}, false},
}

// Press runs the shortcut of a key, and reports whether there is one.
func (p *Page) Press(key string) bool {
	if number, err := strconv.Atoi(key); err == nil && experiment.Names[number] != "" {
		p.Form.Edit("experiment", key)
		return true
	}
	for _, shortcut := range Shortcuts {
		if shortcut.Key == key && shortcut.do != nil && !(shortcut.page && p.Embed != nil) {
			shortcut.do(p)
			return true
		}
	}
	return false
}
