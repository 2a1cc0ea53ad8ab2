package worker

import (
	"errors"
	"fmt"
	"syscall/js"
	"time"
	"unsafe"

	"sae/wasm/protocol"
)

// The exchange is in web/static/program.js; Go's memory is copied there.

//go:wasmimport team send
func teamSend(to int32, data *byte, length int32)

//go:wasmimport team receive
func teamReceive(from int32, data *byte, length int32) int32

// startTimeout is for workers to be ready.
const startTimeout = 15 * time.Second

// members are the workers that this one has started.
type members struct {
	wake     func()
	exchange js.Value
	workers  []member // those of ranks 1, 2, ...
	ready    chan struct{}
	lost     string // why one of them ended
}

// member is a worker, and what hears it.
type member struct {
	js.Value
	onMessage, onError js.Func
}

// newMembers returns the members of a team that is yet to be recruited. wake is
// called when there is something to receive, or one of them is lost.
func newMembers(wake func()) *members {
	m := &members{wake: wake, exchange: js.Global().Get("saeTeam"), ready: make(chan struct{}, maxTeam)}
	m.exchange.Set("arrived", js.FuncOf(func(js.Value, []js.Value) any {
		wake()
		return nil
	}))
	return m
}

func (*members) send(to int, data []byte) {
	teamSend(int32(to), unsafe.SliceData(data), int32(len(data)))
}

func (*members) receive(from int, data []byte) bool {
	return teamReceive(int32(from), unsafe.SliceData(data), int32(len(data))) == 1
}

// connect implements Platform.Connect.
func (m *members) connect(ports any) { m.exchange.Call("connect", ports) }

// recruit implements Platform.Recruit.
func (m *members) recruit(join protocol.Join) error {
	if m.lost != "" {
		m.dismiss(0)
		m.lost = ""
	}
	m.dismiss(join.Size - 1)
	if err := m.start(join.Size - 1); err != nil {
		m.dismiss(0)
		return err
	}
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
	m.connect(ports[0])
	for i, worker := range m.workers {
		join.Rank = i + 1
		message := protocol.New(protocol.TypeJoin, join)
		message.Ports = ports[join.Rank]
		message.Post(worker.Value)
	}
	return nil
}

// dismiss ends all workers but the first n.
func (m *members) dismiss(n int) {
	for len(m.workers) > n {
		last := m.workers[len(m.workers)-1]
		last.Set("onmessage", js.Null())
		last.Set("onerror", js.Null())
		last.Call("terminate")
		last.onMessage.Release()
		last.onError.Release()
		m.workers = m.workers[:len(m.workers)-1]
	}
}

// start starts workers until there are n, and waits until they are ready.
func (m *members) start(n int) (err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case js.Error: // a browser that starts no workers in workers
			err = thrown
		default:
			panic(thrown)
		}
	}()
	waiting := 0
	for len(m.workers) < n {
		worker := js.Global().Get("Worker").New(js.Global().Get("location").Get("href"))
		m.workers = append(m.workers, m.listen(worker))
		worker.Call("postMessage", js.Global().Get("saeModule"))
		waiting++
	}
	timeout := time.After(startTimeout)
	for range waiting {
		select {
		case <-m.ready:
		case <-timeout:
			return fmt.Errorf("no answer for %v", startTimeout)
		}
		if m.lost != "" {
			return errors.New(m.lost)
		}
	}
	return nil
}

// listen hears what a worker says outside the exchange: that it is ready, or
// that it came to an end.
func (m *members) listen(worker js.Value) member {
	lose := func(reason string) {
		m.lost = reason
		m.wake()
		select {
		case m.ready <- struct{}{}: // who waits for it is to look
		default:
		}
	}
	onMessage := js.FuncOf(func(_ js.Value, args []js.Value) any {
		message, ok := protocol.FromJS(args[0].Get("data"))
		switch {
		case !ok:
		case message.Type == protocol.TypeReady:
			m.ready <- struct{}{}
		case message.Type == protocol.TypeDied:
			died, _ := protocol.Decode[protocol.Died](message)
			lose(died.Reason)
		case message.Error != "":
			lose(message.Error)
		}
		return nil
	})
	onError := js.FuncOf(func(_ js.Value, args []js.Value) any {
		args[0].Call("preventDefault") // or this worker fails as well
		reason := "its script failed"
		if text := args[0].Get("message"); text.Type() == js.TypeString {
			reason = text.String()
		}
		lose(reason)
		return nil
	})
	worker.Set("onmessage", onMessage)
	worker.Set("onerror", onError)
	return member{worker, onMessage, onError}
}
