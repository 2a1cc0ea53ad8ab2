package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sae/nn/experiment"
)

// Embed is how the page is shown in a frame of another page. A nil Embed stands for the
// page itself.
type Embed struct {
	Panels []string // shown, of EmbedPanels
	Lock   []string // names of the settings that the reader cannot change
}

// EmbedPanels are the panels that a frame can show.
var EmbedPanels = []string{"recon", "loss", "latent"}

// EmbedChoices are the parameters of a frame beside settings, panels and lock, with their
// values. The first value is the default. frame.js handles them, before the program starts.
var EmbedChoices = map[string][]string{
	"load":     {"click", "auto"},
	"autoplay": {"0", "1", "false", "true"},
	"theme":    {"auto", "light", "dark"},
}

// FollowEmbed is Link.Follow for a page in a frame, which takes more parameters.
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
	p.Link.complain("Not all of the demo's address could be used", append(problems, p.Link.follow(values)...))
}

// Shows reports whether a panel is shown. The page itself shows all.
func (e *Embed) Shows(panel string) bool {
	return e == nil || slices.Contains(e.Panels, panel)
}

// A lock binds the reader, whatever changes a setting: controls, keys, the button that
// trains a finished run on, files with a model or data, and settings that follow from
// another. It does not bind the page around the frame.

// locked returns the names of the settings that the reader cannot change.
func (e *Embed) locked() []string {
	if e == nil {
		return nil
	}
	return e.Lock
}

// Locked reports whether the reader cannot change a setting.
func (e *Embed) Locked(name string) bool { return slices.Contains(e.locked(), name) }

// leastImages returns how many training images a data set needs so that adapting the
// settings to it changes no locked one.
func (e *Embed) leastImages(settings experiment.Settings) (images int) {
	if e.Locked("batch") {
		images = settings.Batch
	}
	if e.Locked("subset") {
		images = max(images, settings.Subset)
	}
	return images
}
