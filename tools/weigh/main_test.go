package main

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
)

// counted returns bytes with their length before them.
func counted(parts ...[]byte) []byte {
	content := slices.Concat(parts...)
	return append(binary.AppendUvarint(nil, uint64(len(content))), content...)
}

func section(id byte, parts ...[]byte) []byte { return append([]byte{id}, counted(parts...)...) }

func text(s string) []byte { return counted([]byte(s)) }

// program returns a module with and without names. It has one import of each kind and a
// function for each name, the n-th with n bytes of code.
func program(names ...string) (whole, stripped []byte) {
	imports := []byte{4}
	for _, what := range [][]byte{{2, 0, 1}, {0, 7}, {1, 0x70, 1, 2, 3}, {3, 0x7f, 0}} {
		imports = slices.Concat(imports, text("from"), text("name"), what)
	}
	code, named := []byte{byte(len(names))}, []byte{byte(len(names))}
	for i, name := range names {
		code = append(code, counted(make([]byte, i+1))...)
		named = slices.Concat(named, []byte{byte(i + 1)}, text(name))
	}
	stripped = slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(importSection, imports), section(codeSection, code))
	return slices.Concat(stripped, section(customSection, text("name"), section(0, text("module")), section(functionNames, named))), stripped
}

func TestSizes(t *testing.T) {
	names := []string{
		"main.main", "sae_web_ui.__Root_.Build", "sae_web_ui.init.0", "runtime.gcStart", "runtime_debug.SetGCPercent",
		"gopkg.in_yaml_2ev3.Marshal", "type_.eq.sae_web_ui.Root",
	}
	whole, stripped := program(names...)
	functions, total, err := read(whole)
	if err != nil {
		t.Fatal(err)
	}
	if total != len(stripped) {
		t.Errorf("%d bytes without names, want %d", total, len(stripped))
	}
	got := byPackage(functions, []string{"sae/web/ui", "sae/web", "runtime", "runtime/debug", "gopkg.in/yaml.v3"})
	want := map[string]int{"main": 1, "sae/web/ui": 5, "runtime": 4, "runtime/debug": 5, "gopkg.in/yaml.v3": 6, "the linker": 7}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var printed strings.Builder
	write(&printed, got, 56)
	if !strings.HasPrefix(printed.String(), "        7  12.5 %  the linker\n        6  10.7 %  gopkg.in/yaml.v3\n        5   8.9 %  runtime/debug\n        5   8.9 %  sae/web/ui\n") ||
		!strings.HasSuffix(printed.String(), "       28  50.0 %  types, strings and tables\n       56 100.0 %  in all, in bytes and not compressed\n") {
		t.Errorf("printed\n%s", &printed)
	}
}

func TestBadPrograms(t *testing.T) {
	good, stripped := program("main.main")
	for want, content := range map[string][]byte{
		"not a WebAssembly module":  []byte("GIF89a"),
		"linked without -s":         stripped,
		"truncated or damaged":      good[:len(good)-1],
		"not a WebAssembly module ": nil,
		"truncated or damaged ":     append(slices.Clone(good), codeSection),
		"truncated or damaged   ":   append(slices.Clone(good), codeSection, 0xff),
		"truncated or damaged    ":  slices.Concat(good, []byte{codeSection, 1, 9}),
	} {
		if _, _, err := read(content); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
