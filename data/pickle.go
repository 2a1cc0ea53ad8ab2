package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

const (
	// maxPixels bounds the bytes of a batch's images in a pickle: CIFAR's
	// are 31 MB.
	maxPixels = 64 << 20
	// maxProgram bounds the rest of a pickle, labels and file names: CIFAR's
	// is 0.4 MB. A byte of it, an empty dictionary, takes gopickle 200.
	maxProgram = 1 << 20
	// maxMarks bounds the most expensive opcode apart: gopickle makes a stack
	// for each. CIFAR's have one for every 1,000 entries of a list.
	maxMarks = 10_000
)

// unpickler reads batches of CIFAR-10's Python version, one after the other:
// pickles of protocol 2 and below.
//
// A pickle is a program for a small machine. The unpickler copies it opcode by
// opcode, leaving out the one long string in a batch, its pixels, and lets
// gopickle run what remains. So the pixels are in memory once, in a buffer that
// the next batch uses again, and gopickle, which allocates what a length field
// asks for, sees nothing but short strings and opcodes of those protocols.
type unpickler struct {
	program bytes.Buffer
	pixels  []byte
}

// pixelsMark stands in the program for the string that is in pixels.
const pixelsMark = "\x00pixels"

// longString is the length from which on a string is taken for pixels. It is
// where Python 2 changes from one opcode for strings to the next.
const longString = 256

// protocol is the opcode that pickles start with since protocol 2.
const protocol = 0x80

// arguments says what follows an opcode: that many bytes, or one of the kinds
// below. What is not among protocol 2's opcodes, or of no use to CIFAR's
// files (instances, extensions, persistent objects), is absent.
var arguments = map[byte]int{
	protocol: 1, '.': 0, '(': 0, '0': 0, '1': 0, '2': 0, 'N': 0, 0x88: 0, 0x89: 0, // PROTO STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE
	'J': 4, 'K': 1, 'M': 2, 'I': line, 'L': line, 0x8a: counted1, // BININT BININT1 BININT2 INT LONG LONG1
	'G': 8, 'F': line, // BINFLOAT FLOAT
	'U': counted1, 'T': counted4, 'X': counted4, 'S': line, 'V': line, // SHORT_BINSTRING BINSTRING BINUNICODE STRING UNICODE
	']': 0, 'l': 0, 'a': 0, 'e': 0, // EMPTY_LIST LIST APPEND APPENDS
	')': 0, 't': 0, 0x85: 0, 0x86: 0, 0x87: 0, // EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
	'}': 0, 'd': 0, 's': 0, 'u': 0, // EMPTY_DICT DICT SETITEM SETITEMS
	'c': global, 'R': 0, 'b': 0, // GLOBAL REDUCE BUILD
	'g': line, 'h': 1, 'j': 4, 'p': line, 'q': 1, 'r': 4, // GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT
}

const (
	line     = -1 - iota // text up to the end of the line
	global               // two of them, module and name of a class
	counted1             // a length of one byte and as many bytes
	counted4             // a length of four bytes and as many bytes
)

// copyProgram copies a pickle up to its end, the pixels apart.
func (u *unpickler) copyProgram(r *bufio.Reader) error {
	u.program.Reset()
	u.pixels = u.pixels[:0]
	for marks := 0; ; {
		opcode, err := r.ReadByte()
		if err != nil {
			return err
		}
		argument, known := arguments[opcode]
		if !known {
			return fmt.Errorf("pickle with opcode %#02x: want those of protocol 2 that a batch of CIFAR-10 needs", opcode)
		}
		u.program.WriteByte(opcode)
		switch argument {
		case line:
			_, err = u.copyLine(r)
		case global:
			err = u.copyGlobal(r)
		case counted1:
			var length byte
			if length, err = r.ReadByte(); err == nil {
				u.program.WriteByte(length)
				err = u.copyBytes(r, int(length))
			}
		case counted4:
			err = u.copyString(r, opcode)
		default:
			err = u.copyBytes(r, argument)
		}
		if err != nil {
			return err
		}
		if opcode == '(' {
			marks++
		}
		if u.program.Len() > maxProgram || marks > maxMarks {
			return errors.New("pickle with too much besides images: want a batch of CIFAR-10")
		}
		if opcode == '.' {
			return nil
		}
	}
}

func (u *unpickler) copyBytes(r io.Reader, n int) error {
	_, err := io.CopyN(&u.program, r, int64(n))
	return err
}

func (u *unpickler) copyLine(r *bufio.Reader) (text string, err error) {
	slice, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errors.New("pickle with an endless line: want a batch of CIFAR-10")
	}
	u.program.Write(slice)
	return strings.TrimSuffix(string(slice), "\n"), err
}

// copyGlobal copies the name of a class that there is. gopickle knows more
// than findClass has.
func (u *unpickler) copyGlobal(r *bufio.Reader) error {
	module, err := u.copyLine(r)
	if err != nil {
		return err
	}
	name, err := u.copyLine(r)
	if err != nil {
		return err
	}
	_, err = findClass(module, name)
	return err
}

// copyString copies the length and the bytes of a BINSTRING or BINUNICODE,
// or sets the bytes aside as pixels and copies a mark in their place.
func (u *unpickler) copyString(r io.Reader, opcode byte) error {
	var field [4]byte
	if _, err := io.ReadFull(r, field[:]); err != nil {
		return err
	}
	length := binary.LittleEndian.Uint32(field[:])
	if length < longString {
		u.program.Write(field[:])
		return u.copyBytes(r, int(length))
	}
	if length > maxPixels {
		return fmt.Errorf("pickle announces a string of %d bytes: want at most %d", length, maxPixels)
	}
	if len(u.pixels) > 0 {
		return errors.New("pickle with two long strings: want a batch of CIFAR-10, whose images are the only one")
	}
	if cap(u.pixels) < int(length) {
		u.pixels = make([]byte, length+length/16) // in UTF-8, batches differ in length
	}
	u.pixels = u.pixels[:length]
	if _, err := io.ReadFull(r, u.pixels); err != nil {
		return err
	}
	u.program.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(pixelsMark))))
	u.program.WriteString(pixelsMark)
	if opcode == 'X' {
		return u.decodeLatin1()
	}
	return nil
}

// decodeLatin1 turns pixels from UTF-8 into bytes, in place: Python 3 pickles
// bytes as text of the characters 0 to 255.
func (u *unpickler) decodeLatin1() error {
	bytes := u.pixels[:0]
	for text := u.pixels; len(text) > 0; {
		character, size := utf8.DecodeRune(text)
		if character > 255 {
			return errors.New("pickle with a long text: want a batch of CIFAR-10")
		}
		bytes = append(bytes, byte(character))
		text = text[size:]
	}
	u.pixels = bytes
	return nil
}

// load reads the dictionary that a batch is. Only what its keys name is
// returned; an array among its values is an *array, whose bytes are pixels.
func (u *unpickler) load(r *bufio.Reader) (entries map[string]any, err error) {
	if err := u.copyProgram(r); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("pickle ends early: the file is truncated")
		}
		return nil, err
	}
	// gopickle panics on some programs that no pickler writes, such as a
	// dictionary of a key without a value.
	defer func() {
		if fault := recover(); fault != nil {
			entries, err = nil, fmt.Errorf("pickle is damaged: %v", fault)
		}
	}()
	machine := pickle.NewUnpickler(&u.program)
	machine.FindClass = findClass
	value, err := machine.Load()
	if err != nil {
		return nil, fmt.Errorf("pickle: %w", err)
	}
	dict, ok := value.(*types.Dict)
	if !ok {
		return nil, fmt.Errorf("pickle of a %T: want the dictionary of a CIFAR-10 batch", value)
	}
	entries = map[string]any{}
	for _, entry := range *dict {
		if key, ok := entry.Key.(string); ok {
			entries[key] = entry.Value
		}
	}
	return entries, nil
}

// findClass knows numpy's array of bytes and nothing else.
func findClass(module, name string) (any, error) {
	switch strings.Replace(module, "numpy._core", "numpy.core", 1) + "." + name {
	case "numpy.core.multiarray._reconstruct":
		return constructor(func() any { return new(array) }), nil
	case "numpy.ndarray":
		return "ndarray", nil
	case "numpy.dtype":
		return constructor(func() any { return new(dtype) }), nil
	case "_codecs.encode": // how Python 3 writes bytes in protocol 2
		return latin1{}, nil
	}
	return nil, fmt.Errorf("pickle asks for %s.%s: want a batch of CIFAR-10, which needs but numpy's arrays", module, name)
}

// constructor stands for a Python class or function: whatever the arguments,
// it makes a new object.
type constructor func() any

func (c constructor) Call(...any) (any, error) { return c(), nil }

// latin1 stands for _codecs.encode(text, "latin1"). What is long has been
// decoded before; what is short stays the text that it is.
type latin1 struct{}

func (latin1) Call(args ...any) (any, error) {
	if len(args) != 2 || args[1] != "latin1" {
		return nil, errors.New("text that is encoded otherwise than in latin1")
	}
	return args[0], nil
}

// dtype is numpy's type of an array's elements. Its state does not matter:
// elements of more than a byte show in the length of the array.
type dtype struct{}

func (*dtype) PySetState(any) error { return nil }

// array is numpy's array, whose bytes are the unpickler's pixels. Of its state
// (version, shape, dtype, whether in column order, bytes) the shape does not
// matter: it shows in the length.
type array struct{}

func (*array) PySetState(state any) error {
	tuple, ok := state.(*types.Tuple)
	if !ok || tuple.Len() != 5 {
		return errors.New("state of an array: want a tuple of 5")
	}
	if columns, ok := tuple.Get(3).(bool); !ok || columns {
		return errors.New("an array in column order: want row order")
	}
	if tuple.Get(4) != pixelsMark {
		return errors.New("an array of less than an image: want a batch of CIFAR-10")
	}
	return nil
}
