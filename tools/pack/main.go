// Command pack packs the table of functions of a Go program for js/wasm:
//
//	go run ./tools/pack build/site/sae.wasm
//
// The Go runtime needs the table, runtime.pclntab, to grow stacks, to collect garbage and
// to print the trace of a panic. It is most of the program's initial memory, in a form
// that compresses badly. So pack removes it from there and adds a custom section to the
// module, from which web/static/program.js makes the table again when it instantiates the
// program.
//
// What only traces need is dropped: files, lines, arguments, and the names of functions that
// are not ours.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pack PROGRAM.wasm")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "pack: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(file string) error {
	program, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	packed, err := pack(program)
	if err != nil {
		return err
	}
	return os.WriteFile(file, packed, 0o755)
}

// pack returns a program with its table of functions in the section that program.js reads.
func pack(program []byte) (packed []byte, err error) {
	defer func() {
		if recover() != nil { // an index out of range
			err = errors.New("the program is truncated or damaged, or its table of functions has another layout: want that of Go 1.26")
		}
	}()
	sections, err := readSections(program)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(sections, func(s wasmSection) bool {
		return s.id == customSection && bytes.HasPrefix(s.content, []byte(sectionName))
	}) {
		return nil, errors.New("the program is already packed")
	}
	packed = append(packed, header...)
	var section []byte
	for _, s := range sections {
		if s.id == dataSection {
			segments, err := readSegments(s.content)
			if err != nil {
				return nil, err
			}
			m := load(segments)
			if section, err = packTable(m); err != nil {
				return nil, err
			}
			s.content = m.segments()
		}
		packed = appendSection(packed, s)
	}
	if section == nil {
		return nil, errors.New("a WebAssembly module without data")
	}
	return appendSection(packed, wasmSection{customSection, append([]byte(sectionName), section...)}), nil
}

const (
	header        = "\x00asm\x01\x00\x00\x00"
	customSection = 0
	dataSection   = 11
	sectionName   = "\x09functions" // after its length
)

// wasmSection is a section of a module.
type wasmSection struct {
	id      byte
	content []byte
}

func readSections(program []byte) (sections []wasmSection, err error) {
	rest, ok := bytes.CutPrefix(program, []byte(header))
	if !ok {
		return nil, errors.New("no WebAssembly module")
	}
	for len(rest) > 0 {
		id := rest[0]
		length, n := unsigned(rest[1:])
		rest = rest[1+n:]
		sections = append(sections, wasmSection{id, rest[:length]})
		rest = rest[length:]
	}
	return sections, nil
}

func appendSection(program []byte, s wasmSection) []byte {
	program = append(program, s.id)
	program = binary.AppendUvarint(program, uint64(len(s.content)))
	return append(program, s.content...)
}

// segment is a part of the program's initial memory.
type segment struct {
	address int
	data    []byte
}

func readSegments(content []byte) (segments []segment, err error) {
	number := func() int {
		value, n := unsigned(content)
		content = content[n:]
		return value
	}
	for range number() {
		// In memory 0, at a constant, i32.const, which is signed; then an end.
		if content[0] != 0 || content[1] != 0x41 {
			return nil, errors.New("a segment of data whose address is not a constant")
		}
		content = content[2:]
		address, n := signed(content)
		content = content[n+1:]
		size := number()
		segments = append(segments, segment{address, content[:size]})
		content = content[size:]
	}
	return segments, nil
}

// memory is the program's initial memory; what no segment has is zero.
type memory []byte

func load(segments []segment) (m memory) {
	for _, s := range segments {
		if grow := s.address + len(s.data) - len(m); grow > 0 {
			m = append(m, make([]byte, grow)...)
		}
		copy(m[s.address:], s.data)
	}
	return m
}

// segments returns the content of a data section that has the memory, without its longest
// runs of zeros.
func (m memory) segments() []byte {
	const shortest = 32 // a segment of its own compresses to some bytes
	var out []byte
	count := 0
	for at := 0; ; {
		for at < len(m) && m[at] == 0 {
			at++
		}
		if at == len(m) {
			break
		}
		end := at + 1 // of what is not zero
		for next := end; next < len(m) && next < end+shortest; next++ {
			if m[next] != 0 {
				end = next + 1
			}
		}
		out = append(out, 0, 0x41)
		out = appendSigned(out, at)
		out = append(out, 0x0b)
		out = binary.AppendUvarint(out, uint64(end-at))
		out = append(out, m[at:end]...)
		at = end
		count++
	}
	return append(binary.AppendUvarint(nil, uint64(count)), out...)
}

// unsigned decodes an unsigned LEB128 number, and returns how many bytes it takes.
func unsigned(data []byte) (value, n int) {
	v, n := binary.Uvarint(data)
	if n <= 0 {
		panic("no number")
	}
	return int(v), n
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

// appendSigned appends a number of at least 0 as signed LEB128, whose last byte has no bit 6.
func appendSigned(data []byte, value int) []byte {
	for ; value > 0x3f; value >>= 7 {
		data = append(data, byte(value)&0x7f|0x80)
	}
	return append(data, byte(value))
}
