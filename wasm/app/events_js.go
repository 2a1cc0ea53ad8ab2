package app

import (
	"fmt"
	"slices"
	"syscall/js"

	"sae/wasm/browser"
	"sae/wasm/protocol"
)

// delivery is an event for the listeners, or the settlement of a promise.
type delivery struct {
	event  string
	epoch  protocol.Epoch // of an "epoch" event
	settle func()         // nil for an event
}

type listener struct {
	id int
	fn js.Value
}

// Events that listeners can subscribe to.
var events = []string{"metrics", "epoch", "state", "error"}

// on subscribes to an event and returns a function that unsubscribes.
func (w *api) on(args []js.Value) any {
	event, _ := browser.Text(argument(args, 0)) // after an error it is "", no event
	fn := argument(args, 1)
	if !slices.Contains(events, event) || !browser.IsObject(fn) || fn.Type() != js.TypeFunction {
		js.Global().Get("console").Call("error", fmt.Sprintf("sae.on: want one of the events %v and a function", events))
		return js.Undefined()
	}
	w.lastID++
	w.listeners[event] = append(w.listeners[event], listener{w.lastID, fn})
	return w.unsubscribe.Call("bind", js.Undefined(), event, w.lastID)
}

// emit queues an event. Listeners are called when the change is complete, so that they may
// call the API, and before a promise of that change settles.
func (w *api) emit(event string) {
	d := delivery{event: event}
	if event == "epoch" { // one for each epoch
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
			if call, err := bind(listener.fn, payload); err == nil {
				js.Global().Call("queueMicrotask", call)
			}
		}
	}
}

// bind returns a function that calls fn with an argument. If fn is a proxy, it may throw.
func bind(fn, argument js.Value) (call js.Value, err error) {
	defer browser.Catch(&err)
	function := js.Global().Get("Function").Get("prototype")
	return function.Get("bind").Call("call", fn, js.Undefined(), argument), nil
}

// payload returns the argument of the listeners.
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
		if page.Messages.Notice != nil {
			message = page.Messages.Notice.Title + ": " + page.Messages.Notice.Text
		}
		return toJS(map[string]any{"message": message})
	}
	return w.state()
}
