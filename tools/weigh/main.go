// Command weigh prints how many bytes each Go package contributes to a program for
// js/wasm, the largest first:
//
//	GOOS=js GOARCH=wasm go build -o build/weigh.wasm ./wasm
//	go run ./tools/weigh build/weigh.wasm ./wasm
//
// It adds up the code of the functions. Their names, which it needs but does not count,
// are only in programs that are linked without -s. Types, strings and the tables of the
// runtime are listed together.
package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// most is the number of packages to print.
const most = 30

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: weigh PROGRAM.wasm PACKAGE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "weigh:", err)
		os.Exit(1)
	}
}

func run(file, main string, stdout io.Writer) error {
	program, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	list := exec.Command("go", "list", "-deps", main)
	list.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	packages, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list -deps %s: %w", main, err)
	}
	functions, total, err := read(program)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	write(stdout, byPackage(functions, strings.Fields(string(packages))), total)
	return nil
}

// write prints the largest packages, and the rest in two lines.
func write(w io.Writer, sizes map[string]int, total int) {
	names := slices.SortedFunc(maps.Keys(sizes), func(a, b string) int {
		return cmp.Or(cmp.Compare(sizes[b], sizes[a]), cmp.Compare(a, b))
	})
	line := func(size int, name string) {
		fmt.Fprintf(w, "%9d %5.1f %%  %s\n", size, 100*float64(size)/float64(total), name)
	}
	code, others := 0, 0
	for i, name := range names {
		code += sizes[name]
		if i < most {
			line(sizes[name], name)
		} else {
			others += sizes[name]
		}
	}
	if n := len(names) - most; n > 0 {
		line(others, fmt.Sprintf("%d other packages", n))
	}
	line(total-code, "types, strings and tables")
	line(total, "in all, in bytes and not compressed")
}

// unnamed matches the characters that the linker replaces by _ in function names.
var unnamed = regexp.MustCompile(`[^\w.]`)

// byPackage adds up the sizes of functions by the import path of their package. Functions
// without a package, such as comparisons of types, count as the linker's.
func byPackage(functions map[string]int, packages []string) map[string]int {
	paths := map[string]string{"main": "main"}
	for _, path := range packages {
		// The linker escapes the dots after the last slash.
		slash := strings.LastIndex(path, "/") + 1
		symbol := path[:slash] + strings.ReplaceAll(path[slash:], ".", "%2e")
		paths[unnamed.ReplaceAllString(symbol, "_")] = path
	}
	sizes := map[string]int{}
	for name, size := range functions {
		owner := "the linker"
		for i := range name { // the shortest prefix that is a package, because methods have dots too
			if name[i] == '.' && paths[name[:i]] != "" {
				owner = paths[name[:i]]
				break
			}
		}
		sizes[owner] += size
	}
	return sizes
}

// Numbers in the binary format of WebAssembly.
const (
	customSection = 0
	importSection = 2
	codeSection   = 10
	functionNames = 1 // in the custom section "name"
	importedFunc  = 0
	importedTable = 1
	importedMem   = 2
	importedValue = 3
)

// read returns the size of each function's code, by name, and the size of the program
// without names.
func read(program []byte) (functions map[string]int, total int, err error) {
	rest, ok := bytes.CutPrefix(program, []byte("\x00asm\x01\x00\x00\x00"))
	if !ok {
		return nil, 0, errors.New("not a WebAssembly module")
	}
	defer func() {
		if recover() != nil { // an index out of range
			functions, total, err = nil, 0, errors.New("the WebAssembly module is truncated or damaged")
		}
	}()
	r := &reader{rest}
	total = len(program)
	imported := 0
	var sizes []int
	names := map[int]string{}
	for len(r.data) > 0 {
		id := r.byte()
		before := len(r.data)
		section := &reader{r.bytes()}
		switch id {
		case importSection:
			for range section.number() {
				section.bytes()
				section.bytes()
				imported += section.skipImport()
			}
		case codeSection:
			for range section.number() {
				sizes = append(sizes, len(section.bytes()))
			}
		case customSection:
			total -= 1 + before - len(r.data)
			if string(section.bytes()) != "name" {
				continue
			}
			for len(section.data) > 0 {
				id := section.byte()
				part := &reader{section.bytes()}
				if id != functionNames {
					continue
				}
				for range part.number() {
					index := part.number()
					names[index] = string(part.bytes())
				}
			}
		}
	}
	if len(names) == 0 {
		return nil, 0, errors.New("the functions have no names: want a program linked without -s")
	}
	functions = map[string]int{}
	for i, size := range sizes {
		functions[names[imported+i]] += size
	}
	return functions, total, nil
}

// reader reads the binary format of WebAssembly. It panics if the data end early.
type reader struct{ data []byte }

func (r *reader) byte() byte {
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *reader) number() int {
	value, n := binary.Uvarint(r.data)
	if n <= 0 {
		panic("no number")
	}
	r.data = r.data[n:]
	return int(value)
}

// bytes reads a length and so many bytes.
func (r *reader) bytes() []byte {
	n := r.number()
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

// skipImport reads the description of an import and returns 1 for a function, else 0.
func (r *reader) skipImport() int {
	limits := func() {
		if r.byte()&1 != 0 {
			r.number()
		}
		r.number()
	}
	switch r.byte() {
	case importedFunc:
		r.number()
		return 1
	case importedTable:
		r.byte()
		limits()
	case importedMem:
		limits()
	case importedValue:
		r.byte()
		r.byte()
	}
	return 0
}
