package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall/js"

	"sae/data"
	"sae/wasm/browser"
	"sae/wasm/protocol"
	"sae/web/state"
)

// api is window.sae, the page's API for scripts.
type api struct {
	app       *app
	listeners map[string][]listener
	lastID    int
	queue     []delivery // to come
	ready     func()     // resolves sae.ready

	unsubscribe js.Func // takes an event and the id of a listener
}

// newAPI puts the API on window.
func newAPI(a *app) *api {
	w := &api{app: a, listeners: map[string][]listener{}}
	w.unsubscribe = js.FuncOf(func(_ js.Value, args []js.Value) any {
		event, id := args[0].String(), args[1].Int()
		w.listeners[event] = slices.DeleteFunc(w.listeners[event], func(l listener) bool { return l.id == id })
		return nil
	})
	sae := js.Global().Get("Object").New()
	sae.Set("ready", browser.Promise(func(settle func(any, error)) {
		w.ready = sync.OnceFunc(func() { settle(js.Undefined(), nil) }) // asked for after each pass over the page
	}))
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

func plain(settle func(any, error)) state.Done {
	return func(err error) { settle(js.Undefined(), err) }
}

// method adds a method that returns its result.
func (w *api) method(object js.Value, name string, call func([]js.Value) any) {
	object.Set(name, js.FuncOf(func(_ js.Value, args []js.Value) any { return call(args) }))
}

// async adds a method that returns a promise and may change the page's state. An exception
// while it reads its arguments rejects the promise.
func (w *api) async(object js.Value, name string, call func(args []js.Value, settle func(any, error))) {
	w.method(object, name, func(args []js.Value) any {
		return browser.Promise(func(settle func(any, error)) {
			w.app.do(func() {
				done := func(value any, err error) { w.enqueue(delivery{settle: func() { settle(value, err) }}) }
				if err := browser.Try(func() { call(args, done) }); err != nil {
					done(nil, fmt.Errorf("%s: %w", name, err))
				}
			})
		})
	})
}

// argument returns the argument at an index, undefined if it is missing.
func argument(args []js.Value, i int) js.Value {
	if i < len(args) {
		return args[i]
	}
	return js.Undefined()
}

func (w *api) set(args []js.Value, settle func(any, error)) {
	object := argument(args, 0)
	if !browser.IsObject(object) || object.Type() != js.TypeObject {
		settle(nil, errors.New("set: want an object of settings, such as {latent: 32}"))
		return
	}
	changes := map[string]string{}
	entries := js.Global().Get("Object").Call("entries", object)
	for i := range entries.Length() {
		name := entries.Index(i).Index(0).String()
		value, err := browser.Text(entries.Index(i).Index(1))
		if err != nil {
			settle(nil, fmt.Errorf("set: %s: %w", name, err))
			return
		}
		changes[name] = value
	}
	w.app.page.Set(w.app.page.Link.Scripted(changes), func(reset bool, err error) {
		settle(map[string]any{"reset": reset}, err)
	})
}

func (w *api) loadDataset(args []js.Value, settle func(any, error)) {
	if list := argument(args, 0); browser.IsArray(list) {
		all := make([]found, list.Length())
		for i := range all {
			file, err := browser.Blob(list.Index(i))
			if err != nil {
				settle(nil, fmt.Errorf("loadDataset: file %d: %w", i+1, err))
				return
			}
			all[i] = found{cmp.Or(browser.FileName(file), fmt.Sprint(i+1)), file}
		}
		w.app.gather(all, plain(settle))
		return
	}
	file, err := browser.Blob(argument(args, 0))
	if err != nil {
		settle(nil, fmt.Errorf("loadDataset: want a File or an ArrayBuffer, or an array of Files with pictures: %w", err))
		return
	}
	w.app.page.Dataset.UseFile(cmp.Or(browser.FileName(file), "data set"), file, plain(settle))
}

// image returns the bytes of an argument with a picture. name is that of the method, for
// the error.
func image(name string, pixels js.Value) ([]byte, error) {
	bytes, err := browser.Bytes(pixels, data.ImageSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: want a Uint8Array of %d bytes: 32 rows of 32 pixels of red, green, blue", name, err, data.ImageSize)
	}
	return bytes, nil
}

// bytesToJS converts to a Uint8Array.
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
	w.app.page.Model.Reconstruct(pixels, func(reconstruction []byte, err error) { settle(bytesToJS(reconstruction), err) })
}

// encode resolves to a Float32Array.
func (w *api) encode(args []js.Value, settle func(any, error)) {
	pixels, err := image("encode", argument(args, 0))
	if err != nil {
		settle(nil, err)
		return
	}
	w.app.page.Model.Encode(pixels, func(code []float32, err error) {
		settle(js.Global().Get("Float32Array").New(bytesToJS(protocol.Bytes(code)).Get("buffer")), err)
	})
}

// decode takes a Float32Array or an array of numbers, one for each latent unit.
func (w *api) decode(args []js.Value, settle func(any, error)) {
	numbers, latent := argument(args, 0), w.app.page.Settings.Latent
	bad := fmt.Errorf("decode: want a Float32Array of %d activations, one for each latent unit", latent)
	if !browser.IsObject(numbers) {
		settle(nil, bad)
		return
	}
	err := browser.Try(func() { numbers = js.Global().Get("Float32Array").Call("from", numbers) })
	if err != nil {
		settle(nil, fmt.Errorf("%w: %w", bad, err))
		return
	}
	if numbers.Length() != latent {
		settle(nil, bad)
		return
	}
	bytes := make([]byte, 4*latent)
	js.CopyBytesToGo(bytes, js.Global().Get("Uint8Array").New(numbers.Get("buffer")))
	w.app.page.Model.Decode(protocol.Floats(bytes), func(image []byte, err error) { settle(bytesToJS(image), err) })
}

func (w *api) export(args []js.Value, settle func(any, error)) {
	format, err := browser.Text(argument(args, 0))
	if err != nil {
		settle(nil, fmt.Errorf("export: format: %w", err))
		return
	}
	w.app.page.Model.Export(format, func(file any, err error) {
		if err != nil {
			settle(nil, err)
			return
		}
		settle(file.(js.Value).Call("arrayBuffer"), nil) // a promise, which that of export adopts
	})
}

func (w *api) importModel(args []js.Value, settle func(any, error)) {
	file, err := browser.Blob(argument(args, 0))
	if err != nil {
		settle(nil, fmt.Errorf("import: want an ArrayBuffer or a Blob: %w", err))
		return
	}
	w.app.page.Import(file, plain(settle))
}

// state returns sae.state().
func (w *api) state() js.Value { return toJS(w.app.page.Snapshot()) }

// toJS converts through JSON: payloads are small and rare.
func toJS(value any) js.Value {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // JSON can hold all types here
	}
	return js.Global().Get("JSON").Call("parse", string(text))
}
