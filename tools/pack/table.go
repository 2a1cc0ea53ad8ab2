package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Fields of the table after its start, of 8 bytes: numbers and offsets. runtime/symtab.go
// documents the table; its layout is that of Go 1.26.
const (
	functionCount = 8 + 8*iota
	fileCount
	textStart
	nameOffset
	unitOffset // files of each compilation unit
	fileOffset
	valueOffset // sequences of values, each for a range of instructions
	functionOffset
	fieldsEnd
)

// Fields of a function, of 4 bytes. After the last, there are the offsets of pcdata and of
// funcdata, 4 bytes each.
const (
	entry          = 0
	name           = 4
	argumentSize   = 8
	deferReturn    = 12
	stackSequence  = 16
	sequenceCount  = 28
	kind           = 40 // bytes: special functions of the runtime, flags, nothing, number of funcdata
	firstOfPointer = 44
)

// What program.js makes of a function: 11 words as above, 2 of pcdata and 5 of funcdata.
const (
	packedSize = 4 * (11 + 2 + 5)
	bucketSize = 320 // of findfunctab, for one function
)

// Kinds of pcdata and funcdata, see internal/abi/symtab.go.
const (
	stackMapIndex = 1

	argumentMaps = 0
	localMaps    = 1
	stackObjects = 2
	openDefers   = 4
)

const (
	noFuncdata   = 0xffffffff
	unknownSize  = 0x80000000 // of arguments
	wrapper      = 23         // a function that calls a method
	moduleFields = 42         // of runtime.moduledata, up to epclntab
)

// packTable removes the table of functions from the memory and returns it as program.js
// reads it: numbers in LEB128, field by field.
func packTable(m memory) (section []byte, err error) {
	// The table starts with its version, the granularity of code and the pointer size.
	start := bytes.Index(m, []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8})
	if start < 0 {
		return nil, errors.New("no table of functions: want a program of Go 1.26")
	}
	long := func(at int) int { return int(binary.LittleEndian.Uint64(m[at:])) }
	word := func(at int) int { return int(binary.LittleEndian.Uint32(m[at:])) }
	var (
		count     = long(start + functionCount)
		names     = start + long(start+nameOffset)
		values    = start + long(start+valueOffset)
		functions = start + long(start+functionOffset)
	)
	// Where the rest of the table is, is in runtime.moduledata, which starts so.
	module := bytes.Index(m, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(start)), uint64(names)))
	if module < 0 {
		return nil, errors.New("no runtime.moduledata")
	}
	field := func(i int) int { return long(module + 8*i) }
	var (
		namesEnd  = names + field(2)
		valuesEnd = values + field(11)
		buckets   = field(19)
		maps      = field(40)
		end       = field(41)
	)
	if field(10) != values || field(13) != functions || field(16) != functions || functions > maps || maps > buckets || buckets > end || end > len(m) {
		return nil, errors.New("runtime.moduledata has another layout: want that of Go 1.26")
	}
	first := word(functions)

	number := func(value int) { section = binary.AppendUvarint(section, uint64(value)) }
	for _, value := range []int{count, first, names, values, functions, maps, buckets} {
		number(value)
	}
	at := make([]int, count) // of each function
	for i := range at {
		at[i] = functions + word(functions+8*i+4)
		if word(functions+8*i) != first+i || word(at[i]+entry) != first+i {
			return nil, fmt.Errorf("function %d: not in the order of the code", i)
		}
	}

	var text strings.Builder
	length := 0
	for _, f := range at {
		n := m[names+word(f+name):]
		n = n[:bytes.IndexByte(n, 0)]
		short := shortName(string(n), m[f+kind] == wrapper || word(f+argumentSize) == unknownSize)
		if strings.ContainsFunc(short, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return nil, fmt.Errorf("function %s: want a name in ASCII", short)
		}
		text.WriteString(short)
		text.WriteByte(0)
		length += len(short) + len("library.10000") + 1
	}
	if length > namesEnd-names {
		return nil, fmt.Errorf("%d bytes of names, more than the %d in the program", length, namesEnd-names)
	}
	number(text.Len())
	section = append(section, text.String()...)

	for _, f := range at {
		number(word(f + argumentSize))
	}
	for _, f := range at {
		number(word(f + deferReturn))
	}
	for _, f := range at {
		number(int(m[f+kind]) | int(m[f+kind+1])<<8)
	}

	// Functions share sequences, maps and objects. A reference is 1 for none, 0 for one that
	// occurs for the first time, followed by its length, and higher for those before, in
	// the order of their first occurrence.
	references := func(none int, get func(f int) int, content func(offset int) []byte) (contents []byte) {
		seen := map[int]int{none: 1}
		for _, f := range at {
			offset := get(f)
			if number, ok := seen[offset]; ok {
				section = binary.AppendUvarint(section, uint64(number))
				continue
			}
			seen[offset] = len(seen) + 1
			c := content(offset)
			number(0)
			number(len(c))
			contents = append(contents, c...)
		}
		return contents
	}
	pcdata := func(k int) func(f int) int {
		return func(f int) int {
			if k >= word(f+sequenceCount) {
				return 0
			}
			return word(f + firstOfPointer + 4*k)
		}
	}
	funcdata := func(k int) func(f int) int {
		return func(f int) int {
			if k >= int(m[f+kind+3]) {
				return noFuncdata
			}
			return word(f + firstOfPointer + 4*word(f+sequenceCount) + 4*k)
		}
	}
	sequence := func(offset int) []byte { return m[values+offset:][:sequenceLength(m[values+offset:])] }
	bitmaps := func(offset int) []byte {
		n, bits := word(maps+offset), word(maps+offset+4)
		return m[maps+offset:][:8+n*((bits+7)/8)]
	}

	contents := references(0, func(f int) int { return word(f + stackSequence) }, sequence)
	contents = append(contents, references(0, pcdata(stackMapIndex), sequence)...)
	if len(contents) >= valuesEnd-values {
		return nil, errors.New("the sequences take more than in the program")
	}
	section = append(section, contents...)

	contents = references(noFuncdata, funcdata(argumentMaps), bitmaps)
	contents = append(contents, references(noFuncdata, funcdata(localMaps), bitmaps)...)
	contents = append(contents, references(noFuncdata, funcdata(stackObjects), func(offset int) []byte {
		return m[maps+offset:][:8+16*long(maps+offset)]
	})...)
	contents = append(contents, references(noFuncdata, funcdata(openDefers), func(offset int) []byte {
		_, n := unsigned(m[maps+offset:])
		_, k := unsigned(m[maps+offset+n:])
		return m[maps+offset:][:n+k]
	})...)
	if len(contents) > buckets-maps {
		return nil, errors.New("the maps take more than in the program")
	}
	section = append(section, contents...)

	if functions+8*(count+1)+packedSize*count > maps || buckets+bucketSize*(count-1)+4 > end {
		return nil, errors.New("the functions take more than in the program")
	}
	clear(m[start+fieldsEnd : end])
	return section, nil
}

// shortName returns a function's name for traces: the whole name of our functions and of
// those whose name the runtime reads, "r" for the runtime's, and "" for those of other
// packages. program.js numbers these.
func shortName(name string, needed bool) string {
	switch {
	case needed, strings.HasPrefix(name, "sae/"), strings.HasPrefix(name, "main."):
		return name
	case strings.HasPrefix(name, "runtime."): // the runtime hides goroutines of its own
		return "r"
	}
	return ""
}

// sequenceLength returns the length of a sequence: pairs of numbers, up to a pair other than
// the first that starts with zero.
func sequenceLength(values []byte) int {
	length := 0
	skip := func() {
		_, n := unsigned(values[length:])
		length += n
	}
	for first := true; first || values[length] != 0; first = false {
		skip()
		skip()
	}
	return length + 1
}
