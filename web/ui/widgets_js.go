package ui

import (
	"slices"
	"strconv"
	sjs "syscall/js"

	"github.com/vugu/vugu/js"

	"sae/wasm/browser"
)

// Widgets are lists that are drawn without vugu, which sets every attribute of every
// element on each render. That takes too long for hundreds of elements. Widgets
// fill an element without vugu children and update only what has changed.

// element returns a new element with a class.
func element(tag, class string) sjs.Value {
	e := document.Call("createElement", tag)
	e.Set("className", class)
	return e
}

// setText sets an element's text if it differs.
func setText(e sjs.Value, shown *string, text string) {
	if *shown != text {
		e.Set("textContent", text)
		*shown = text
	}
}

// listener calls one handler with the index of the item in which an event happens, and with
// the event's target. Hosts come and go, but Go keeps each function that it makes.
type listener struct{ call sjs.Func }

func (l *listener) listen(host sjs.Value, event string, handle func(item int, target sjs.Value)) {
	if !l.call.Truthy() {
		l.call = browser.Listener(func(event sjs.Value) {
			target := event.Get("target")
			if item := target.Call("closest", "[data-item]"); item.Truthy() {
				handle(sjs.Global().Call("Number", item.Get("dataset").Get("item")).Int(), target)
			}
		})
	}
	host.Call("addEventListener", event, l.call)
}

// tiles is a list of buttons with a picture.
type tiles struct {
	surface
	items  []tileElements
	clicks listener
}

type tileElements struct {
	item, button, number, share, hint sjs.Value
	canvas                            canvas
	note                              sjs.Value
	numberText, shareText, hintText   string
	noteText                          string
	version, pressed                  string
}

// place puts the tiles into an element of vugu. click is called with the index of
// the clicked tile.
func (t *tiles) place(host js.Value, click func(position int)) {
	if !t.enter(host) {
		return
	}
	t.host.Call("replaceChildren")
	t.items = nil
	t.clicks.listen(t.host, "click", func(item int, _ sjs.Value) { click(item) })
}

// update shows the given tiles.
func (t *tiles) update(all []tile) {
	for len(t.items) > len(all) {
		last := len(t.items) - 1
		t.items[last].item.Call("remove")
		t.items = slices.Delete(t.items, last, last+1) // forgets the elements
	}
	for len(t.items) < len(all) {
		e := tileElements{item: element("li", ""), button: element("button", "tile"), number: element("b", ""), share: element("span", ""), hint: element("span", "sr"), note: element("span", "note")}
		e.button.Set("type", "button")
		e.button.Get("dataset").Set("item", len(t.items))
		picture, line, before := element("span", "pic"), element("span", ""), element("span", "sr")
		before.Set("textContent", "Unit ")
		line.Call("append", e.number, " ", e.share)
		e.button.Call("append", picture, before, line, e.hint, e.note)
		e.item.Call("append", e.button)
		e.canvas.place(js.Value(picture))
		t.host.Call("append", e.item)
		t.items = append(t.items, e)
	}
	for i, tile := range all {
		e := &t.items[i]
		setText(e.number, &e.numberText, tile.number)
		if e.shareText != tile.share {
			class := "aside"
			if tile.dead {
				class = "dead"
			}
			e.share.Set("className", class)
		}
		setText(e.share, &e.shareText, tile.share)
		setText(e.hint, &e.hintText, tile.hint)
		if e.noteText != tile.note {
			e.button.Set("title", tile.note)
		}
		setText(e.note, &e.noteText, tile.note)
		if pressed := strconv.FormatBool(tile.pressed); e.pressed != pressed {
			e.button.Call("setAttribute", "aria-pressed", pressed)
			e.pressed = pressed
		}
	}
}

// paint paints the pictures of the tiles from first up to last.
func (t *tiles) paint(first, last int, all []tile) {
	for i := first; i < min(last, len(t.items)); i++ {
		if e := &t.items[i]; e.version != all[i].version {
			e.canvas.paint(all[i].pixels(), pictureSize)
			e.version = all[i].version
		}
	}
}

// sliders is a list of sliders with a button that sets each to zero.
type sliders struct {
	surface
	items          []sliderElements
	inputs, clicks listener
}

type sliderElements struct {
	item, label, input, output, button sjs.Value
	name, text                         string
	now                                sliderState
	held                               bool
}

type sliderState struct {
	low, high, value float64
	disabled         bool
}

// place puts the sliders into an element of vugu. slide is called with the index of
// the moved slider and its value.
func (l *sliders) place(host js.Value, slide func(position int, value float64)) {
	if !l.enter(host) {
		return
	}
	l.host.Call("replaceChildren")
	l.items = nil
	l.inputs.listen(l.host, "input", func(item int, target sjs.Value) { slide(item, target.Get("valueAsNumber").Float()) })
	l.clicks.listen(l.host, "click", func(item int, target sjs.Value) {
		if target.Call("closest", "button").Truthy() {
			slide(item, 0)
		}
	})
}

// focus gives the focus to a slider.
func (l *sliders) focus(position int) {
	if position < len(l.items) {
		l.items[position].input.Call("focus")
	}
}

// update shows the given sliders.
func (l *sliders) update(all []unitSlider, low, high float64, disabled bool) {
	for len(l.items) > len(all) {
		last := len(l.items) - 1
		l.items[last].item.Call("remove")
		l.items = slices.Delete(l.items, last, last+1)
	}
	for len(l.items) < len(all) {
		e := sliderElements{
			item: element("div", "unit-slider"), label: element("label", ""), input: element("input", ""),
			output: element("output", ""), button: element("button", "button bare icon"),
		}
		e.item.Get("dataset").Set("item", len(l.items))
		e.input.Set("type", "range")
		e.input.Set("step", "any")
		e.button.Set("type", "button")
		e.button.Set("title", "Set to zero")
		e.button.Set("textContent", "×")
		e.item.Call("append", e.label, e.input, e.output, e.button)
		l.host.Call("append", e.item)
		l.items = append(l.items, e)
	}
	for i, slider := range all {
		e := &l.items[i]
		if e.name != slider.name {
			id := "unit-" + slider.name
			e.input.Set("id", id)
			e.label.Set("htmlFor", id)
			e.button.Call("setAttribute", "aria-label", "Set unit "+slider.name+" to zero")
		}
		setText(e.label, &e.name, slider.name)
		if e.text != slider.text {
			e.input.Call("setAttribute", "aria-valuetext", slider.text)
		}
		setText(e.output, &e.text, slider.text)
		if e.held != slider.held {
			e.item.Call("toggleAttribute", "data-held", slider.held)
			e.held = slider.held
		}
		if now := (sliderState{low, high, slider.value, disabled}); e.now != now {
			e.now = now
			e.input.Set("min", low)
			e.input.Set("max", high)
			e.input.Set("value", slider.value)
			e.input.Set("disabled", disabled)
			e.button.Set("disabled", disabled)
		}
	}
}
