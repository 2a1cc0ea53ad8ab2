package app

import (
	"syscall/js"

	"sae/wasm/browser"
)

// showAddress keeps the address bar at what is set and what is shown, so that reloading
// the page and its bookmark give the same. Going back leads to the place before.
func (a *app) showAddress() {
	if a.page.Embed != nil {
		return // its address belongs to its host
	}
	query, place := a.page.Link.Query(false), a.page.Place()
	if query == a.query && place == a.place {
		return
	}
	change := "replaceState"
	if place != a.place {
		change = "pushState"
	}
	a.query, a.place = query, place
	address := js.Global().Get("location").Get("pathname").String() + query
	if place != "" {
		address += "#" + place
	}
	browser.Try(func() { // browsers refuse when it comes too often; the next change shows this one too
		js.Global().Get("history").Call(change, nil, "", address)
	})
}

// followAddress shows the place that the address names, now and whenever it changes.
func (a *app) followAddress(on func(target js.Value, event string, handle func(event js.Value))) {
	follow := func() {
		fragment := js.Global().Get("location").Get("hash").String()
		if len(fragment) > 0 {
			fragment = fragment[1:]
		}
		a.page.Goto(fragment)
		a.place = a.page.Place()
	}
	follow()
	on(js.Global(), "hashchange", func(js.Value) { a.do(follow) })
}
