package app

import (
	"syscall/js"
	"time"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/domrender"

	"sae/wasm/browser"
	"sae/web/ui"
)

// part is a part of the page with its renderer.
type part struct {
	ui.Part

	known    js.Value // the part's value of vugu's global variable, vuguState
	renderer *domrender.JSRenderer
	build    *vugu.BuildEnv

	shown   bool
	digest  uint64 // of the last render
	touched bool   // whether an event has happened since: the DOM may differ from the render
}

// open creates the parts.
func (a *app) open() {
	document := js.Global().Get("document")
	if demo := element("demo"); demo.Truthy() { // in a frame, a poster has been in its place
		element("app").Call("replaceChildren", document.Call("importNode", demo.Get("content"), true))
	}
	for _, p := range a.root.Parts() {
		there := element(p.ID).Get("childElementCount").Int() > 0 // from the start
		a.parts = append(a.parts, &part{Part: p, shown: there})
	}
}

// respond makes the page respond to the user, after the first render.
func (a *app) respond() {
	element("main").Set("inert", false)
	if boot := element("boot"); boot.Truthy() {
		boot.Call("remove") // it would say why the program did not start
	}
}

// mount creates the renderer of a part, the first time that it is shown.
func (a *app) mount(p *part) {
	p.known = js.Global().Get("Object").New()
	p.activate()
	renderer, err := domrender.New("#" + p.ID)
	if err != nil {
		panic(err)
	}
	build, err := vugu.NewBuildEnv(renderer.EventEnv())
	if err != nil {
		panic(err)
	}
	p.renderer, p.build = renderer, build
	a.deliverLater(p)
}

// activate makes vugu work on the part.
func (p *part) activate() { js.Global().Set("vuguState", p.known) }

// render renders the visible parts that have changed, each in a task of its own, so that the
// browser can respond to the user in between. A part is built and rendered in one task;
// otherwise the render would overwrite what was typed in between. render returns the time
// that it took, without other tasks.
func (a *app) render(loop *browser.EventLoop) (took time.Duration) {
	for _, p := range a.parts {
		if !p.Shown(a.page) {
			a.leave(p)
			continue
		}
		start := time.Now()
		if p.renderer == nil {
			a.mount(p)
		}
		a.lock.Lock()
		results := p.build.RunBuild(p.Root)
		a.lock.Unlock()
		digest := ui.Digest(results)
		if p.shown && !p.touched && digest == p.digest {
			took += time.Since(start)
			continue
		}
		came := !p.shown
		p.shown, p.touched, p.digest = true, false, digest
		a.root.Begin(p.ID)
		p.activate()
		if err := p.renderer.Render(results); err != nil {
			panic(err)
		}
		if !a.hears { // now that the first part, the bar, does
			a.hears = true
			a.hear()
		}
		if came && p.Open != nil {
			if title := element(p.ID).Call("querySelector", "h2"); title.Truthy() {
				title.Call("focus")
			}
		}
		took += time.Since(start)
		loop.Turn()
	}
	return took
}

// leave removes a part that is no longer shown. The focus returns to the control that opened
// it.
func (a *app) leave(p *part) {
	if !p.shown {
		return
	}
	p.shown = false
	a.root.Leave(p.ID)
	place := element(p.ID)
	focused := place.Call("contains", js.Global().Get("document").Get("activeElement")).Bool()
	place.Set("hidden", true)
	place.Call("replaceChildren")
	if focused {
		if opener := js.Global().Get("document").Call("querySelector", `[aria-controls="`+p.ID+`"]`); opener.Truthy() {
			opener.Call("focus")
		}
	}
}

// deliverLater queues vugu's events like all other jobs from JavaScript: see enter. Events of
// removed elements, which only Chromium sends, are dropped.
func (a *app) deliverLater(p *part) {
	handle := p.known.Get("eventHandlerFunc")
	p.known.Set("eventHandlerFunc", js.FuncOf(func(_ js.Value, args []js.Value) any {
		target := p.known.Get("activeEvent").Get("currentTarget")
		details := args[0].Call("slice") // the next event overwrites them
		a.enter(func() {
			a.lock.Lock()
			defer a.renderNow()
			defer a.lock.Unlock()
			env := p.renderer.EventEnv() // a render of the part locks it
			env.Lock()
			env.UnlockOnly()
			if target.Get("isConnected").Bool() {
				p.touched = true
				handle.Invoke(details)
				a.prepare()
			}
		})
		return nil
	}))
}
