package state

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"sae/nn/experiment"
)

// Embed is how the page is shown in a frame of another page.
type Embed struct {
	Panels []string // that are shown, of EmbedPanels
	Lock   []string // settings that the reader cannot change
}

// EmbedPanels are the panels that a frame can show.
var EmbedPanels = []string{"recon", "loss", "latent"}

// EmbedChoices are the parameters of a frame beside settings, panels and lock, and
// what they can be. The first is the default. They are carried out by frame.js,
// before the program is there.
var EmbedChoices = map[string][]string{
	"load":     {"click", "auto"},
	"autoplay": {"0", "1"},
	"theme":    {"auto", "light", "dark"},
}

// FollowEmbed is Follow for a page in a frame, which takes more parameters.
func (p *Page) FollowEmbed(query string) {
	p.Embed = &Embed{Panels: []string{"recon", "loss"}}
	values, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	if err != nil {
		p.Follow(query) // says so
		return
	}
	var problems []error
	list := func(name string, known []string) []string {
		var items []string
		for _, item := range strings.Split(values.Get(name), ",") {
			if item = strings.TrimSpace(item); slices.Contains(known, item) {
				items = append(items, item)
			} else if item != "" {
				problems = append(problems, fmt.Errorf("%s %q: want some of %s", name, item, strings.Join(known, ", ")))
			}
		}
		return items
	}
	if panels := list("panels", EmbedPanels); len(panels) > 0 {
		p.Embed.Panels = panels
	}
	p.Embed.Lock = list("lock", experiment.FieldNames())
	for name, choices := range EmbedChoices {
		if value := values.Get(name); value != "" && !slices.Contains(choices, value) {
			problems = append(problems, fmt.Errorf("%s %q: want one of %s", name, value, strings.Join(choices, ", ")))
		}
		values.Del(name)
	}
	values.Del("panels")
	values.Del("lock")
	p.Follow(values.Encode())
	if err := errors.Join(problems...); err != nil {
		text := inLine(err) + "."
		if p.Notice != nil {
			text += " " + p.Notice.Text
		}
		p.Notice = &Notice{Title: "Not all of the address could be used", Text: text}
	}
}

// Shows reports whether a panel is shown: in the page itself, each is.
func (p *Page) Shows(panel string) bool {
	return p.Embed == nil || slices.Contains(p.Embed.Panels, panel)
}

// Locked reports whether the reader cannot change a setting.
func (p *Page) Locked(name string) bool { return p.Embed != nil && slices.Contains(p.Embed.Lock, name) }
