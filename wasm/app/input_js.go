package app

import (
	"strings"
	"syscall/js"

	"sae/wasm/browser"
)

// on calls handle for each event of a target.
func on(target js.Value, event string, handle func(event js.Value)) {
	target.Call("addEventListener", event, browser.Listener(handle))
}

// listen handles the events of the whole page.
func (a *app) listen() {
	a.listenForFiles()
	if a.page.Embed == nil {
		a.followAddress()
	}
	if window := js.Global(); !window.Get("parent").Equal(window) {
		a.watchVisibility()
	}
	a.saveOnLeave()
	a.watchTheme()
	a.watchPrint()
}

// key handles the page's shortcuts. Fields and buttons keep the keys that they use
// themselves.
func (a *app) key(event js.Value) {
	target, key := event.Get("target"), event.Get("key").String()
	for _, modifier := range []string{"ctrlKey", "metaKey", "altKey", "defaultPrevented", "isComposing"} {
		if event.Get(modifier).Truthy() {
			return
		}
	}
	if js.Global().Get("document").Call("querySelector", "dialog[open]").Truthy() {
		return
	}
	if key != "Escape" && target.Get("closest").Truthy() {
		own := "input:not([type=radio], [type=checkbox], [type=range]), select, textarea"
		if key == " " || strings.HasPrefix(key, "Arrow") {
			own = `input, select, textarea, [tabindex="0"]`
		}
		if key == " " {
			own += ", button, a"
		}
		if target.Call("closest", own).Truthy() {
			return
		}
	}
	a.do(func() {
		if a.page.Press(key) {
			event.Call("preventDefault")
		}
	})
}

// followAsked does what the reader has asked for where the program did not hear it: press.js
// remembers the keys.
func (a *app) followAsked() {
	asked := js.Global().Get("saeAsked")
	if !asked.Truthy() {
		return // in a frame
	}
	keys := asked.Call("take")
	for i := range keys.Length() {
		a.page.Press(keys.Index(i).String())
	}
}

// hear makes the program hear Train and keys, in place of press.js.
func (a *app) hear() {
	on(js.Global().Get("document"), "keydown", a.key)
	if asked := js.Global().Get("saeAsked"); asked.Truthy() {
		asked.Call("stop")
		a.do(a.followAsked)
	}
}

// watchVisibility tells a page in a frame whether the reader can see it: the tab is shown,
// and the frame is scrolled into view.
func (a *app) watchVisibility() {
	document := js.Global().Get("document")
	inView := true
	see := func() {
		a.do(func() { a.page.See(inView && !document.Get("hidden").Bool()) })
	}
	on(document, "visibilitychange", func(js.Value) { see() })
	observer := js.Global().Get("IntersectionObserver").New(js.FuncOf(func(_ js.Value, args []js.Value) any {
		entries := args[0]
		inView = entries.Index(entries.Length() - 1).Get("isIntersecting").Bool()
		see()
		return nil
	}))
	observer.Call("observe", document.Get("documentElement"))
}

// watchTheme draws charts and canvases again when the theme changes.
func (a *app) watchTheme() {
	redraw := js.FuncOf(func(js.Value, []js.Value) any {
		a.do(a.root.Redraw)
		return nil
	})
	js.Global().Call("matchMedia", "(prefers-color-scheme: dark)").Call("addEventListener", "change", redraw)
	root := js.Global().Get("document").Get("documentElement")
	js.Global().Get("MutationObserver").New(redraw).Call("observe", root, map[string]any{"attributeFilter": []any{"data-theme"}})
}

// watchPrint draws charts and canvases for paper before the page is printed: in light
// colours, also those that are not in view. The browser prints as soon as the handler
// returns, so they are drawn within it.
func (a *app) watchPrint() {
	root := js.Global().Get("document").Get("documentElement")
	on(js.Global(), "beforeprint", func(js.Value) {
		root.Call("toggleAttribute", "data-printing", true)
		a.root.Print()
	})
	on(js.Global(), "afterprint", func(js.Value) {
		root.Call("toggleAttribute", "data-printing", false)
		a.do(a.root.Redraw)
	})
}

// toggleTheme switches between light and dark and remembers the choice.
func (a *app) toggleTheme() {
	root := js.Global().Get("document").Get("documentElement")
	theme := root.Get("dataset").Get("theme")
	dark := js.Global().Call("matchMedia", "(prefers-color-scheme: dark)").Get("matches").Bool()
	if theme.Truthy() {
		dark = theme.String() == "dark"
	}
	chosen := "dark"
	if dark {
		chosen = "light"
	}
	root.Get("dataset").Set("theme", chosen)
	js.Global().Call("saeRememberTheme", chosen)
}
