// Package app is the program in the page's role. It connects the state of the page
// (web/state) with the training worker, with the components (web/ui) and with window.sae.
package app

import (
	"encoding/json"
	"io"
	"sync"
	"syscall/js"
	"time"

	"sae/wasm/browser"
	"sae/wasm/protocol"
	"sae/web/state"
	"sae/web/ui"
)

// app is the running page.
type app struct {
	page *state.Page
	root *ui.Root
	api  *api

	// What changes and renders the page: see render_js.go.
	lock   sync.Mutex // of the page's state
	queue  []func()   // jobs that JavaScript asked for
	parts  []*part
	wake   chan struct{} // asks for a pass over the page
	later  bool          // whether renderLater will ask for one
	soon   *time.Timer   // after which renderSoon asks for one
	frame  bool          // whether a frame of the worker is yet to be shown
	paints bool          // whether a frame is being painted

	hears bool // whether the program hears Train and keys, and not press.js

	busy time.Duration // that the page has worked since it last showed a frame

	// The training worker: see worker_js.go.
	worker    js.Value
	onMessage js.Func
	onError   js.Func
	heard     bool // whether it sent a message since the last tick of watchWorker
	spoke     bool // whether it has sent a message
	gone      bool // whether it died and is not replaced

	camera bool // whether the camera is on, or the user is asked for it

	// What the address bar shows: see address_js.go.
	query, place, fragment string

	prepared string // what boot.js knows in case the program ends: see leave_js.go
}

// Run shows the page and never returns.
func Run() {
	loop := browser.NewEventLoop()
	loop.Turn() // Go's runtime took long to start
	a := &app{wake: make(chan struct{}, 1)}
	a.page = state.New(func(m protocol.Message) { m.Post(a.worker) }, siteDatasets())
	a.page.Lesson.Speak(js.Global().Get("navigator").Get("language").String())
	location := js.Global().Get("location")
	if parameters := js.Global().Get("saeEmbedded"); parameters.Type() == js.TypeString {
		a.page.FollowEmbed(parameters.String())
	} else {
		a.page.Link.Follow(location.Get("search").String())
	}
	a.query = a.page.Link.Query(false)
	if a.page.Embed == nil { // a frame keeps no runs
		a.page.Runs.KeepWith(a.keeper())
		a.page.Saves.Under(takeSlot())
		a.page.Saves.ComeBack(js.Global().Call("saeTakeLeft").String())
	}
	a.api = newAPI(a)
	a.page.Changed = a.api.emit
	a.root = &ui.Root{
		Page:        a.page,
		Address:     location.Get("origin").String() + location.Get("pathname").String(),
		PickFile:    func() { element("file").Call("click") },
		PickFolder:  func() { element("folder").Call("click") },
		PickImages:  func() { element("pictures").Call("click") },
		PickPicture: func() { element("picture-file").Call("click") },
		PickModel:   func() { element("model-file").Call("click") },
		OpenCamera:  func() { a.openCamera(a.takePicture) },
		OpenBurst:   func() { a.openCamera(a.takeBurst) },
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
	a.followAsked()
	a.startWorker()
	go a.watchWorker()
	a.prepare()
	loop.Turn()
	a.open() // in a frame, what comes then hears nothing before it is rendered
	for first := true; ; first = false {
		frame := a.frame
		a.frame = false
		a.lock.Lock()
		a.page.Lesson.Observe()
		a.showAddress()
		pictures := a.page.Status != state.StatusLoading && len(a.page.Timeline.Samples.Images) > 0
		a.lock.Unlock()
		took := a.render(loop)
		if frame {
			a.measureDisplay() // before Draw: charts that it draws in the next animation frame count
		}
		start := time.Now()
		a.root.Draw()
		a.busy += took + time.Since(start)
		if first {
			a.respond()
			a.busy = 0 // with opening the page
		}
		if pictures {
			a.api.ready()
		}
		<-a.wake
		loop.Turn()
	}
}

// siteDatasets returns the names of the data sets beside the page: the build lists them.
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

// element returns the element with an ID.
func element(id string) js.Value {
	return js.Global().Get("document").Call("getElementById", id)
}
