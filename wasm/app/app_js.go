// Package app is the page's role of the program: it joins the state machine
// to the worker, to vugu and to window.sae.
package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall/js"
	"time"

	"sae/data"
	"sae/nn/exchange"
	"sae/wasm/browser"
	"sae/wasm/protocol"
	"sae/web/state"
	"sae/web/ui"
)

// app is the running page.
type app struct {
	lock   sync.Mutex    // of the page's state
	wake   chan struct{} // asks for a pass over the page
	parts  []*part
	page   *state.Page
	root   *ui.Root
	api    *api
	worker js.Value
	heard  bool // whether the worker said anything since the last watch tick
	spoke  bool // whether the worker has said anything
	gone   bool // whether there is no worker any more
	frame  bool // whether a frame has come that is yet to be shown
	soon   *time.Timer
	query  string // of the settings in the address bar
	place  string // that it names
	later  bool   // whether a render is due because of what the worker said
	paints bool   // whether a frame is being painted
	onData js.Func
	onFail js.Func
	queue  []func() // what JavaScript asked for and is yet to be done

	prepared string // for the end of the program
}

// timeToSave is for how long a page that is left waits for its run to be saved: most
// of the half second that Chromium gives it.
const timeToSave = 400 * time.Millisecond

// Run shows the page and never returns.
func Run() {
	a := &app{wake: make(chan struct{}, 1)}
	a.page = state.New(func(m protocol.Message) { m.Post(a.worker) }, siteDatasets())
	a.page.Lesson.Speak(js.Global().Get("navigator").Get("language").String())
	location := js.Global().Get("location")
	if parameters := js.Global().Get("saeEmbedded"); parameters.Type() == js.TypeString {
		a.page.FollowEmbed(parameters.String())
	} else {
		a.page.Follow(location.Get("search").String())
	}
	a.query = a.page.Link.Query(false)
	if a.page.Embed == nil { // a frame keeps no runs
		a.page.Runs.KeepWith(a.keeper())
		a.page.SaveRuns(takeSlot())
		a.page.ComeBack(js.Global().Call("saeTakeLeft").String())
	}
	a.api = newAPI(a)
	a.page.Changed = a.api.emit
	a.root = &ui.Root{
		Page:        a.page,
		Address:     location.Get("origin").String() + location.Get("pathname").String(),
		PickFile:    func() { element("file").Call("click") },
		PickPicture: func() { element("picture-file").Call("click") },
		PickModel:   func() { element("model-file").Call("click") },
		OpenCamera:  a.openCamera,
		ToggleTheme: a.toggleTheme,
		Do:          a.do,
		Quietly:     a.quietly,
		Save:        a.save,
		SaveText: func(text, name string) {
			a.save(js.Global().Get("Blob").New([]any{text}, map[string]any{"type": "text/csv"}), name)
		},
		Copy: a.copy,
	}
	a.listen()
	a.startWorker()
	go a.watchWorker()
	a.open()
	loop := browser.NewEventLoop()
	for first := true; ; first = false {
		loop.Turn()
		frame := a.frame
		a.frame = false
		a.lock.Lock()
		a.page.Lesson.Observe()
		a.showAddress()
		a.prepare()
		a.lock.Unlock()
		took := a.render(loop)
		start := time.Now()
		a.root.Draw()
		if first {
			a.ready()
		}
		if frame {
			a.measureDisplay(took + time.Since(start))
		}
		<-a.wake
	}
}

// measureDisplay adds the browser's layout and painting to the time that it
// took to render a frame, and tells the page. In a hidden tab, that waits until
// it is shown.
func (a *app) measureDisplay(rendering time.Duration) {
	if a.paints {
		return
	}
	a.paints = true
	var before, after js.Func
	before = js.FuncOf(func(js.Value, []js.Value) any {
		start := time.Now()
		after = js.FuncOf(func(js.Value, []js.Value) any {
			a.page.Displayed(rendering + time.Since(start))
			a.paints = false
			before.Release()
			after.Release()
			return nil
		})
		js.Global().Call("setTimeout", after) // the first task after the painting
		return nil
	})
	js.Global().Call("requestAnimationFrame", before)
}

// prepare tells boot.js what to say, and to leave, in case that the program ends.
func (a *app) prepare() {
	left, says := a.page.IfItEnds()
	if left+says != a.prepared {
		a.prepared = left + says
		js.Global().Set("saeIfItEnds", map[string]any{"left": left, "says": says})
	}
}

// enter runs what JavaScript asks for, one after the other. What JavaScript calls must
// not wait for the lock of the state: it may have been called, by an event or a script's
// getter, from within what holds the lock, which goes on only once it returns. A render
// that takes the focused field away makes Chromium tell at once that the field changed.
// So a goroutine waits: as a rule it is done before JavaScript goes on.
func (a *app) enter(job func()) {
	a.queue = append(a.queue, job)
	if len(a.queue) > 1 {
		return // there is a goroutine at it
	}
	go func() {
		for len(a.queue) > 0 {
			a.queue[0]()
			a.queue = a.queue[1:]
		}
	}()
}

// change has a change of the page's state enter, and calls render after it.
func (a *app) change(change, render func()) {
	a.enter(func() {
		a.lock.Lock()
		a.attempt(change)
		a.lock.Unlock()
		render()
	})
}

// do runs change, which changes the page's state, and renders the result. It may return
// before that: see enter.
func (a *app) do(change func()) { a.change(change, a.renderNow) }

// renderNow asks for a pass over the page.
func (a *app) renderNow() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// attempt runs change, and says what JavaScript throws in it.
func (a *app) attempt(change func()) {
	if err := browser.Try(change); err != nil {
		a.page.Notify("That did not work", err.Error()+".")
	}
}

// siteDatasets returns the names of the data sets beside the page, as the
// build listed them.
func siteDatasets() []string {
	body, _, err := browser.Body(js.Global().Get("saeDatasets"))
	if err != nil {
		return nil // a page without the list still has its embedded data set
	}
	defer body.Close()
	var index struct{ Datasets []string }
	if text, err := io.ReadAll(io.LimitReader(body, 1<<16)); err != nil || json.Unmarshal(text, &index) != nil {
		return nil
	}
	return index.Datasets
}

func element(id string) js.Value {
	return js.Global().Get("document").Call("getElementById", id)
}

// startWorker starts a worker, the first time the one that boot.js made, on the
// module that this page itself runs. The worker greets with protocol.TypeReady.
func (a *app) startWorker() {
	if !a.onData.Truthy() {
		a.onData = js.FuncOf(func(_ js.Value, args []js.Value) any {
			a.receive(args[0].Get("data"))
			return nil
		})
		a.onFail = js.FuncOf(func(_ js.Value, args []js.Value) any {
			event := args[0]
			event.Call("preventDefault")
			reason := "its script failed"
			if message := event.Get("message"); message.Type() == js.TypeString {
				reason = message.String()
			}
			if a.spoke {
				a.workerDied(reason)
				return nil
			}
			go func() { // the server may be why its script does not run
				if why, err := browser.Await(js.Global().Call("saeWhy")); err == nil && why.String() != "" {
					reason = why.String()
				}
				a.workerDied(reason)
			}()
			return nil
		})
	}
	a.spoke = false
	if a.worker = js.Global().Get("saeWorker"); a.worker.Truthy() {
		js.Global().Set("saeWorker", nil) // what takes its place is another
	} else {
		a.worker = js.Global().Call("saeStartWorker")
	}
	a.worker.Set("onmessage", a.onData)
	a.worker.Set("onerror", a.onFail)
	a.worker.Call("postMessage", js.Global().Get("saeModule"))
}

func (a *app) receive(data js.Value) {
	m, ok := protocol.FromJS(data)
	if !ok {
		return
	}
	a.heard, a.spoke = true, true
	if m.Type == protocol.TypeDied {
		died, _ := protocol.Decode[protocol.Died](m)
		a.workerDied(died.Reason)
		return
	}
	if m.Type == protocol.TypeFrame {
		a.frame = true
	}
	answered := false
	a.change(func() {
		if answered = a.page.Receive(m); answered {
			a.root.Answered()
		}
	}, func() {
		if answered {
			a.renderSoon()
		} else {
			a.renderLater()
		}
	})
}

// renderLater renders what the worker says together with what it says next: an
// answer is often one of several.
func (a *app) renderLater() {
	if a.later {
		return
	}
	a.later = true
	time.AfterFunc(40*time.Millisecond, func() {
		a.later = false
		a.do(func() {})
	})
}

// quietly runs change, which changes the page's state, and renders the result a
// little later.
func (a *app) quietly(change func()) { a.change(change, a.renderSoon) }

// renderSoon renders once nothing has happened quietly for a while.
func (a *app) renderSoon() {
	const while = 150 * time.Millisecond
	if a.soon == nil {
		a.soon = time.AfterFunc(while, func() { a.do(func() {}) })
		return
	}
	a.soon.Reset(while)
}

func (a *app) workerDied(reason string) {
	a.worker.Set("onmessage", js.Null())
	a.worker.Set("onerror", js.Null())
	a.worker.Call("terminate")
	a.do(func() {
		if a.gone = !a.page.WorkerDied(reason); !a.gone {
			a.startWorker()
		}
	})
}

// A worker that hangs is noticed by its silence: every watchInterval it is
// asked for a sign of life, and after watchTicks intervals without one it is
// replaced. Counting ticks rather than time spares a worker that slept
// because the machine or the tab did.
const (
	watchInterval = 5 * time.Second
	watchTicks    = 6
)

func (a *app) watchWorker() {
	silent := 0
	for !a.gone {
		time.Sleep(watchInterval)
		if a.heard {
			silent = 0
		} else if silent++; silent == watchTicks {
			silent = 0
			a.workerDied(fmt.Sprintf("it did not answer for %v", watchTicks*watchInterval))
		}
		a.heard = false
		a.do(a.page.Ping)
	}
}

// listen handles what happens on the document as a whole: files dropped or
// chosen, and a change of the system's theme.
func (a *app) listen() {
	document := js.Global().Get("document")
	root := document.Get("documentElement")
	on := func(target js.Value, event string, handle func(event js.Value)) {
		target.Call("addEventListener", event, browser.Listener(handle))
	}
	dragging := func(on bool) { root.Call("toggleAttribute", "data-dragging", on) }
	on(document, "dragover", func(event js.Value) {
		event.Call("preventDefault")
		dragging(true)
	})
	on(document, "dragleave", func(event js.Value) {
		if event.Get("relatedTarget").IsNull() { // left the window
			dragging(false)
		}
	})
	on(document, "drop", func(event js.Value) {
		event.Call("preventDefault")
		dragging(false)
		a.useFiles(event, a.page.UseFile, "dataTransfer", "files")
	})
	on(document, "keydown", a.key)
	on(document, "paste", func(event js.Value) {
		if a.useFiles(event, a.page.UseFile, "clipboardData", "files") {
			event.Call("preventDefault")
		}
	})
	for id, otherwise := range map[string]func(name string, file any, done func(error)){
		"file":         a.page.UseFile,
		"picture-file": a.page.UseFile,
		"model-file":   func(_ string, file any, done func(error)) { a.page.Import(file, done) },
	} {
		input := element(id)
		if !input.Truthy() {
			continue // not in a frame
		}
		on(input, "change", func(js.Value) {
			a.useFiles(input, otherwise, "files")
			input.Set("value", "") // so that the same file can be chosen again
		})
	}
	if a.page.Embed == nil {
		a.followAddress(on)
	}
	window := js.Global()
	if !window.Get("parent").Equal(window) {
		a.watchVisibility(on)
	}
	on(document, "visibilitychange", func(js.Value) {
		if document.Get("hidden").Bool() {
			a.page.SaveNow()
		}
	})
	on(window, "pagehide", func(js.Value) {
		if !a.page.SaveNow() {
			return
		}
		// The worker goes with the page, so the page stays for as long as saving takes,
		// and does not sleep: that would end the event.
		for start := time.Now(); time.Since(start) < timeToSave; {
		}
	})
	redraw := js.FuncOf(func(js.Value, []js.Value) any {
		a.do(a.root.Redraw)
		return nil
	})
	js.Global().Call("matchMedia", "(prefers-color-scheme: dark)").Call("addEventListener", "change", redraw)
	js.Global().Get("MutationObserver").New(redraw).Call("observe", root, map[string]any{"attributeFilter": []any{"data-theme"}})
}

// key handles the keys that mean something wherever the focus is. Fields and
// buttons keep theirs.
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

// takeSlot returns the name of a slot for this page's runs, and holds its lock, where
// there are locks, as long as the page is there.
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

// watchVisibility tells the page, which is in a frame, whether it can be seen:
// in a tab that is shown, and scrolled into view there.
func (a *app) watchVisibility(on func(target js.Value, event string, handle func(event js.Value))) {
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

// useFiles uses the file that the names lead to from a value, such as an event: as a model
// or a picture where it is one, or else by the function given. Its content tells a model,
// not its name, which browsers and systems change. It reports whether there is a file.
func (a *app) useFiles(from js.Value, otherwise func(name string, file any, done func(error)), names ...string) bool {
	files, err := browser.Get(from, names...)
	if err != nil || !browser.IsObject(files) || files.Length() == 0 {
		return false
	}
	if n := files.Length(); n > 1 {
		a.do(func() {
			a.page.Notify("One file at a time", fmt.Sprintf("%d files were dropped. Drop the whole archive, convert several .bin files with tools/convert first, or put a model.json and its weights into one zip archive.", n))
		})
		return true
	}
	file := files.Index(0)
	name := file.Get("name").String()
	go func() {
		start, err := browser.Start(file, exchange.StartSize)
		switch {
		case err == nil && exchange.IsModel(start):
			a.do(func() { a.page.Import(file, func(error) {}) })
		case strings.HasPrefix(file.Get("type").String(), "image/"):
			a.usePicture(name, file)
		default:
			a.do(func() { otherwise(name, file, func(error) {}) })
		}
	}()
	return true
}

// usePicture crops a picture of the user to a square in its middle, scales it to
// 32×32 pixels and explores it. It does not leave the browser.
func (a *app) usePicture(name string, file js.Value) {
	pixels, err := readPicture(file)
	a.do(func() {
		if errors.Is(err, browser.ErrHidden) {
			a.page.Notify("That picture could not be read", err.Error()+".")
			return
		}
		if err != nil {
			a.page.Notify("That picture could not be read", fmt.Sprintf("%s: %v. Want a picture that this browser can show, such as a JPEG or PNG.", name, err))
			return
		}
		if a.page.Embed != nil {
			a.page.Notify("Your own pictures need the full page", "Open the full page with the link below, and drop the picture there.")
			return
		}
		a.page.Visit(state.ViewExplore)
		a.page.Explorer.ShowPicture(pixels)
	})
}

// readPicture returns the square in the middle of a Blob with a picture, or of a video,
// as 32 rows of 32 pixels.
func readPicture(file js.Value) (pixels []byte, err error) {
	defer browser.Catch(&err)
	if err := browser.CanvasTells(); err != nil {
		return nil, err
	}
	bitmap, err := browser.Await(js.Global().Call("createImageBitmap", file))
	if err != nil {
		return nil, err
	}
	defer bitmap.Call("close")
	width, height := bitmap.Get("width").Int(), bitmap.Get("height").Int()
	side := min(width, height)
	canvas := js.Global().Get("OffscreenCanvas").New(data.Width, data.Height)
	context := canvas.Call("getContext", "2d")
	context.Set("imageSmoothingQuality", "high")
	context.Set("fillStyle", "white") // under what is transparent
	context.Call("fillRect", 0, 0, data.Width, data.Height)
	context.Call("drawImage", bitmap, (width-side)/2, (height-side)/2, side, side, 0, 0, data.Width, data.Height)
	rgba := make([]byte, 4*data.Width*data.Height)
	js.CopyBytesToGo(rgba, context.Call("getImageData", 0, 0, data.Width, data.Height).Get("data"))
	for i := 0; i < len(rgba); i += 4 {
		pixels = append(pixels, rgba[i:i+3]...)
	}
	return pixels, nil
}

// save has the browser store a Blob under a name.
func (a *app) save(file any, name string) {
	err := browser.Try(func() {
		url := js.Global().Get("URL")
		address := url.Call("createObjectURL", file)
		link := js.Global().Get("document").Call("createElement", "a")
		link.Set("href", address)
		link.Set("download", name)
		link.Call("click")
		var revoke js.Func
		revoke = js.FuncOf(func(js.Value, []js.Value) any {
			url.Call("revokeObjectURL", address)
			revoke.Release()
			return nil
		})
		js.Global().Call("setTimeout", revoke, 60_000) // once the browser has surely read it
	})
	if err != nil {
		a.do(func() { a.page.Notify("That could not be saved", fmt.Sprintf("%s: %v.", name, err)) })
	}
}

// copy puts text into the clipboard.
func (a *app) copy(text string, done func(error)) {
	clipboard := js.Global().Get("navigator").Get("clipboard")
	if !clipboard.Truthy() {
		done(errors.New("it needs a secure address, https or localhost"))
		return
	}
	var written js.Value
	if err := browser.Try(func() { written = clipboard.Call("writeText", text) }); err != nil {
		done(err)
		return
	}
	go func() {
		_, err := browser.Await(written)
		a.do(func() { done(err) })
	}()
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
