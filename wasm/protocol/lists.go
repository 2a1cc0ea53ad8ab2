package protocol

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
)

// bulky is a body with long lists of numbers. They are sent as the message's buffers, in
// the order in which lists visits them, and are null in the JSON.
type bulky interface {
	// lists visits the body's lists. Because the visitor changes them, it first copies
	// the structs that contain them and that others may refer to.
	lists(visitor)
}

type visitor struct {
	floats func(*[]float32)
	bytes  func(*[]byte)
}

// pack returns a copy of a body without its lists, and the lists as buffers.
func pack(body any) (packed any, buffers [][]byte) {
	if body == nil {
		return nil, nil
	}
	p := reflect.New(reflect.TypeOf(body)) // an addressable copy
	p.Elem().Set(reflect.ValueOf(body))
	b, ok := p.Interface().(bulky)
	if !ok {
		return body, nil
	}
	b.lists(visitor{
		floats: func(list *[]float32) { buffers, *list = append(buffers, Bytes(*list)), nil },
		bytes:  func(list *[]byte) { buffers, *list = append(buffers, *list), nil },
	})
	return b, buffers
}

// unpack sets a body's lists to the buffers of its message.
func unpack(m Message, body any) error {
	b, ok := body.(bulky)
	if !ok {
		return nil
	}
	want := 0
	next := func() (buffer []byte) {
		if want < len(m.Buffers) {
			buffer = m.Buffers[want]
		}
		want++
		return buffer
	}
	b.lists(visitor{
		floats: func(list *[]float32) { *list = Floats(next()) },
		bytes:  func(list *[]byte) { *list = next() },
	})
	if len(m.Buffers) != want {
		return fmt.Errorf("protocol: %s: %d buffers: want %d", m.Type, len(m.Buffers), want)
	}
	return nil
}

// Floats returns the little-endian float32s in a buffer.
func Floats(buffer []byte) []float32 {
	floats := make([]float32, len(buffer)/4)
	for i := range floats {
		floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(buffer[4*i:]))
	}
	return floats
}

// Bytes is the inverse of Floats.
func Bytes(floats []float32) []byte {
	buffer := make([]byte, 0, 4*len(floats))
	for _, x := range floats {
		buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
	}
	return buffer
}
