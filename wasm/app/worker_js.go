package app

import (
	"fmt"
	"syscall/js"
	"time"

	"sae/wasm/browser"
	"sae/wasm/protocol"
)

// startWorker starts a worker on the module that the page itself runs. The first worker is
// the one that boot.js made, which may have sent messages already. A worker greets with
// protocol.TypeReady.
func (a *app) startWorker() {
	if !a.onMessage.Truthy() {
		a.onMessage = js.FuncOf(func(_ js.Value, args []js.Value) any {
			a.receive(args[0].Get("data"))
			return nil
		})
		a.onError = js.FuncOf(func(_ js.Value, args []js.Value) any {
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
			go func() { // the server may be the reason
				if why, err := browser.Await(js.Global().Call("saeWhy")); err == nil && why.String() != "" {
					reason = why.String()
				}
				a.workerDied(reason)
			}()
			return nil
		})
	}
	a.spoke = false
	a.worker = js.Global().Call("saeTakeWorker")
	a.worker.Set("onmessage", a.onMessage)
	a.worker.Set("onerror", a.onError)
	for heard := a.worker.Get("saeHeard"); heard.Length() > 0; {
		a.receive(heard.Call("shift"))
	}
}

// receive passes a message of the worker to the page.
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

// workerDied ends the worker and starts another, unless too many have died.
func (a *app) workerDied(reason string) {
	a.worker.Set("onmessage", js.Null())
	a.worker.Set("onerror", js.Null())
	a.worker.Call("terminate")
	a.do(func() {
		if a.gone = !a.page.Recovery.WorkerDied(reason); !a.gone {
			a.startWorker()
		}
	})
}

// A worker that hangs is replaced: watchWorker pings it every watchInterval, and gives up
// after watchTicks ticks without a message. It counts ticks, not time, because the machine
// or the tab may have slept.
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
		a.do(a.page.Worker.Ping)
	}
}
