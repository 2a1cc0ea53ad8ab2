package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// maxPickle bounds what a pickle of a batch may hold: CIFAR's are 31 MB.
const maxPickle = 64 << 20

// unpickle reads a pickled dictionary as CIFAR-10's Python version has them.
// It knows no class but numpy's array of bytes: a pickle that asks for any
// other is refused.
func unpickle(r io.Reader) (map[string]any, error) {
	unpickler := pickle.NewUnpickler(&lengthGuard{reader: io.LimitReader(r, maxPickle)})
	unpickler.FindClass = func(module, name string) (any, error) {
		switch strings.Replace(module, "numpy._core", "numpy.core", 1) + "." + name {
		case "numpy.core.multiarray._reconstruct":
			return constructor(func() any { return new(array) }), nil
		case "numpy.ndarray":
			return "ndarray", nil
		case "numpy.dtype":
			return constructor(func() any { return new(ignoredState) }), nil
		case "_codecs.encode": // how Python 3 writes bytes in protocol 2
			return latin1{}, nil
		}
		return nil, fmt.Errorf("pickle asks for %s.%s: want a batch of CIFAR-10, which needs but numpy's arrays", module, name)
	}
	value, err := unpickler.Load()
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("pickle ends early: the file is truncated")
		}
		return nil, err
	}
	dict, ok := value.(*types.Dict)
	if !ok {
		return nil, fmt.Errorf("pickle of a %T: want the dictionary of a CIFAR-10 batch", value)
	}
	entries := map[string]any{}
	for _, entry := range *dict {
		if key, ok := text(entry.Key); ok {
			entries[key] = entry.Value
		}
	}
	return entries, nil
}

// text returns what is a string in Python 2 and may be bytes in Python 3.
func text(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case []byte:
		return string(value), true
	}
	return "", false
}

// constructor stands for a Python class or function: whatever the arguments,
// it makes a new object.
type constructor func() any

func (c constructor) Call(...any) (any, error) { return c(), nil }

// latin1 stands for _codecs.encode(text, "latin1").
type latin1 struct{}

func (latin1) Call(args ...any) (any, error) {
	if len(args) != 2 || args[1] != "latin1" {
		return nil, errors.New("pickle: want bytes in latin1")
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, errors.New("pickle: want bytes in latin1")
	}
	bytes := make([]byte, 0, len(s)/2)
	for _, r := range s {
		if r > 255 {
			return nil, errors.New("pickle: want bytes in latin1")
		}
		bytes = append(bytes, byte(r))
	}
	return string(bytes), nil
}

// ignoredState is an object whose state does not matter.
type ignoredState struct{}

func (*ignoredState) PySetState(any) error { return nil }

// array is numpy's array: of its state (version, shape, dtype, order, data)
// only the data matter, whose length tells the shape.
type array struct{ data string }

func (a *array) PySetState(state any) error {
	tuple, ok := state.(*types.Tuple)
	if !ok || tuple.Len() != 5 {
		return errors.New("pickle: state of an array: want a tuple of 5")
	}
	if fortran, _ := tuple.Get(3).(bool); fortran {
		return errors.New("pickle: array in column order: want row order")
	}
	data, ok := text(tuple.Get(4))
	if !ok {
		return errors.New("pickle: data of an array: want a string")
	}
	a.data = data
	return nil
}

// lengthGuard refuses pickles that announce more than they may hold, before
// anything is allocated for it. The unpickler reads an opcode as a single
// byte and then the length that follows some of them in one piece.
type lengthGuard struct {
	reader io.Reader
	length bool // whether a length comes next
}

// lengthOpcodes are followed by a length of 4 or 8 bytes: BINSTRING,
// BINUNICODE, BINBYTES, LONG4, BINUNICODE8, BINBYTES8, FRAME, BYTEARRAY8.
const lengthOpcodes = "TXB\x8b\x8d\x8e\x95\x96"

func (g *lengthGuard) ReadByte() (byte, error) {
	var one [1]byte
	if _, err := io.ReadFull(g.reader, one[:]); err != nil {
		return 0, io.ErrUnexpectedEOF
	}
	g.length = strings.IndexByte(lengthOpcodes, one[0]) >= 0
	return one[0], nil
}

func (g *lengthGuard) Read(buffer []byte) (int, error) {
	n, err := io.ReadFull(g.reader, buffer)
	if g.length && n == len(buffer) && (n == 4 || n == 8) {
		var padded [8]byte
		copy(padded[:], buffer)
		if length := binary.LittleEndian.Uint64(padded[:]); length > maxPickle {
			return 0, fmt.Errorf("pickle announces %d bytes: want at most %d", length, maxPickle)
		}
	}
	g.length = false
	return n, err
}
