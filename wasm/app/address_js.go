package app

import (
	"strings"
	"syscall/js"

	"sae/wasm/browser"
)

// showAddress writes the settings and the view into the address bar, so that a reload or a
// bookmark opens the same. The Back button leads to the view before.
func (a *app) showAddress() {
	if a.page.Embed != nil {
		return // its address belongs to its host
	}
	query, place := a.page.Link.Query(false), a.page.Place()
	if query == a.query && place == a.place || fragment() != a.fragment { // another place is asked for: followAddress is about to hear of it
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
	browser.Try(func() { // browsers refuse frequent changes; the next one shows this one too
		js.Global().Get("history").Call(change, nil, "", address)
	})
	a.fragment = fragment()
}

// fragment returns what the address bar has after the #.
func fragment() string {
	return strings.TrimPrefix(js.Global().Get("location").Get("hash").String(), "#")
}

// followAddress opens the view or panel in the address, now and when it changes.
func (a *app) followAddress() {
	follow := func() {
		a.fragment = fragment()
		a.page.Goto(a.fragment)
		a.place = a.page.Place()
	}
	follow()
	on(js.Global(), "hashchange", func(js.Value) { a.do(follow) })
}
