package state

import (
	"fmt"
	"maps"
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
	values, problems := parseQuery(query)
	list := func(name string, known []string) (items []string) {
		for item := range strings.SplitSeq(values.Get(name), ",") {
			if item = strings.TrimSpace(item); slices.Contains(known, item) {
				items = append(items, item)
			} else if item != "" {
				problems = append(problems, fmt.Errorf("%s %q: want some of %s", name, item, strings.Join(known, ", ")))
			}
		}
		values.Del(name)
		return items
	}
	p.Embed = &Embed{Panels: list("panels", EmbedPanels), Lock: list("lock", experiment.FieldNames())}
	if len(p.Embed.Panels) == 0 {
		p.Embed.Panels = []string{"recon", "loss"}
	}
	for _, name := range slices.Sorted(maps.Keys(EmbedChoices)) {
		if value, choices := values.Get(name), EmbedChoices[name]; value != "" && !slices.Contains(choices, value) {
			problems = append(problems, fmt.Errorf("%s %q: want one of %s", name, value, strings.Join(choices, ", ")))
		}
		values.Del(name)
	}
	p.complain("Not all of the demo's address could be used", append(problems, p.followParameters(values)...))
}

// Shows reports whether a panel is shown: in the page itself, each is.
func (p *Page) Shows(panel string) bool {
	return p.Embed == nil || slices.Contains(p.Embed.Panels, panel)
}

// Locked reports whether the reader cannot change a setting.
func (p *Page) Locked(name string) bool { return p.Embed != nil && slices.Contains(p.Embed.Lock, name) }
