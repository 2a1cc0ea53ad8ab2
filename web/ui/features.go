package ui

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"

	"sae/nn"
	"sae/nn/analysis"
	"sae/web/chart"
	"sae/web/state"
)

// Features shows what each latent unit has learnt.
type Features struct {
	Page  *state.Page
	Stage *stage

	tiles tiles
	shown []int // the unit of each tile
}

func (c *Features) lead() string {
	if c.Page.Settings.Patch != 0 {
		return "What each latent unit adds to a patch, on how many pictures it is active, and the patches that activate it."
	}
	return "What each latent unit adds to a picture, how often it is active, and what activates it."
}

// tile is a button that stands for a latent unit.
type tile struct {
	number, share string
	hint          string // what share is, and the class that the unit prefers, for screen readers
	note          string // of the reader
	dead, pressed bool
	version       string // of the picture
	pixels        func() []byte
}

// mountTiles updates the tiles that have changed.
func (c *Features) mountTiles(host js.Value) {
	c.Stage.afterRender(func() {
		c.tiles.place(host, func(position int) {
			c.Stage.do(func() {
				if position < len(c.shown) { // there may be fewer by now
					c.open(c.shown[position])
				}
			})
		})
		f := c.Page.Features
		if c.tiles.seen(c.Stage) && c.tiles.show(fmt.Sprint(c.Page.Timeline.Units.Version, f.Sort, f.HideDead, f.Class, f.Unit, f.Notes)) {
			c.shown = c.units()
			all := c.all()
			c.tiles.update(all)
			for first := 0; first < len(all); first += paintedTogether {
				c.Stage.inFrame(func() { c.tiles.paint(first, min(first+paintedTogether, len(all)), all) })
			}
		}
	})
}

// all returns the tiles.
func (c *Features) all() []tile {
	var all []tile
	for _, unit := range c.units() {
		all = append(all, tile{
			number: strconv.Itoa(unit), share: c.share(unit), hint: c.hint(unit),
			note: c.Page.Features.Notes[unit],
			dead: c.dead(unit), pressed: c.Page.Features.Unit == unit,
			version: fmt.Sprint(c.Page.Timeline.Units.Version, " ", unit),
			pixels:  func() []byte { return rgba(c.Page.Timeline.Units.Atom(unit)) },
		})
	}
	return all
}

// paintedTogether is the number of tiles painted per frame, to keep frames short.
const paintedTogether = 16

// maxTiles is the largest number of tiles: more would be slow to draw.
const maxTiles = 128

var sorts = []struct {
	sort        state.Sort
	label, help string
}{
	{state.SortActivity, "Active", "Units that are active on the most pictures first"},
	{state.SortMean, "Mean", "Units with the largest mean activation over all pictures first: how often a unit is active, times how strongly"},
	{state.SortSelectivity, "Selective", "Units whose activations depend most on the class first. Selectivity counts for less where a unit is active on few pictures: n of them count n/(n+10)."},
	{state.SortUnit, "Number", "In the order of the code"},
}

func (c *Features) sort(by state.Sort) { c.Page.Features.Sort = by }

func (c *Features) hideDead(event vugu.DOMEvent) {
	c.Page.Features.HideDead = event.PropBool("target", "checked")
}

func (c *Features) filter(event vugu.DOMEvent) {
	class, err := strconv.Atoi(event.PropString("target", "value"))
	if err == nil && class >= 0 && class <= len(c.Page.Dataset.Classes) {
		c.Page.Features.Class = class
	}
}

// classes returns the choices of the filter; the first is none.
func (c *Features) classes() []string {
	return append([]string{"any class"}, c.Page.Dataset.Classes...)
}

func (c *Features) units() []int {
	units := c.Page.Features.Shown()
	return units[:min(len(units), maxTiles)]
}

func (c *Features) more() string {
	all := c.Page.Features.Shown()
	switch {
	case c.Page.Timeline.Units.Classes() == 0:
		return "The units appear when the model is ready."
	case len(all) == 0 && c.Page.Features.Class == 0:
		return "All units are dead."
	case len(all) == 0:
		return "No unit that is active prefers this class."
	case len(all) > maxTiles:
		return fmt.Sprintf("The first %d of %s units.", maxTiles, count(len(all)))
	}
	return ""
}

func (c *Features) dead(unit int) bool { return c.Page.Timeline.Units.Activity[unit] == 0 }

// filtered reports whether the filters hide all units.
func (c *Features) filtered() bool {
	return c.Page.Timeline.Units.Classes() > 0 && len(c.Page.Features.Shown()) == 0
}

// share gives what the units are sorted by, or else how often the unit is active.
func (c *Features) share(unit int) string {
	u := c.Page.Timeline.Units
	switch {
	case c.dead(unit):
		return "dead"
	case c.Page.Features.Sort == state.SortMean:
		return fmt.Sprintf("%.2f", u.Mean[unit])
	case c.Page.Features.Sort == state.SortSelectivity:
		return fmt.Sprintf("%.2f", u.Selectivity(unit))
	}
	if u.Activity[unit] < 0.005 {
		return "<1 %" // it is not dead
	}
	return fmt.Sprintf("%.0f %%", 100*u.Activity[unit])
}

func (c *Features) hint(unit int) string {
	if c.dead(unit) {
		return ""
	}
	what := " of the pictures"
	switch c.Page.Features.Sort {
	case state.SortMean:
		what = " mean activation"
	case state.SortSelectivity:
		what = " selectivity"
	}
	class, _ := c.Page.Timeline.Units.Preferred(unit)
	return what + ", most for " + c.Page.Dataset.Classes[class]
}

func (c *Features) open(unit int) {
	if c.Page.Features.Unit == unit {
		unit = -1
	}
	c.Page.Features.Open(unit)
}

func (c *Features) opened() bool {
	unit := c.Page.Features.Unit
	return unit >= 0 && unit < len(c.Page.Timeline.Units.Mean) && c.Page.Timeline.Units.Classes() > 0
}

// detail returns the details of the open unit, which may arrive a moment later.
func (c *Features) detail() state.Detail {
	if d := c.Page.Features.Detail; c.opened() && d.Unit == c.Page.Features.Unit {
		return d
	}
	return state.Detail{}
}

func (c *Features) title() string {
	if !c.opened() {
		return "Choose a unit"
	}
	return fmt.Sprintf("Unit %d", c.Page.Features.Unit)
}

func (c *Features) prefers() string {
	if !c.opened() {
		return "to see what activates it"
	}
	unit := c.Page.Features.Unit
	if c.dead(unit) {
		return "dead: active on no validation picture"
	}
	class, _ := c.Page.Timeline.Units.Preferred(unit)
	return "most active for " + c.Page.Dataset.Classes[class]
}

func (c *Features) openVersion() string {
	return fmt.Sprint(c.Page.Timeline.Units.Version, " ", c.Page.Features.Unit, " ", c.detail().Version)
}

func (c *Features) openAtom() func(*theme) []byte {
	return func(*theme) []byte {
		if !c.opened() {
			return nil
		}
		return rgba(c.Page.Timeline.Units.Atom(c.Page.Features.Unit))
	}
}

// fact is a line about the open unit.
type fact struct{ name, value, help string }

func (c *Features) facts() []fact {
	facts := []fact{
		{"Density", none, "The share of validation pictures on which the unit is active."},
		{"Mean when active", none, "The mean magnitude of its nonzero activations."},
		{"Largest", none, "Its activation with the largest magnitude."},
		{"Selectivity", none, "0 if all classes activate it equally, towards 1 if only one does. It counts for less where the unit is active on few pictures: n of them count n/(n+10)."},
		{"Bias", none, "The unit's bias in the encoder. A negative bias makes it harder to activate."},
	}
	if !c.opened() {
		return facts
	}
	u, unit, d := c.Page.Timeline.Units, c.Page.Features.Unit, c.detail()
	facts[0].value = fmt.Sprintf("%.1f %%", 100*u.Activity[unit])
	if !c.dead(unit) {
		facts[1].value = fmt.Sprintf("%.2f", u.Usual(unit))
	}
	facts[3].value = fmt.Sprintf("%.2f", u.Selectivity(unit))
	if d.Activations != nil {
		facts[2].value = fmt.Sprintf("%.2f", d.Largest())
		facts[4].value = hundredths(float64(d.Bias))
	}
	return facts
}

// cost says what it costs to ablate the open unit.
func (c *Features) cost() string {
	d := c.detail()
	if d.Activations == nil || c.dull() {
		return ""
	}
	what := "MSE"
	switch {
	case c.Page.Settings.Whiten:
		what = "MSE of whitened patches"
	case c.Page.Settings.Loss == nn.BCE.String():
		what = "BCE"
	}
	change, more := d.Without/d.With-1, "more"
	if change < 0 {
		change, more = -change, "less"
	}
	return fmt.Sprintf("With this unit ablated, the validation %s is %.5f instead of %.5f: %.2f %% %s.", what, d.Without, d.With, 100*change, more)
}

func (c *Features) nearest() []analysis.Neighbor { return c.detail().Nearest }

func (c *Features) nearestHelp(n analysis.Neighbor) string {
	return fmt.Sprintf("Open unit %d", n.Unit)
}

func (c *Features) cosine(n analysis.Neighbor) string { return fmt.Sprintf("%.2f", n.Cosine) }

func (c *Features) nearestVersion(n analysis.Neighbor) string {
	return fmt.Sprint(c.Page.Timeline.Units.Version, " ", n.Unit)
}

func (c *Features) nearestAtom(n analysis.Neighbor) func(*theme) []byte {
	return func(*theme) []byte { return rgba(c.Page.Timeline.Units.Atom(n.Unit)) }
}

func (c *Features) top() []int { return c.detail().Top }

func (c *Features) topTitle() string {
	what := "picture"
	if c.Page.Settings.Patch != 0 {
		what = "patch"
	}
	if len(c.top()) == 0 {
		return "No " + what + " activates it"
	}
	if what == "patch" {
		return "The patches that activate it most, one of a picture"
	}
	return "The pictures that activate it most"
}

// dull reports whether there is nothing to show of what activates the open unit.
func (c *Features) dull() bool { return c.detail().Activations != nil && len(c.top()) == 0 }

func (c *Features) topClass(i int) string { return c.Page.Dataset.Class(c.detail().Top[i]) }

func (c *Features) topActivation(i int) string {
	d := c.detail()
	return fmt.Sprintf("%.1f", d.Activations[d.Top[i]])
}

func (c *Features) topVersion(i int) string { return fmt.Sprint(c.detail().Version, " ", i) }

func (c *Features) topPixels(i int) func(*theme) []byte {
	return func(*theme) []byte {
		d := c.detail()
		if i >= len(d.Top) {
			return nil
		}
		size := len(d.Pictures) / len(d.Top)
		return rgba(d.Pictures[i*size : (i+1)*size])
	}
}

// explore opens a picture in the explorer, with the unit in hand. The next render may
// remove the button.
func (c *Features) explore(i int) {
	if images := c.top(); i < len(images) {
		c.Page.TryUnit(images[i])
	}
}

// try opens the unit in the explorer, with the picture that activates it most.
func (c *Features) try() {
	image := -1
	if images := c.top(); len(images) > 0 {
		image = images[0]
	}
	c.Page.TryUnit(image)
}

func (c *Features) write(event vugu.DOMEvent) {
	c.Page.Features.Write(event.PropString("target", "value"))
}

func (c *Features) byClassLabel() string { return c.title() + ": mean activation by class" }

func (c *Features) byClass(theme chart.Theme) json.RawMessage {
	classes := c.Page.Dataset.Classes
	if !c.opened() {
		return chart.ByClass(theme, make([]float32, len(classes)), classes)
	}
	return chart.ByClass(theme, c.Page.Timeline.Units.Class(c.Page.Features.Unit), classes)
}

// active says on how many pictures the open unit is active, and what that means.
func (c *Features) active() string {
	n, above := 0, "above 0"
	for _, activation := range c.detail().Activations {
		if activation != 0 {
			n++
		}
	}
	if c.Page.Settings.Activation == "linear" {
		above = "other than 0"
	}
	return fmt.Sprintf("Active, that is %s, on %s of %s", above, count(n), plural(len(c.detail().Activations), "picture"))
}

// density returns the share of pictures on which the open unit is active.
func (c *Features) density() string {
	if !c.opened() {
		return "0"
	}
	return fmt.Sprintf("%.4f", c.Page.Timeline.Units.Activity[c.Page.Features.Unit])
}

func (c *Features) distributionLabel() string {
	return c.title() + ": distribution of its activations. " + c.active()
}

func (c *Features) distribution(theme chart.Theme) json.RawMessage {
	return chart.UnitHistogram(theme, analysis.NewSignedHistogram(c.detail().Activations, analysis.Bins/2))
}

// many reports whether the charts by class need more room.
func (c *Features) many() bool { return len(c.Page.Dataset.Classes) > chart.FewClasses }

func (c *Features) heatVersion() string {
	f := c.Page.Features
	return fmt.Sprint(c.Page.Timeline.Units.Version, f.Sort, f.HideDead, f.Class)
}

func (c *Features) heat(theme chart.Theme) json.RawMessage {
	return chart.HeatMap(theme, c.Page.Timeline.Units.ByClass, c.units(), c.Page.Dataset.Classes)
}
