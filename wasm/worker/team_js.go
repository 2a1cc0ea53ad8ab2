package worker

import (
	"slices"
	"syscall/js"
	"unsafe"

	"sae/wasm/protocol"
)

// web/static/program.js implements the exchange. It copies from and to Go's memory.

//go:wasmimport team send
func teamSend(to int32, data *byte, length int32)

//go:wasmimport team receive
func teamReceive(from int32, data *byte, length int32) int32

// members are the workers that this one has started.
type members struct {
	wake     func()
	exchange js.Value
	workers  []*member // of ranks 1, 2, …
	lost     string    // why one of them has ended
}

// member is a worker with its listeners.
type member struct {
	js.Value
	ready              bool
	onMessage, onError js.Func
}

// newMembers returns a team without members. wake is called when data arrive, or when a
// member is ready or lost.
func newMembers(wake func()) *members {
	m := &members{wake: wake, exchange: js.Global().Get("saeTeam")}
	m.exchange.Set("arrived", js.FuncOf(func(js.Value, []js.Value) any {
		wake()
		return nil
	}))
	return m
}

func (*members) Send(to int, data []byte) {
	teamSend(int32(to), unsafe.SliceData(data), int32(len(data)))
}

func (*members) Receive(from int, data []byte) bool {
	return teamReceive(int32(from), unsafe.SliceData(data), int32(len(data))) == 1
}

func (m *members) Connect(ports any) { m.exchange.Call("connect", ports) }

func (m *members) Assemble(join protocol.Join) {
	ports := make([]js.Value, join.Size) // of each member, by the rank of the other
	for rank := range ports {
		ports[rank] = js.Global().Get("Array").New(join.Size)
	}
	for a := range join.Size {
		for b := range a {
			channel := js.Global().Get("MessageChannel").New()
			ports[a].SetIndex(b, channel.Get("port1"))
			ports[b].SetIndex(a, channel.Get("port2"))
		}
	}
	m.Connect(ports[0])
	for i, worker := range m.workers {
		join.Rank = i + 1
		message := protocol.New(protocol.TypeJoin, join)
		message.Ports = ports[join.Rank]
		message.Post(worker.Value)
	}
}

func (m *members) Lost() string { return m.lost }

// dismiss ends all workers but the first n.
func (m *members) dismiss(n int) {
	n = min(n, len(m.workers))
	for _, worker := range m.workers[n:] {
		worker.Set("onmessage", js.Null())
		worker.Set("onerror", js.Null())
		worker.Call("terminate")
		worker.onMessage.Release()
		worker.onError.Release()
	}
	m.workers = slices.Delete(m.workers, n, len(m.workers)) // forgets them
}

func (m *members) Recruit(n int) (err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case js.Error: // the browser cannot start workers in workers
			err = thrown
		default:
			panic(thrown)
		}
	}()
	if m.lost != "" {
		m.dismiss(0)
		m.lost = ""
	}
	m.dismiss(n)
	for len(m.workers) < n {
		worker := js.Global().Get("Worker").New(js.Global().Get("location").Get("href"))
		m.workers = append(m.workers, m.listen(worker))
		worker.Call("postMessage", js.Global().Get("saeModule"))
	}
	return nil
}

func (m *members) Recruited() bool {
	return !slices.ContainsFunc(m.workers, func(w *member) bool { return !w.ready })
}

// listen listens for a worker's messages outside the exchange: that it is ready, or has
// ended.
func (m *members) listen(worker js.Value) *member {
	one := &member{Value: worker}
	lose := func(reason string) {
		m.lost = reason
		m.wake()
	}
	one.onMessage = js.FuncOf(func(_ js.Value, args []js.Value) any {
		message, ok := protocol.FromJS(args[0].Get("data"))
		switch {
		case !ok:
		case message.Type == protocol.TypeReady:
			one.ready = true
			m.wake()
		case message.Type == protocol.TypeDied:
			died, _ := protocol.Decode[protocol.Died](message)
			lose(died.Reason)
		case message.Error != "":
			lose(message.Error)
		}
		return nil
	})
	one.onError = js.FuncOf(func(_ js.Value, args []js.Value) any {
		args[0].Call("preventDefault") // otherwise, this worker fails too
		reason := "its script failed"
		if text := args[0].Get("message"); text.Type() == js.TypeString {
			reason = text.String()
		}
		lose(reason)
		return nil
	})
	worker.Set("onmessage", one.onMessage)
	worker.Set("onerror", one.onError)
	return one
}
