package app

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall/js"
	"time"

	"sae/wasm/browser"
	"sae/wasm/pictures"
	"sae/web/state"
)

const (
	burstInterval = 100 * time.Millisecond // between pictures
	maxBurst      = 2000                   // pictures, which are in the browser's memory until they are used
)

// takeBurst adds a picture to a class every burstInterval while the user holds a button, and
// then the pictures to the data set. The dialog stays open until they are used, or the user
// has cancelled twice.
func (a *app) takeBurst(video js.Value, closed <-chan struct{}) {
	dataset := &a.page.Dataset
	var classes []string // of the data set
	title, base, missing := "Camera pictures", any(js.Null()), pictures.MinPictures
	a.ask(func() bool {
		if dataset.Own() {
			classes, title, base, missing = dataset.Classes, dataset.Name, dataset.File, 0
		}
		return true
	})
	name, hold, take, list := element("burst-class"), element("burst-hold"), element("camera-take"), element("burst-classes")
	name.Set("value", append(slices.Clone(classes), "Class 1")[0])
	list.Call("replaceChildren")
	for _, class := range classes {
		option := js.Global().Get("document").Call("createElement", "option")
		option.Set("value", class)
		list.Call("append", option)
	}
	var paths, order []string
	array, counts := js.Global().Get("Array").New(), map[string]int{}
	say := func(text string) { element("burst-count").Set("textContent", text) }
	tell := func() {
		var text []string
		for _, class := range order {
			text = append(text, fmt.Sprintf("%s: %d", class, counts[class]))
		}
		if len(paths) < missing {
			text = append(text, fmt.Sprintf("at least %d more", missing-len(paths)))
		} else if len(paths) == maxBurst {
			text = append(text, "no more fit at a time")
		}
		say(strings.Join(text, ", "))
		take.Set("disabled", len(paths) == 0 || len(paths) < missing)
	}
	take.Set("textContent", "Use these pictures")
	tell()
	element("burst").Set("hidden", false)

	holding, running, warned := false, false, false
	burst := func() {
		defer func() { running = false }()
		for holding && len(paths) < maxBurst {
			class := cmp.Or(strings.TrimSpace(strings.ReplaceAll(name.Get("value").String(), "/", " ")), "Class 1")
			file, err := square(video)
			if err != nil {
				say(err.Error())
				return
			}
			if counts[class]++; counts[class] == 1 {
				order = append(order, class)
			}
			paths = append(paths, fmt.Sprintf("%s/%d.jpg", class, counts[class]))
			array.Call("push", file)
			warned = false
			tell()
			time.Sleep(burstInterval)
		}
	}
	listen := func(target js.Value, event string, handle func(event js.Value)) (end func()) {
		handler := js.FuncOf(func(_ js.Value, args []js.Value) any {
			handle(args[0])
			return nil
		})
		target.Call("addEventListener", event, handler)
		return func() {
			target.Call("removeEventListener", event, handler)
			handler.Release()
		}
	}
	start := func(js.Value) {
		if holding = true; !running {
			running = true
			go burst()
		}
	}
	stop := func(js.Value) { holding = false }
	withKey := func(handle func(js.Value)) func(js.Value) {
		return func(event js.Value) {
			if key := event.Get("key").String(); key == " " || key == "Enter" {
				event.Call("preventDefault")
				handle(event)
			}
		}
	}
	defer listen(hold, "pointerdown", start)()
	defer listen(hold, "keydown", withKey(start))()
	defer listen(hold, "keyup", withKey(stop))()
	for _, event := range []string{"pointerup", "pointerleave", "pointercancel", "contextmenu", "blur"} {
		defer listen(hold, event, stop)()
	}

	dialog := element("camera")
	cancel := func(event js.Value) {
		if len(paths) > 0 && !warned {
			event.Call("preventDefault")
			warned = true
			say("Cancel again to lose the pictures that you took.")
		}
	}
	defer listen(dialog, "cancel", cancel)() // the key Escape
	defer listen(js.Global(), "beforeunload", func(event js.Value) {
		if len(paths) > 0 {
			event.Call("preventDefault") // the browser asks the user
		}
	})()
	defer listen(dialog, "submit", func(event js.Value) {
		if event.Get("submitter").Get("value").String() != "take" {
			cancel(event)
			return
		}
		event.Call("preventDefault")
		go func() {
			if a.ask(func() bool {
				if dataset.Loading != nil {
					return false
				}
				dataset.AddPictures(title, paths, array.Call("concat", base), state.Ignore)
				return true
			}) {
				dialog.Call("close")
			} else {
				say("Another data set is still being read. Wait a little, then use these pictures.")
			}
		}()
	})()
	<-closed
	holding = false
}

// square returns the square in the middle of a video's frame of now, as a JPEG file.
func square(video js.Value) (_ js.Value, err error) {
	defer browser.Catch(&err)
	width, height := video.Get("videoWidth").Int(), video.Get("videoHeight").Int()
	side := min(width, height)
	if side == 0 {
		return js.Value{}, errors.New("the camera shows nothing yet")
	}
	canvas := js.Global().Get("OffscreenCanvas").New(side, side)
	canvas.Call("getContext", "2d").Call("drawImage", video, (width-side)/2, (height-side)/2, side, side, 0, 0, side, side)
	return browser.Await(canvas.Call("convertToBlob", map[string]any{"type": "image/jpeg", "quality": 0.95}))
}
