package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"syscall/js"

	"sae/data"
	"sae/wasm/browser"
	"sae/wasm/protocol"
	"sae/web/state"
)

// api is window.sae: the page's API for scripts.
type api struct {
	app       *app
	listeners map[string][]listener
	lastID    int
	queue     []delivery // what scripts have yet to hear of
	ready     func(any, error)

	unsubscribe js.Func // takes an event and the id of a listener
}

// delivery is an event for the listeners, or the end of a promise.
type delivery struct {
	event  string
	epoch  protocol.Epoch // that an "epoch" is about
	settle func()         // nil for an event
}

type listener struct {
	id int
	fn js.Value
}

// Events that listeners can subscribe to.
var events = []string{"metrics", "epoch", "state", "error"}

// newAPI puts the API on window.
func newAPI(a *app) *api {
	w := &api{app: a, listeners: map[string][]listener{}}
	w.unsubscribe = js.FuncOf(func(_ js.Value, args []js.Value) any {
		event, id := args[0].String(), args[1].Int()
		w.listeners[event] = slices.DeleteFunc(w.listeners[event], func(l listener) bool { return l.id == id })
		return nil
	})
	sae := js.Global().Get("Object").New()
	sae.Set("ready", browser.Promise(func(settle func(any, error)) { w.ready = settle }))
	w.method(sae, "state", func([]js.Value) any { return w.state() })
	w.method(sae, "on", w.on)
	w.async(sae, "play", func(_ []js.Value, settle func(any, error)) { a.page.Play(plain(settle)) })
	w.async(sae, "pause", func(_ []js.Value, settle func(any, error)) { a.page.Pause(plain(settle)) })
	w.async(sae, "step", func(_ []js.Value, settle func(any, error)) { a.page.Step(plain(settle)) })
	w.async(sae, "reset", func(_ []js.Value, settle func(any, error)) { a.page.Reset(plain(settle)) })
	w.async(sae, "set", w.set)
	w.async(sae, "loadDataset", w.loadDataset)
	w.async(sae, "reconstruct", w.reconstruct)
	w.async(sae, "encode", w.encode)
	w.async(sae, "decode", w.decode)
	w.async(sae, "export", w.export)
	w.async(sae, "import", w.importModel)
	w.method(sae, "summary", func([]js.Value) any {
		layers := []map[string]any{}
		for _, l := range a.page.Settings.Architecture(data.ImageSize).Summary() {
			layers = append(layers, map[string]any{"name": l.Name, "activation": l.Activation, "units": l.Units, "parameters": l.Parameters})
		}
		return toJS(layers)
	})
	js.Global().Set("sae", sae)
	return w
}

func plain(settle func(any, error)) func(error) {
	return func(err error) { settle(js.Undefined(), err) }
}

// method adds a method that answers at once.
func (w *api) method(object js.Value, name string, call func([]js.Value) any) {
	object.Set(name, js.FuncOf(func(_ js.Value, args []js.Value) any { return call(args) }))
}

// async adds a method that returns a promise; it may change the page's state.
func (w *api) async(object js.Value, name string, call func(args []js.Value, settle func(any, error))) {
	w.method(object, name, func(args []js.Value) any {
		return browser.Promise(func(settle func(any, error)) {
			w.app.do(func() {
				call(args, func(value any, err error) { w.enqueue(delivery{settle: func() { settle(value, err) }}) })
			})
		})
	})
}

// argument returns the argument at index i, undefined where it is missing.
func argument(args []js.Value, i int) js.Value {
	if i < len(args) {
		return args[i]
	}
	return js.Undefined()
}

func (w *api) set(args []js.Value, settle func(any, error)) {
	object := argument(args, 0)
	if object.Type() != js.TypeObject {
		settle(nil, errors.New("set: want an object of settings, such as {latent: 32}"))
		return
	}
	changes := map[string]string{}
	entries := js.Global().Get("Object").Call("entries", object)
	for i := range entries.Length() {
		entry := entries.Index(i)
		changes[entry.Index(0).String()] = js.Global().Call("String", entry.Index(1)).String()
	}
	w.app.page.Set(changes, func(reset bool, err error) {
		settle(map[string]any{"reset": reset}, err)
	})
}

func (w *api) loadDataset(args []js.Value, settle func(any, error)) {
	file := argument(args, 0)
	global := js.Global()
	name := "data set"
	switch {
	case file.InstanceOf(global.Get("File")):
		name = file.Get("name").String()
	case file.InstanceOf(global.Get("ArrayBuffer")):
		file = global.Get("Blob").New([]any{file})
	default:
		settle(nil, errors.New("loadDataset: want a File or an ArrayBuffer"))
		return
	}
	w.app.page.UseFile(name, file, plain(settle))
}

// image returns the bytes of a picture that a script gave, or an error that
// starts with the name of what was called.
func image(name string, pixels js.Value) ([]byte, error) {
	if !pixels.InstanceOf(js.Global().Get("Uint8Array")) || pixels.Length() != data.ImageSize {
		return nil, fmt.Errorf("%s: want a Uint8Array of %d bytes: 32 rows of 32 pixels of red, green, blue", name, data.ImageSize)
	}
	bytes := make([]byte, data.ImageSize)
	js.CopyBytesToGo(bytes, pixels)
	return bytes, nil
}

// bytesToJS returns a Uint8Array.
func bytesToJS(bytes []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(bytes))
	js.CopyBytesToJS(array, bytes)
	return array
}

func (w *api) reconstruct(args []js.Value, settle func(any, error)) {
	pixels, err := image("reconstruct", argument(args, 0))
	if err != nil {
		settle(nil, err)
		return
	}
	w.app.page.Reconstruct(pixels, func(reconstruction []byte, err error) { settle(bytesToJS(reconstruction), err) })
}

// encode returns a Float32Array.
func (w *api) encode(args []js.Value, settle func(any, error)) {
	pixels, err := image("encode", argument(args, 0))
	if err != nil {
		settle(nil, err)
		return
	}
	w.app.page.Encode(pixels, func(code []float32, err error) {
		settle(js.Global().Get("Float32Array").New(bytesToJS(protocol.Bytes(code)).Get("buffer")), err)
	})
}

// decode takes a Float32Array or an array of numbers, one for each latent unit.
func (w *api) decode(args []js.Value, settle func(any, error)) {
	floats := js.Global().Get("Float32Array")
	numbers, latent := argument(args, 0), w.app.page.Settings.Latent
	if numbers.Type() == js.TypeObject {
		numbers = floats.Call("from", numbers)
	}
	if !numbers.InstanceOf(floats) || numbers.Length() != latent {
		settle(nil, fmt.Errorf("decode: want a Float32Array of %d activations, one for each latent unit", latent))
		return
	}
	bytes := make([]byte, 4*latent)
	js.CopyBytesToGo(bytes, js.Global().Get("Uint8Array").New(numbers.Get("buffer"), numbers.Get("byteOffset"), 4*latent))
	w.app.page.Decode(protocol.Floats(bytes), func(image []byte, err error) { settle(bytesToJS(image), err) })
}

func (w *api) export(args []js.Value, settle func(any, error)) {
	w.app.page.Export(js.Global().Call("String", argument(args, 0)).String(), func(file any, err error) {
		if err != nil {
			settle(nil, err)
			return
		}
		settle(file.(js.Value).Call("arrayBuffer"), nil) // a promise, which the one of export follows
	})
}

func (w *api) importModel(args []js.Value, settle func(any, error)) {
	file, global := argument(args, 0), js.Global()
	switch {
	case file.InstanceOf(global.Get("Blob")):
	case file.InstanceOf(global.Get("ArrayBuffer")):
		file = global.Get("Blob").New([]any{file})
	default:
		settle(nil, errors.New("import: want an ArrayBuffer or a Blob"))
		return
	}
	w.app.page.Import(file, plain(settle))
}

// on subscribes to an event and returns a function that unsubscribes.
func (w *api) on(args []js.Value) any {
	event, fn := argument(args, 0).String(), argument(args, 1)
	if !slices.Contains(events, event) || fn.Type() != js.TypeFunction {
		js.Global().Get("console").Call("error", fmt.Sprintf("sae.on: want one of the events %v and a function", events))
		return js.Undefined()
	}
	w.lastID++
	w.listeners[event] = append(w.listeners[event], listener{w.lastID, fn})
	return w.unsubscribe.Call("bind", js.Undefined(), event, w.lastID)
}

// emit queues an event. Listeners hear of it once the change is complete, so
// that they may call the API themselves, and before a promise of that change ends.
func (w *api) emit(event string) {
	d := delivery{event: event}
	if event == "epoch" { // each is one of its own
		d.epoch = w.app.page.History[len(w.app.page.History)-1]
	} else if n := len(w.queue); n > 0 && w.queue[n-1].event == event {
		return
	}
	w.enqueue(d)
}

func (w *api) enqueue(d delivery) {
	w.queue = append(w.queue, d)
	if len(w.queue) == 1 {
		go w.deliver()
	}
}

func (w *api) deliver() {
	queue := w.queue
	w.queue = nil
	if page := w.app.page; w.ready != nil && page.Status != state.StatusLoading && len(page.Timeline.Samples.Images) > 0 {
		w.ready(js.Undefined(), nil)
		w.ready = nil
	}
	for _, d := range queue {
		if d.settle != nil {
			d.settle()
			continue
		}
		listeners := slices.Clone(w.listeners[d.event])
		if len(listeners) == 0 {
			continue
		}
		payload := w.payload(d)
		for _, listener := range listeners {
			js.Global().Call("queueMicrotask", listener.fn.Call("bind", js.Undefined(), payload))
		}
	}
}

// payload returns what listeners of the event get.
func (w *api) payload(d delivery) js.Value {
	page := w.app.page
	switch d.event {
	case "metrics":
		var loss any
		if n := len(page.Curve); n > 0 {
			loss = page.Curve[n-1].Loss
		}
		return toJS(map[string]any{
			"epoch": page.Epoch, "batch": page.Batch, "batches": page.Batches,
			"loss": loss, "imagesPerSecond": page.ImagesPerSecond,
		})
	case "epoch":
		return toJS(d.epoch)
	case "error":
		message := page.Failure
		if page.Notice != nil {
			message = page.Notice.Title + ": " + page.Notice.Text
		}
		return toJS(map[string]any{"message": message})
	}
	return w.state()
}

// state returns sae.state().
func (w *api) state() js.Value { return toJS(w.app.page.Snapshot()) }

// toJS converts by way of JSON: a payload is small and rare.
func toJS(value any) js.Value {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the types here hold nothing that JSON cannot
	}
	return js.Global().Get("JSON").Call("parse", string(text))
}
