package output

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// text returns a function that writes a text.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// expect fails the test unless a file contains a text and has only the given files beside
// it.
func expect(t *testing.T, name, want string, beside ...string) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%s contains %q, want %q; %v", name, got, want, err)
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1+len(beside) {
		t.Errorf("%v in the folder, want %s and %v", entries, filepath.Base(name), beside)
	}
}

func TestWriteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.sae")
	for _, want := range []string{"first", "second, longer"} {
		size, err := WriteFile(name, text(want))
		if err != nil || size != int64(len(want)) {
			t.Errorf("%d bytes, %v", size, err)
		}
		expect(t, name, want)
	}
	fault := errors.New("out of images")
	if _, err := WriteFile(name, func(w io.Writer) error { io.WriteString(w, "third"); return fault }); !errors.Is(err, fault) {
		t.Errorf("%v, want %v", err, fault)
	}
	expect(t, name, "second, longer")
}

func TestPermissionStays(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.sae")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteFile(name, text("new")); err != nil {
		t.Fatal(err)
	}
	if stat, err := os.Stat(name); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, want the permissions of the earlier file", stat.Mode(), err)
	}
}

// A link stays a link, whether its target exists or not.
func TestLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	name := filepath.Join(dir, "a.sae")
	for link, target := range map[string]string{name: "b.link", filepath.Join(dir, "b.link"): filepath.Join(elsewhere, "real.sae")} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"first", "second"} {
		if _, err := WriteFile(name, text(want)); err != nil {
			t.Fatal(err)
		}
		expect(t, name, want, "b.link")
		expect(t, filepath.Join(elsewhere, "real.sae"), want)
		if link, err := os.Readlink(name); err != nil || link != "b.link" {
			t.Errorf("the link is now to %q, %v", link, err)
		}
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteFile(loop, text("x")); err == nil || !strings.Contains(err.Error(), "too many symbolic links") {
		t.Errorf("a link to itself: %v", err)
	}
}

// A pipe or a device is written to and not replaced.
func TestPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if text, err := exec.Command("mkfifo", name).CombinedOutput(); err != nil {
		t.Skipf("mkfifo: %v: %s", err, text)
	}
	if IsFile(name) {
		t.Error("a pipe is a file")
	}
	read := make(chan string, 1)
	go func() {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		}
		read <- string(content)
	}()
	if size, err := WriteFile(name, text("through it")); err != nil || size != 10 {
		t.Errorf("%d bytes, %v", size, err)
	}
	if got := <-read; got != "through it" {
		t.Errorf("%q came out", got)
	}
	if stat, err := os.Lstat(name); err != nil || stat.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe is now %v, %v", stat.Mode(), err)
	}
	if size, err := WriteFile(os.DevNull, text("gone")); err != nil || size != 4 {
		t.Errorf("%s: %d bytes, %v", os.DevNull, size, err)
	}
	if _, err := WriteFile(filepath.Dir(name), text("x")); err == nil {
		t.Error("a folder is written to")
	}
}

// The temporary file of a killed run has a name that git and make ignore. The next run
// removes it, and nothing else.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "cifar10.sae")
	beside := []string{".cifar10.mine.sae", ".cifar100.5.sae", "cifar10.5.sae", ".cifar10.5.html"}
	for _, other := range beside {
		if err := os.WriteFile(filepath.Join(dir, other), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	left := ""
	_, err := WriteFile(name, func(w io.Writer) error {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), ".cifar10.") && filepath.Ext(entry.Name()) == ".sae" && entry.Name() != ".cifar10.mine.sae" {
				left = entry.Name()
			}
		}
		// Killed here, and run again.
		_, err := WriteFile(name, text("again"))
		return err
	})
	if left == "" {
		t.Error("the unfinished file is not hidden, or has another extension")
	}
	if err == nil || !strings.Contains(err.Error(), "by another program at the same time") {
		t.Errorf("the run whose temporary file was removed: %v", err)
	}
	expect(t, name, "again", beside...)
}

func TestPrintable(t *testing.T) {
	for from, want := range map[string]string{
		"Zürich, 猫.sae":                 "Zürich, 猫.sae",
		"red\x1b[31m\a\r\n\t\x7f\u0085": "red\ufffd[31m\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd",
		"turned\u202eeas.":              "turned\ufffdeas.",
		"\xff":                          "\ufffd",
	} {
		if got := Printable(from); got != want {
			t.Errorf("%q becomes %q, want %q", from, got, want)
		}
	}
}
