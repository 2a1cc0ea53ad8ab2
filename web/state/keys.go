package state

import (
	"slices"
	"strconv"
)

// Shortcut is a key that does something wherever the focus is, but in fields.
type Shortcut struct {
	Key   string // as KeyboardEvent.key has it
	Label string // on the key
	Help  string
	do    func(*Page)
}

// Shortcuts lists the keys.
var Shortcuts = []Shortcut{
	{" ", "Space", "Train or pause", func(p *Page) { p.Toggle() }},
	{"s", "S", "Step: train on one batch", func(p *Page) { p.StepOnce() }},
	{"r", "R", "Reset: forget what was learnt", func(p *Page) { p.Reset(ignore) }},
	{"z", "Z", "Undo the reset or delete that the message tells of", (*Page).Undo},
	{"1", "1 to 4", "Choose the experiment", nil},
	{"o", "O", "Other pictures", func(p *Page) { p.Pictures.Others() }},
	{"ArrowLeft", "←", "Select the picture before", func(p *Page) { p.Pictures.Select(p.Pictures.Selected - 1) }},
	{"ArrowRight", "→", "Select the next picture", func(p *Page) { p.Pictures.Select(p.Pictures.Selected + 1) }},
	{"l", "L", "Lesson", func(p *Page) { p.Lesson.Switch() }},
	{"m", "M", "More settings", func(p *Page) { p.ShowSettings(!p.MoreSettings) }},
	{"?", "?", "These keys", func(p *Page) { p.Help = !p.Help }},
	{"Escape", "Esc", "Close what is open", func(p *Page) {
		p.Help, p.Notice, p.Toast = false, nil, nil
		p.ShowSettings(false)
		p.Features.Open(-1)
	}},
}

// pageKeys open what a frame does not have.
var pageKeys = []string{"l", "?"}

// Press does what a key stands for, and reports whether it stands for anything.
func (p *Page) Press(key string) bool {
	if number, err := strconv.Atoi(key); err == nil && number >= 1 && number <= 4 {
		p.Edit("experiment", key)
		return true
	}
	for _, shortcut := range Shortcuts {
		if shortcut.Key == key && shortcut.do != nil && !(p.Embed != nil && slices.Contains(pageKeys, key)) {
			shortcut.do(p)
			return true
		}
	}
	return false
}
