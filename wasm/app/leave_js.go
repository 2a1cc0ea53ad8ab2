package app

import (
	"syscall/js"
	"time"

	"sae/wasm/browser"
	"sae/wasm/protocol"
	"sae/web/state"
)

// timeToSave is how long the page stays open on leaving, so that the worker can save the
// run. Chromium allows half a second.
const timeToSave = 400 * time.Millisecond

// prepare tells boot.js what to do if the program ends: what to tell the user, and what to
// leave to the next visit.
func (a *app) prepare() {
	left, says := a.page.Saves.IfItEnds()
	if left+says != a.prepared {
		a.prepared = left + says
		js.Global().Set("saeIfItEnds", map[string]any{"left": left, "says": says})
	}
}

// takeSlot returns a new slot for this page's saves. The page holds the slot's lock while
// it is open, if the browser has locks.
func takeSlot() string {
	slot := state.NewKey()
	locks, err := browser.Get(js.Global(), "navigator", "locks")
	if err != nil || !locks.Truthy() {
		return slot
	}
	go func() {
		browser.Await(locks.Call("request", protocol.LockName(slot), js.FuncOf(func(js.Value, []js.Value) any {
			return browser.Promise(func(func(any, error)) {}) // never settled
		})))
	}()
	return slot
}

// saveOnLeave saves the run when the tab is hidden or the page is left.
func (a *app) saveOnLeave() {
	document, window := js.Global().Get("document"), js.Global()
	on(document, "visibilitychange", func(js.Value) {
		if document.Get("hidden").Bool() {
			a.page.Saves.SaveNow()
		}
	})
	on(window, "pagehide", func(js.Value) {
		if !a.page.Saves.SaveNow() {
			return
		}
		// The worker ends with the page. Sleeping would end the event, so the page waits
		// in a busy loop.
		for start := time.Now(); time.Since(start) < timeToSave; {
		}
	})
}
