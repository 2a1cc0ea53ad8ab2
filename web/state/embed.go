package state

import (
	"cmp"
	"errors"
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
	"autoplay": {"0", "1", "false", "true"},
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

// A lock holds against the reader, whatever changes a setting: controls, keys, the button that
// trains a finished run on, files with a model or data, and settings that follow from
// another. It does not hold against the page around the frame.

// locked returns the names of the settings that the reader cannot change.
func (p *Page) locked() []string {
	if p.Embed == nil {
		return nil
	}
	return p.Embed.Lock
}

// Locked reports whether the reader cannot change a setting.
func (p *Page) Locked(name string) bool { return slices.Contains(p.locked(), name) }

// refuseLocked reports whether the reader may not have the settings, and says why.
func (p *Page) refuseLocked(settings experiment.Settings) bool {
	var locked *experiment.FieldError
	if !errors.As(p.Settings.Keep(p.locked(), settings), &locked) {
		return false
	}
	field, _ := experiment.Lookup(locked.Name)
	if p.Toast == nil || p.Toast.Undo == nil { // which is still of use
		p.Say(fmt.Sprintf("%s stays %s: it is locked here.", field.Label, cmp.Or(field.Format(p.Settings), "empty")))
	}
	return true
}

// leastImages is how many training images a data set needs that changes no setting that is
// locked, as adapt would.
func (p *Page) leastImages() (images int) {
	if p.Locked("batch") {
		images = p.Settings.Batch
	}
	if p.Locked("subset") {
		images = max(images, p.Settings.Subset)
	}
	return images
}

// FormFields returns the settings that the form beside the sliders shows.
func (p *Page) FormFields() []experiment.Field {
	return slices.DeleteFunc(slices.Clone(experiment.Table), func(field experiment.Field) bool {
		inBar := field.Notches != nil || p.Embed == nil && field.Name == "experiment"
		return inBar || p.Locked(field.Name)
	})
}
