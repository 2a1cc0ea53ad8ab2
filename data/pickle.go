package data

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxPixels bounds the bytes of a batch's images in a pickle. CIFAR-10's have
	// 31 MB, and CIFAR-100 is one batch of 154 MB.
	maxPixels = 160 << 20
	// maxProgram bounds the rest of a pickle, labels and file names. CIFAR-10's have
	// 0.4 MB, and CIFAR-100's 1.8 MB. Each byte allocates at most 150, for an empty
	// dictionary.
	maxProgram = 3 << 20
)

// unpickler reads batches of CIFAR-10's Python version, one after the other.
//
// A pickle is a program for a stack machine. This one runs only what Python writes
// in protocols 2 to 5 for dictionaries, lists, numbers, strings and NumPy arrays of
// bytes. A batch has one long string, its pixels, which is read into a buffer that the
// next batch reuses.
//
// Values are nil, bool, int, string, []any for a tuple, *[]any for a list,
// map[string]any for a dictionary, and the types below.
type unpickler struct {
	pixels []byte

	r     *bufio.Reader
	left  int // bytes that may follow, not counting the pixels
	short [longString]byte
	stack []any
	marks []int // heights of the stack, the first one its bottom
	memo  map[uint64]any
	err   error // the first one
}

type (
	pixels struct{}              // stands for the string in unpickler.pixels
	global string                // module and name of a function or class
	dtype  struct{ name string } // numpy's type of elements, "u1" of bytes

	// array is numpy's array of bytes, in row order.
	array struct {
		filled bool   // with the pixels
		shape  string // as Python prints it
	}
)

// longString is the length from which a string counts as pixels. At this length,
// Python 2 switches to another opcode for strings.
const longString = 256

// protocol is the opcode that pickles start with since protocol 2.
const protocol = 0x80

// load reads a batch, which is a dictionary.
func (u *unpickler) load(r *bufio.Reader) (map[string]any, error) {
	*u = unpickler{pixels: u.pixels[:0], r: r, left: maxProgram, marks: []int{0}, memo: map[uint64]any{}}
	for u.err == nil {
		opcode := byte(u.number(1))
		if opcode == '.' {
			dict, ok := u.pop().(map[string]any)
			u.require(ok, "pickle of no dictionary: want a batch of CIFAR-10")
			return dict, u.err
		}
		u.run(opcode)
	}
	return nil, u.err
}

// run runs an opcode. The names are those of Python's pickletools.
func (u *unpickler) run(opcode byte) {
	switch opcode {
	case protocol:
		version := u.number(1)
		u.require(version <= 5, "pickle of protocol %d: want at most 5", version)
	case 0x95: // FRAME: a hint for buffered readers
		u.number(8)
	case '(': // MARK
		u.marks = append(u.marks, len(u.stack))
	case '0': // POP
		u.pop()
	case '1': // POP_MARK
		u.popAll()
	case 'N': // NONE
		u.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		u.push(opcode == 0x88)
	case 'K': // BININT1
		u.push(int(u.number(1)))
	case 'M': // BININT2
		u.push(int(u.number(2)))
	case 'J': // BININT
		u.push(int(int32(u.number(4))))
	case 0x8a: // LONG1, as of a shape on Windows
		u.push(int(u.number(int(min(8, u.number(1))))))
	case 'U', 'C', 0x8c: // SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE
		u.push(u.text(u.number(1), false))
	case 'T', 'B', 'X': // BINSTRING, BINBYTES, BINUNICODE
		u.push(u.text(u.number(4), opcode == 'X'))
	case 0x8e, 0x96: // BINBYTES8, BYTEARRAY8
		u.push(u.text(u.number(8), false))
	case ')', 0x85, 0x86, 0x87: // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3
		u.push(slices.Clone(u.popN(strings.IndexByte(")\x85\x86\x87", opcode))))
	case 't': // TUPLE
		u.push(slices.Clone(u.popAll()))
	case ']': // EMPTY_LIST
		u.push(new([]any))
	case 'a': // APPEND
		u.extend(u.popN(1))
	case 'e': // APPENDS
		u.extend(u.popAll())
	case '}': // EMPTY_DICT
		u.push(map[string]any{})
	case 's': // SETITEM
		u.update(u.popN(2))
	case 'u': // SETITEMS
		u.update(u.popAll())
	case 'q': // BINPUT
		u.memo[u.number(1)] = u.top()
	case 'r': // LONG_BINPUT
		u.memo[u.number(4)] = u.top()
	case 0x94: // MEMOIZE
		u.memo[uint64(len(u.memo))] = u.top()
	case 'h': // BINGET
		u.push(u.memo[u.number(1)])
	case 'j': // LONG_BINGET
		u.push(u.memo[u.number(4)])
	case 'c': // GLOBAL
		module := u.line()
		u.push(u.find(module, u.line()))
	case 0x93: // STACK_GLOBAL
		names := u.popN(2)
		module, isText := names[0].(string)
		name, isName := names[1].(string)
		u.require(isText && isName, damaged)
		u.push(u.find(module, name))
	case 'R': // REDUCE
		call := u.popN(2)
		arguments, _ := call[1].([]any)
		u.push(u.call(call[0], arguments))
	case 'b': // BUILD: version, shape, dtype, whether in column order, and bytes of an array
		state, _ := u.pop().([]any)
		if a, ok := u.top().(*array); ok && len(state) == 5 {
			u.fill(a, state[4], state[2], state[1], state[3] == false)
		} else {
			_, ok := u.top().(dtype)
			u.require(ok, damaged)
		}
	default:
		u.require(false, "pickle with opcode %#02x: want those that a batch of CIFAR-10 needs", opcode)
	}
}

const damaged = "pickle is damaged: want a batch of CIFAR-10"

// require records an error unless ok, and returns ok.
func (u *unpickler) require(holds bool, format string, arguments ...any) bool {
	if !holds && u.err == nil {
		u.err = fmt.Errorf(format, arguments...)
	}
	return holds
}

// came counts n bytes of the program that were read and records an error, if any.
func (u *unpickler) came(n int, err error) {
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	u.require(!ended, "pickle ends early: the file is truncated")
	u.require(err == nil, "%w", err)
	u.left -= n
	u.require(u.left >= 0, "pickle with too much besides images: want a batch of CIFAR-10")
}

// number reads an unsigned number of n bytes.
func (u *unpickler) number(n int) uint64 {
	clear(u.short[n:8])
	u.came(io.ReadFull(u.r, u.short[:n]))
	return binary.LittleEndian.Uint64(u.short[:])
}

func (u *unpickler) line() string {
	slice, err := u.r.ReadSlice('\n')
	u.require(!errors.Is(err, bufio.ErrBufferFull), "pickle with an endless line: want a batch of CIFAR-10")
	u.came(len(slice), err)
	return strings.TrimSuffix(string(slice), "\n")
}

// text reads a string, a long one into pixels.
func (u *unpickler) text(length uint64, unicode bool) any {
	if length < longString {
		u.came(io.ReadFull(u.r, u.short[:length]))
		return string(u.short[:length])
	}
	u.require(length <= maxPixels, "pickle with a string of %d bytes: want at most %d", length, maxPixels)
	u.require(len(u.pixels) == 0, "pickle with two long strings: want a batch of CIFAR-10, whose images are the only one")
	// Memory grows with the bytes read, whatever the pickle claims.
	for end := 1 << 20; u.err == nil && len(u.pixels) < int(length); end = int(length) {
		start := len(u.pixels)
		end = min(end, int(length))
		u.pixels = slices.Grow(u.pixels, end-start)[:end]
		_, err := io.ReadFull(u.r, u.pixels[start:])
		u.came(0, err)
	}
	if unicode {
		u.decodeLatin1()
	}
	return pixels{}
}

// decodeLatin1 turns pixels from UTF-8 into bytes, in place: in protocol 2,
// Python 3 pickles bytes as text of the characters 0 to 255.
func (u *unpickler) decodeLatin1() {
	bytes := u.pixels[:0]
	for text := u.pixels; len(text) > 0 && u.err == nil; {
		character, size := utf8.DecodeRune(text)
		u.require(character <= 255, "pickle with a long text: want a batch of CIFAR-10")
		bytes = append(bytes, byte(character))
		text = text[size:]
	}
	u.pixels = bytes
}

func (u *unpickler) push(value any) { u.stack = append(u.stack, value) }

// popN returns the last n values above the last mark, until the next push.
func (u *unpickler) popN(n int) []any {
	from := len(u.stack) - n
	if !u.require(from >= u.marks[len(u.marks)-1], damaged) {
		return make([]any, n)
	}
	values := u.stack[from:]
	u.stack = u.stack[:from]
	return values
}

func (u *unpickler) pop() any { return u.popN(1)[0] }

// popAll returns the values above the last mark, until the next push.
func (u *unpickler) popAll() []any {
	last := len(u.marks) - 1
	values := u.popN(len(u.stack) - u.marks[last])
	if u.require(last > 0, damaged) {
		u.marks = u.marks[:last]
	}
	return values
}

func (u *unpickler) top() any {
	value := u.pop()
	u.push(value)
	return value
}

// extend appends to the list on the stack.
func (u *unpickler) extend(values []any) {
	if list, ok := u.top().(*[]any); u.require(ok, damaged) {
		*list = append(*list, values...)
	}
}

// update adds the entries with string keys to the dictionary on the stack.
func (u *unpickler) update(pairs []any) {
	dict, ok := u.top().(map[string]any)
	for ok = u.require(ok && len(pairs)%2 == 0, damaged); ok && len(pairs) > 0; pairs = pairs[2:] {
		if key, ok := pairs[0].(string); ok {
			dict[key] = pairs[1]
		}
	}
}

// find returns a function or class that array pickles use.
func (u *unpickler) find(module, name string) any {
	full := global(strings.Replace(module+"."+name, "numpy._core", "numpy.core", 1))
	u.require(slices.Contains(known, full), "pickle with %s.%s: want a batch of CIFAR-10, which needs only numpy's arrays", module, name)
	return full
}

var known = []global{"numpy.core.multiarray._reconstruct", "numpy.core.numeric._frombuffer", "numpy.ndarray", "numpy.dtype", "_codecs.encode"}

// call returns what the Python function returns.
func (u *unpickler) call(function any, arguments []any) any {
	switch name, _ := function.(global); {
	case name == "numpy.dtype" && len(arguments) > 0:
		name, _ := arguments[0].(string)
		return dtype{name}
	case name == "numpy.core.multiarray._reconstruct":
		return new(array) // for BUILD to fill
	case name == "numpy.core.numeric._frombuffer" && len(arguments) == 4: // in protocol 5: bytes, dtype, shape, order
		return u.fill(new(array), arguments[0], arguments[1], arguments[2], arguments[3] == "C")
	case name == "_codecs.encode" && len(arguments) == 2 && arguments[1] == "latin1": // bytes in protocol 2
		return arguments[0] // long strings are already decoded
	}
	u.require(false, damaged)
	return nil
}

// fill sets the content of an array.
func (u *unpickler) fill(a *array, content, elements, shape any, rows bool) *array {
	u.require(rows, "pickle with an array in column order: want row order")
	a.filled = u.require(content == pixels{}, "pickle with an array of less than an image: want a batch of CIFAR-10")
	numbers, _ := elements.(dtype)
	u.require(numbers.name == "u1", "pickle with an array of %q: want u1, bytes", numbers.name)
	a.shape = python(shape)
	return a
}

// python returns the shape of an array as Python prints it.
func python(shape any) string {
	lengths, _ := shape.([]any)
	var list []string
	for _, length := range lengths[:min(len(lengths), 32)] { // numpy's limit
		if number, ok := length.(int); ok {
			list = append(list, strconv.Itoa(number))
		} else {
			list = append(list, "?")
		}
	}
	if len(list) == 1 {
		return "(" + list[0] + ",)"
	}
	return "(" + strings.Join(list, ", ") + ")"
}
