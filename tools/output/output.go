// Package output writes the tools' files and messages.
package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	stat, err := file.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}

// Printable returns a text of unknown origin with U+FFFD for each control character,
// which a terminal would obey.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// IsFile reports whether name is a regular file or does not exist yet. It is false for a
// device, a pipe or a folder.
func IsFile(name string) bool {
	stat, err := os.Stat(name)
	return err != nil || stat.Mode().IsRegular()
}

// WriteFile writes a file and returns its size. An earlier file stays until the new one
// is complete. Temporary files of killed runs are removed. WriteFile replaces the target
// of a symbolic link, and writes to a device or a pipe.
func WriteFile(name string, write func(io.Writer) error) (size int64, err error) {
	if !IsFile(name) {
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return 0, err
		}
		w := &counter{w: file}
		err = errors.Join(write(w), file.Close())
		return w.n, err
	}
	if name, err = target(name); err != nil {
		return 0, err
	}
	mode := fs.FileMode(0o644)
	if stat, err := os.Stat(name); err == nil {
		mode = stat.Mode().Perm()
	}
	dir, base := filepath.Split(name)
	extension := filepath.Ext(base)
	prefix := "." + strings.TrimSuffix(base, extension) + "."
	removeLeftovers(dir, prefix, extension)
	// Hidden, and with the same extension, so that git and make ignore it.
	file, err := os.CreateTemp(filepath.Clean(dir), prefix+"*"+extension)
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name()) // has no effect after the rename
	w := &counter{w: file}
	if err := errors.Join(write(w), file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return 0, err
	}
	err = os.Rename(file.Name(), name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: written by another program at the same time; its file was kept, not this one", name)
	}
	return w.n, err
}

// target follows symbolic links, also to a file that does not exist yet.
func target(name string) (string, error) {
	for range 40 { // Linux's limit
		link, err := os.Readlink(name)
		if err != nil {
			return name, nil // no link
		}
		if !filepath.IsAbs(link) {
			dir, _ := filepath.Split(name)
			link = dir + link
		}
		name = link
	}
	return "", fmt.Errorf("%s: too many symbolic links", name)
}

// removeLeftovers removes the temporary files of killed runs. It ignores errors, because
// such files do no harm.
func removeLeftovers(dir, prefix, extension string) {
	entries, _ := os.ReadDir(filepath.Clean(dir))
	for _, entry := range entries {
		rest, ok := strings.CutPrefix(entry.Name(), prefix)
		number, ok2 := strings.CutSuffix(rest, extension)
		if ok && ok2 && number != "" && strings.Trim(number, "0123456789") == "" {
			os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(buffer []byte) (int, error) {
	n, err := c.w.Write(buffer)
	c.n += int64(n)
	return n, err
}
