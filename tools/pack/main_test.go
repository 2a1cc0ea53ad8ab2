package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A packed program runs as before; the trace of a panic names our functions and numbers others.
func TestProgramRuns(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node")
	}
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./testdata")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	start := func() string {
		text, err := exec.Command("node", "--stack-size=8192", "testdata/run.js", strings.TrimSpace(string(goRoot)), "../../web/static/program.js", program).CombinedOutput()
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
	for _, want := range []string{
		"deep 100000, kept 1000\n",
		"2 1 0 runtime error: index out of range [0] with length 0 42\n",
		"<nil>\n",
		"joined joined \n",
		"panic: struck by lightning",
		"main.strike(", "main.main()",
	} {
		if !strings.Contains(before, want) {
			t.Errorf("before: want %q in\n%s", want, before)
		}
		if !strings.Contains(after, want) {
			t.Errorf("after: want %q in\n%s", want, after)
		}
	}
	if !regexp.MustCompile(`library\.\d+\(\)`).MatchString(after) {
		t.Errorf("want the function of a library by its number in\n%s", after)
	}
	if !strings.Contains(before, "main.go:") || strings.Contains(after, ".go:") {
		t.Errorf("want lines before and none after:\n%s\n%s", before, after)
	}
	packed, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(packed) > len(content)*4/5 || bytes.Contains(packed, []byte("runtime/proc.go")) || bytes.Contains(packed, []byte("fmt.Fprint")) {
		t.Errorf("%d bytes, from %d, want a fifth less, without names of files and of fmt's functions", len(packed), len(content))
	}
	if err := run(program); err == nil || !strings.Contains(err.Error(), "already packed") {
		t.Errorf("packed twice: %v", err)
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
		if _, err := pack([]byte(content)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Segments hold the memory again, without long runs of zeros.
func TestSegments(t *testing.T) {
	m := make(memory, 1000)
	for _, at := range []int{3, 63, 64, 70, 300, 331, 900} {
		m[at] = byte(at)
	}
	segments, err := readSegments(m.segments())
	if err != nil {
		t.Fatal(err)
	}
	if got := load(segments); !bytes.Equal(got, m[:901]) {
		t.Errorf("%v, want %v", got, m)
	}
	if len(segments) != 4 {
		t.Errorf("%d segments, want 4", len(segments))
	}
}
