package protocol

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
)

// bulky is a body with long lists of numbers. They travel in the buffers of the message,
// in the order in which lists visits them. The JSON has null in their place.
type bulky interface {
	// lists visits the body's lists. What they are part of is copied where others
	// may refer to it, since the visitor changes them.
	lists(visitor)
}

type visitor struct {
	floats func(*[]float32)
	bytes  func(*[]byte)
}

// pack returns a body without its lists, and those as buffers.
func pack(body any) (packed any, buffers [][]byte) {
	if body == nil {
		return nil, nil
	}
	p := reflect.New(reflect.TypeOf(body)) // a copy that can be changed
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

// unpack puts the buffers of a message where pack has taken them from.
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
