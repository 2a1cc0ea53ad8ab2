package protocol

import (
	"syscall/js"

	"sae/wasm/browser"
)

var (
	uint8Array = js.Global().Get("Uint8Array")
	null       = js.Null()
)

// Post sends the message to target: a Worker, a MessagePort or a worker's global scope.
// Buffers are copied once, out of Go's memory. Buffers and ports are transferred.
func (m Message) Post(target js.Value) {
	buffers := make([]any, len(m.Buffers))
	for i, buffer := range m.Buffers {
		array := uint8Array.New(len(buffer))
		js.CopyBytesToJS(array, buffer)
		buffers[i] = array.Get("buffer")
	}
	file, ports, transferred := null, null, buffers
	if value, ok := m.File.(js.Value); ok {
		file = value
	}
	if value, ok := m.Ports.(js.Value); ok {
		ports = value
		for i := range value.Length() {
			if port := value.Index(i); port.Truthy() {
				transferred = append(transferred, port)
			}
		}
	}
	target.Call("postMessage", map[string]any{
		"type":    string(m.Type),
		"id":      m.ID,
		"error":   m.Error,
		"body":    string(m.Body),
		"buffers": buffers,
		"file":    file,
		"ports":   ports,
	}, transferred)
}

// FromJS returns the message in the data of a MessageEvent. ok is false if it is not a
// message of this protocol.
func FromJS(data js.Value) (m Message, ok bool) {
	err := browser.Try(func() { m, ok = fromJS(data) })
	return m, ok && err == nil
}

func fromJS(data js.Value) (Message, bool) {
	if data.Type() != js.TypeObject || data.Get("type").Type() != js.TypeString {
		return Message{}, false
	}
	m := Message{Type: Type(data.Get("type").String())}
	if id := data.Get("id"); id.Type() == js.TypeNumber {
		m.ID = id.Int()
	}
	if text := data.Get("error"); text.Type() == js.TypeString {
		m.Error = text.String()
	}
	if body := data.Get("body"); body.Type() == js.TypeString {
		m.Body = []byte(body.String())
	}
	if buffers := data.Get("buffers"); buffers.Type() == js.TypeObject {
		for i := range buffers.Length() {
			array := uint8Array.New(buffers.Index(i))
			buffer := make([]byte, array.Length())
			js.CopyBytesToGo(buffer, array)
			m.Buffers = append(m.Buffers, buffer)
		}
	}
	if file := data.Get("file"); file.Type() == js.TypeObject {
		m.File = file
	}
	if ports := data.Get("ports"); ports.Type() == js.TypeObject {
		m.Ports = ports
	}
	return m, true
}
