// Command nolines removes file names and line numbers from a Go program for js/wasm:
//
//	go run ./tools/nolines build/site/sae.wasm
//
// They are a sixteenth of the compressed program, and are used only by the trace of a
// panic, which then names functions without lines.
//
// The program keeps its size: what is removed becomes zeros, which compress to almost
// nothing. runtime/symtab.go documents the table, runtime.pclntab, whose layout is that
// of Go 1.20 and later.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: nolines PROGRAM.wasm")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "nolines: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(file string) error {
	program, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := removeLines(program); err != nil {
		return err
	}
	return os.WriteFile(file, program, 0o755)
}

// removeLines removes the line numbers from a program.
func removeLines(program []byte) (err error) {
	defer func() {
		if recover() != nil { // an index out of range
			err = errors.New("the program is truncated or damaged, or its table of functions has another layout: want that of Go 1.26")
		}
	}()
	segments, err := dataSegments(program)
	if err != nil {
		return err
	}
	var memory []byte
	for _, s := range segments {
		if grow := s.address + len(s.data) - len(memory); grow > 0 {
			memory = append(memory, make([]byte, grow)...)
		}
		copy(memory[s.address:], s.data)
	}
	// The table starts with its version, the granularity of code and the pointer size.
	start := bytes.Index(memory, []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8})
	if start < 0 {
		return errors.New("no table of functions: want a program of Go 1.20 or later")
	}
	clearLines(memory[start:])
	for _, s := range segments {
		copy(s.data, memory[s.address:])
	}
	return nil
}

// Fields of the table after its start, of 8 bytes: numbers and offsets.
const (
	functionCount = 8 + 8*iota
	fileCount
	textStart
	nameOffset
	unitOffset // files of each compilation unit
	fileOffset
	valueOffset // sequences of values, each for a range of instructions
	functionOffset
)

// Fields of a function, of 4 bytes: offsets of its sequences, 0 for none.
const (
	stackSequence = 16
	fileSequence  = 20
	lineSequence  = 24
	sequenceCount = 28 // number of offsets at moreSequences
	unit          = 32
	firstLine     = 36
	moreSequences = 44
)

// clearLines clears files and lines in a table, runtime.pclntab.
func clearLines(table []byte) {
	offset := func(at int) int { return int(binary.LittleEndian.Uint64(table[at:])) }
	clear(table[offset(unitOffset):offset(valueOffset)]) // and the names of the files

	functions := table[offset(functionOffset):]
	values := table[offset(valueOffset):offset(functionOffset)]
	needed := make([]bool, len(values))
	for i := range offset(functionCount) {
		f := functions[binary.LittleEndian.Uint32(functions[8*i+4:]):]
		number := func(at int) int { return int(binary.LittleEndian.Uint32(f[at:])) }
		for _, field := range []int{fileSequence, lineSequence, unit, firstLine} {
			clear(f[field : field+4])
		}
		keep := []int{number(stackSequence)}
		for k := range number(sequenceCount) {
			keep = append(keep, number(moreSequences+4*k))
		}
		for _, sequence := range keep { // functions share them
			if sequence == 0 || needed[sequence] {
				continue
			}
			for j := range sequenceLength(values[sequence:]) {
				needed[sequence+j] = true
			}
		}
	}
	for i, needed := range needed {
		if !needed {
			values[i] = 0
		}
	}
}

// sequenceLength returns the length of a sequence: pairs of numbers, up to a pair other than
// the first that starts with zero.
func sequenceLength(values []byte) int {
	length := 0
	skip := func() {
		_, n := binary.Uvarint(values[length:])
		if n <= 0 {
			panic("no number")
		}
		length += n
	}
	for first := true; first || values[length] != 0; first = false {
		skip()
		skip()
	}
	return length + 1
}

// segment is a part of the program's initial memory.
type segment struct {
	address int
	data    []byte // in the program
}

const dataSection = 11

// dataSegments returns the segments of a module.
func dataSegments(program []byte) (segments []segment, err error) {
	rest, ok := bytes.CutPrefix(program, []byte("\x00asm\x01\x00\x00\x00"))
	if !ok {
		return nil, errors.New("no WebAssembly module")
	}
	number := func() int {
		value, n := binary.Uvarint(rest)
		if n <= 0 {
			panic("no number")
		}
		rest = rest[n:]
		return int(value)
	}
	for len(rest) > 0 {
		id := rest[0]
		rest = rest[1:]
		length := number()
		if id != dataSection {
			rest = rest[length:]
			continue
		}
		for range number() {
			// In memory 0, at a constant, i32.const, which is signed; then an end.
			if rest[0] != 0 || rest[1] != 0x41 {
				return nil, errors.New("a segment of data whose address is not a constant")
			}
			rest = rest[2:]
			address, n := signed(rest)
			rest = rest[n+1:]
			size := number()
			segments = append(segments, segment{address, rest[:size]})
			rest = rest[size:]
		}
		return segments, nil
	}
	return nil, errors.New("a WebAssembly module without data")
}

// signed decodes a signed LEB128 number, and returns how many bytes it takes.
func signed(data []byte) (value, n int) {
	for shift := 0; ; shift += 7 {
		b := data[n]
		n++
		value |= int(b&0x7f) << shift
		if b < 0x80 {
			if b&0x40 != 0 {
				value -= 1 << (shift + 7)
			}
			return value, n
		}
	}
}
