package ui

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strconv"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"

	"sae/web/chart"
	"sae/web/state"
)

// Explorer lets the user change a code and shows the decoder's output.
type Explorer struct {
	Page        *state.Page
	Stage       *stage
	PickPicture func()
	OpenCamera  func()

	list   sliders
	held   int // version of the unit in hand whose slider got the focus
	answer canvas
}

// unitSlider is a slider that sets the activation of a latent unit.
type unitSlider struct {
	name, text string
	value      float64
	held       bool // whether the unit is in hand
}

// mountSliders shows the sliders of the units. Dragging one does not render the
// whole page.
func (c *Explorer) mountSliders(host js.Value) {
	c.Stage.afterRender(func() {
		c.list.place(host, func(position int, value float64) {
			c.Stage.quiet(func() {
				if units := c.sliders(); position < len(units) { // there may be fewer by now
					c.Page.Explorer.SetUnit(units[position], float32(value))
				}
				c.drawSliders()
			})
		})
		c.drawSliders()
	})
}

func (c *Explorer) drawSliders() {
	c.list.update(c.unitSliders(), c.low(), c.reach(), !c.ready())
	e := c.Page.Explorer
	if position := slices.Index(c.sliders(), e.Held); position >= 0 && c.ready() && c.held != e.HeldVersion {
		c.held = e.HeldVersion
		c.list.focus(position)
	}
}

func (c *Explorer) unitSliders() []unitSlider {
	var all []unitSlider
	for _, unit := range c.sliders() {
		activation := c.activation(unit)
		all = append(all, unitSlider{strconv.Itoa(unit), hundredths(float64(activation)), activation, unit == c.Page.Explorer.Held})
	}
	return all
}

// mountAnswer draws the decoder's output as soon as it arrives.
func (c *Explorer) mountAnswer(host js.Value) {
	draw := func() {
		if c.answer.show(fmt.Sprint(c.Page.Explorer.Version, "/", c.Stage.generation)) {
			c.answer.paint(rgba(c.Page.Explorer.Decoded), pictureSize)
		}
	}
	c.Stage.afterRender(func() {
		c.answer.place(host)
		c.Stage.answer = draw
		draw()
	})
}

// patches reports whether the code is of a patch. Codes of whole pictures, whose mean and
// distribution are known, say little about it.
func (c *Explorer) patches() bool { return c.Page.Settings.Patch != 0 }

func (c *Explorer) lead() string {
	if c.patches() {
		return "Change the code of a picture's patch and see what the decoder makes of it. It is the patch in which the pixels differ most."
	}
	return "Change a picture's code and see what the decoder makes of it."
}

func (c *Explorer) ready() bool { return c.Page.Explorer.Code != nil }

func (c *Explorer) sliders() []int { return c.Page.Explorer.Sliders() }

func (c *Explorer) which() string {
	n, latent := len(c.sliders()), c.Page.Settings.Latent
	switch held := c.Page.Explorer.Held; {
	case n == latent:
		return "all " + plural(latent, "unit")
	case held >= 0:
		return fmt.Sprintf("unit %d, and the %d most active of %s", held, n-1, plural(latent, "unit"))
	case c.idle() > 0:
		return fmt.Sprintf("%d active of %s, and %d that are not", n-c.idle(), plural(latent, "unit"), c.idle())
	}
	return fmt.Sprintf("the %d most active of %s", n, plural(latent, "unit"))
}

// idle returns how many of the sliders are of units that the code does not use.
func (c *Explorer) idle() int {
	idle := 0
	for _, unit := range c.sliders() {
		if c.ready() && c.activation(unit) == 0 {
			idle++
		}
	}
	return idle
}

func (c *Explorer) all() string { return strconv.FormatBool(c.Page.Explorer.All) }

func (c *Explorer) allLabel() string {
	if c.Page.Explorer.All {
		return "Fewer units"
	}
	return "All units"
}

func (c *Explorer) toggleAll() { c.Page.Explorer.All = !c.Page.Explorer.All }

func (c *Explorer) activation(unit int) float64 {
	if code := c.Page.Explorer.Code; unit < len(code) {
		return float64(code[unit])
	}
	return 0
}

// reach returns the largest magnitude on the sliders.
func (c *Explorer) reach() float64 {
	largest := 0.5
	for _, code := range [][]float32{c.Page.Explorer.Encoded, c.Page.Explorer.Code} {
		if len(code) > 0 {
			largest = max(largest, float64(slices.Max(code)), -float64(slices.Min(code)))
		}
	}
	return math.Ceil(1.5 * largest)
}

func (c *Explorer) low() float64 {
	if c.Page.Settings.Activation == "linear" {
		return -c.reach()
	}
	return 0
}

// number returns the value of a slider.
func number(event vugu.DOMEvent) (float64, bool) {
	value, err := strconv.ParseFloat(event.PropString("target", "value"), 64)
	return value, err == nil
}

func (c *Explorer) share(event vugu.DOMEvent) {
	if value, ok := number(event); ok {
		c.Page.Explorer.SetMix(value)
	}
}

func (c *Explorer) mix() string { return strconv.FormatFloat(c.Page.Explorer.Mix, 'g', 4, 64) }

// second is a picture that can be mixed in.
type second struct {
	image int
	name  string
}

func (c *Explorer) seconds() []second {
	choices := []second{{-1, "nothing"}}
	for position, image := range c.Page.Timeline.Samples.Images {
		if image != c.Page.Explorer.Image {
			choices = append(choices, second{image, "the " + c.Page.Pictures.ClassName(position)})
		}
	}
	return choices
}

func (c *Explorer) second(event vugu.DOMEvent) {
	if image, err := strconv.Atoi(event.PropString("target", "value")); err == nil {
		c.Page.Explorer.MixWith(image)
	}
}

func (c *Explorer) thumbnailVersion() string { return fmt.Sprint(c.Page.Map.ThumbnailVersion) }

func (c *Explorer) originalVersion() string {
	return fmt.Sprint(c.Page.Explorer.Image, c.Page.Dataset.Name, crc32.ChecksumIEEE(c.Page.Explorer.Original))
}

func (c *Explorer) original() func(*theme) []byte {
	return func(*theme) []byte { return rgba(c.Page.Explorer.Original) }
}

func (c *Explorer) thumbnail() func(*theme) []byte {
	return func(*theme) []byte { return rgba(c.Page.Map.Thumbnail) }
}

// own reports whether the code started from the user's own picture.
func (c *Explorer) own() bool { return c.Page.Explorer.Image < 0 && c.Page.Explorer.Own != nil }

func (c *Explorer) class() string {
	if c.own() {
		return "your picture"
	}
	if name := c.Page.Dataset.Class(c.Page.Explorer.Image); name != "" {
		return name
	}
	return none
}

func (c *Explorer) originalLabel() string {
	if c.own() {
		return "Your picture"
	}
	return "The picture whose code you see, " + article(c.class())
}

func (c *Explorer) state() string {
	e := c.Page.Explorer
	switch {
	case !c.ready():
		return "waiting for the model"
	case e.Free != "":
		return "not in use: a " + e.Free + " code is of no picture"
	case e.Second >= 0 && e.Mix > 0:
		return fmt.Sprintf("picture %d, mixed with %.0f %% of another", e.Image, 100*e.Mix)
	case c.own() && c.patches():
		return "code of its strongest patch"
	case c.own() && e.Unusual != nil:
		return fmt.Sprintf("%.4f above its entropy, more than %.0f %% of the validation pictures", e.Unusual.Excess, 100*e.Unusual.Share)
	case c.own():
		return "comparing it with the validation pictures"
	case e.Changed():
		return fmt.Sprintf("picture %d, code changed", e.Image)
	}
	return fmt.Sprintf("picture %d, code as encoded", e.Image)
}

func (c *Explorer) quality() string {
	e := c.Page.Explorer
	switch {
	case e.Free != "":
		return "from a " + e.Free + " code"
	case e.Decoded == nil || e.Original == nil:
		return ""
	case c.Page.Settings.Whiten:
		return "one patch, on middle grey"
	case c.patches():
		return "one patch"
	}
	return "PSNR " + decibels(psnr(e.Original, e.Decoded))
}

func (c *Explorer) hasBuilt() bool { return len(c.Page.Explorer.Built.Counts) > 1 }

// builtText says how the reconstruction is built up, of whole pictures or of patches.
func (c *Explorer) builtText() string {
	if !c.hasBuilt() {
		return ""
	}
	none, each := "the decoder's biases", ""
	if c.patches() {
		each = " in each patch"
	}
	if c.Page.Settings.Whiten {
		none = "the patches' means"
	}
	counts := c.Page.Explorer.Built.Counts
	return fmt.Sprintf("from no unit, which leaves %s, to all %d that are active%s, those that contribute most first; below, what each step adds, on grey", none, counts[len(counts)-1], each)
}

// built returns the i-th reconstruction, [3072]; nil if there is none.
func (c *Explorer) built(i int) []byte {
	b := c.Page.Explorer.Built
	if i < 0 || i >= len(b.Counts) {
		return nil
	}
	size := len(b.Pixels) / len(b.Counts)
	return b.Pixels[i*size:][:size]
}

func (c *Explorer) builtVersion(i int) string {
	return fmt.Sprint(c.Page.Explorer.BuiltVersion, " ", i)
}

func (c *Explorer) builtPixels(i int) func(*theme) []byte {
	return func(*theme) []byte { return rgba(c.built(i)) }
}

// addedPixels returns what the i-th reconstruction adds to the one before, on middle grey.
func (c *Explorer) addedPixels(i int) func(*theme) []byte {
	return func(*theme) []byte {
		before, now := c.built(i-1), c.built(i)
		if before == nil || now == nil { // it may have fewer steps by now
			return nil
		}
		change := make([]byte, len(now))
		for j, value := range now {
			change[j] = byte(min(max(128+int(value)-int(before[j]), 0), 255))
		}
		return rgba(change)
	}
}

func (c *Explorer) builtCount(i int) string { return count(c.Page.Explorer.Built.Counts[i]) }

func (c *Explorer) builtError(i int) string {
	return decibels(psnr(c.Page.Explorer.BuiltOf, c.built(i)))
}

func (c *Explorer) builtLabel(i int) string {
	return "From " + plural(c.Page.Explorer.Built.Counts[i], "unit")
}

// added names the units that the i-th reconstruction adds.
func (c *Explorer) added(i int) string {
	b := c.Page.Explorer.Built
	switch {
	case i == 0:
		return ""
	case b.Counts[i] == b.Counts[i-1]+1 && b.Counts[i] <= len(b.Units):
		return fmt.Sprintf("+ unit %d", b.Units[b.Counts[i]-1])
	}
	return "+ " + plural(b.Counts[i]-b.Counts[i-1], "unit")
}

func (c *Explorer) mapText() string {
	if c.Page.Map.Points == nil {
		return "codes on their first two principal components"
	}
	return plural(c.Page.Dataset.Validation, "code") + "; click one to open it"
}

func (c *Explorer) mapAction() string {
	if c.Page.Map.Points == nil {
		return "Draw the map"
	}
	return "Redraw the map"
}

func (c *Explorer) mapVersion() string {
	return fmt.Sprint(c.Page.Map.Version, " ", c.Page.Explorer.Image)
}

func (c *Explorer) codes(theme chart.Theme) json.RawMessage {
	return chart.Map(theme, c.Page.Map.Points, c.Page.Dataset.Labels, c.Page.Dataset.Classes, c.Page.Explorer.Image)
}

func (c *Explorer) hovered() string { return c.Page.Dataset.Class(c.Page.Map.Hovered) }

// tint gives the legend's dot the colour of a class.
func (c *Explorer) tint(dot js.Value, class int) {
	setVariable(dot, "--class", fmt.Sprintf("var(--class-%d)", class%classColors))
}

// shape is the mark of a class, beside its colour: the classes of the map have marks as these.
func (c *Explorer) shape(class int) int { return chart.Symbol(class, classColors) }

// classColors is the number of classes with different colours.
const classColors = 10
