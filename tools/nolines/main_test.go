package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A program without lines runs as before: its stack grows, its garbage is collected, and
// the trace of a panic names functions.
func TestProgramRuns(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node")
	}
	program := filepath.Join(t.TempDir(), "program.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./testdata")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	start := func() string {
		text, err := exec.Command(filepath.Join(runtime.GOROOT(), "lib", "wasm", "go_js_wasm_exec"), program).CombinedOutput()
		if err == nil {
			t.Error("the program does not panic")
		}
		return string(text)
	}
	before := start()
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(program); err != nil {
		t.Fatal(err)
	}
	after := start()
	for _, want := range []string{"deep 100000, kept 1000\n", "panic: struck by lightning", "main.strike()", "main.main()"} {
		if !strings.Contains(before, want) || !strings.Contains(after, want) {
			t.Errorf("want %q before and after:\n%s\n%s", want, before, after)
		}
	}
	if !strings.Contains(before, "main.go:") || strings.Contains(after, ".go:") {
		t.Errorf("want lines before and none after:\n%s\n%s", before, after)
	}
	lean, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(lean) != len(content) || bytes.Contains(lean, []byte("runtime/proc.go")) {
		t.Error("the program has another size, or names of files")
	}
	if err := run(program); err != nil { // there is nothing left to remove
		t.Error(err)
	}
}

func TestOtherFiles(t *testing.T) {
	for name, content := range map[string]string{
		"empty":      "",
		"no module":  "\x7fELF",
		"no data":    "\x00asm\x01\x00\x00\x00",
		"cut off":    "\x00asm\x01\x00\x00\x00\x0b\x7f\x01",
		"of C":       "\x00asm\x01\x00\x00\x00\x0b\x09\x01\x00\x41\x00\x0b\x03abc",
		"no numbers": "\x00asm\x01\x00\x00\x00\x0b\x0e\x01\x00\x41\x00\x0b\x08\xf1\xff\xff\xff\x00\x00\x01\x08",
	} {
		if err := removeLines([]byte(content)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
