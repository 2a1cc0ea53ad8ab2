package browser

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall/js"
)

// Saves are files that the browser keeps, each under a slot and with a head of at
// most headSize bytes that tells what it is. A worker alone can use them. They lie
// in a folder of the origin's private file system, which a worker writes to
// fastest, or in IndexedDB where there is no such folder.
//
// A file is written beside the one that it replaces, its head last, and has a
// number one higher in its name; only then is the earlier one deleted. So there is
// always a complete one, whenever the writing ends.
type Saves struct{ drawer }

// drawer is where the files of Saves lie.
type drawer interface {
	names() ([]string, error)
	// write makes a file: the head, then what body writes.
	write(name string, head []byte, body func(io.Writer) error) error
	// read returns a file, a Blob.
	read(name string) (js.Value, error)
	remove(name string) error
}

// headSize is where the content of a file begins, in bytes.
const headSize = 1 << 12

// savesName is the name of the folder and of the database.
const savesName = "sae-saves"

// OpenSaves returns the saves that this browser keeps.
func OpenSaves() (Saves, error) {
	prototype := js.Global().Get("FileSystemFileHandle")
	if _, err := directory(); err == nil && prototype.Truthy() && prototype.Get("prototype").Get("createSyncAccessHandle").Truthy() {
		return Saves{folder{}}, nil
	}
	store, err := OpenStore(savesName)
	return Saves{database{store}}, err
}

// SavedFile is a file of Saves.
type SavedFile struct {
	Slot    string
	Head    []byte   // empty where the writing was interrupted
	Content js.Value // a Blob
}

// split returns the slot and the number in a file's name.
func split(name string) (slot string, number int) {
	slot, text, _ := strings.Cut(name, ".")
	number, _ = strconv.Atoi(text)
	return slot, number
}

// files returns the names of a slot's files, the newest first; those of all slots
// where slot is "".
func (s Saves) files(slot string) ([]string, error) {
	names, err := s.names()
	names = slices.DeleteFunc(names, func(name string) bool {
		of, _ := split(name)
		return slot != "" && of != slot
	})
	slices.SortStableFunc(names, func(a, b string) int {
		slotA, numberA := split(a)
		slotB, numberB := split(b)
		return cmp.Or(cmp.Compare(slotA, slotB), numberB-numberA)
	})
	return names, err
}

// Write stores a file under a slot, in the place of the one there is, which stays
// where that fails. The slot's name must not have a dot.
func (s Saves) Write(slot string, head []byte, body func(io.Writer) error) error {
	if len(head) > headSize {
		return fmt.Errorf("save: head of %d bytes: want at most %d", len(head), headSize)
	}
	earlier, err := s.files(slot)
	if err != nil {
		return err
	}
	number := 0
	if len(earlier) > 0 {
		_, number = split(earlier[0])
	}
	name := fmt.Sprintf("%s.%d", slot, number+1)
	if err := s.write(name, head, body); err != nil {
		s.remove(name)
		return err
	}
	return s.removeAll(earlier)
}

// Read returns the files of a slot, the newest first, or of all slots where slot
// is "". There is more than one of a slot where the writing of the last was
// interrupted.
func (s Saves) Read(slot string) ([]SavedFile, error) {
	names, err := s.files(slot)
	if err != nil {
		return nil, err
	}
	var files []SavedFile
	for _, name := range names {
		blob, err := s.read(name)
		if err != nil {
			continue // deleted just now
		}
		head, err := io.ReadAll(Stream(blob.Call("slice", 0, headSize).Call("stream")))
		if err != nil {
			return nil, err
		}
		of, _ := split(name)
		files = append(files, SavedFile{of, bytes.TrimRight(head, "\x00"), blob.Call("slice", headSize)})
	}
	return files, nil
}

// Delete deletes the files of a slot.
func (s Saves) Delete(slot string) error {
	names, err := s.files(slot)
	return errors.Join(err, s.removeAll(names))
}

func (s Saves) removeAll(names []string) (err error) {
	for _, name := range names {
		err = errors.Join(err, s.remove(name))
	}
	return err
}

// folder is a drawer in the origin's private file system.
type folder struct{}

// open returns the handle of the folder, which is made where there is none: it may
// have been cleared since the last time.
func (folder) open() (js.Value, error) {
	root, err := directory()
	if err != nil {
		return js.Value{}, err
	}
	return Await(root.Call("getDirectoryHandle", savesName, map[string]any{"create": true}))
}

func (f folder) names() (names []string, err error) {
	defer Catch(&err)
	handle, err := f.open()
	if err != nil {
		return nil, err
	}
	for keys := handle.Call("keys"); ; {
		next, err := Await(keys.Call("next"))
		if err != nil || next.Get("done").Bool() {
			return names, err
		}
		names = append(names, next.Get("value").String())
	}
}

func (f folder) write(name string, head []byte, body func(io.Writer) error) (err error) {
	defer Catch(&err)
	handle, err := f.open()
	if err != nil {
		return err
	}
	file, err := Await(handle.Call("getFileHandle", name, map[string]any{"create": true}))
	if err != nil {
		return err
	}
	access, err := Await(file.Call("createSyncAccessHandle"))
	if err != nil {
		return err
	}
	defer access.Call("close")
	if err := body(&accessWriter{access, headSize}); err != nil {
		return err
	}
	_, err = (&accessWriter{access, 0}).Write(head)
	return err
}

func (f folder) read(name string) (file js.Value, err error) {
	defer Catch(&err)
	folder, err := f.open()
	if err != nil {
		return js.Value{}, err
	}
	handle, err := Await(folder.Call("getFileHandle", name))
	if err != nil {
		return js.Value{}, err
	}
	return Await(handle.Call("getFile"))
}

func (f folder) remove(name string) (err error) {
	defer Catch(&err)
	folder, err := f.open()
	if err != nil {
		return err
	}
	_, err = Await(folder.Call("removeEntry", name))
	return err
}

// accessWriter writes to a FileSystemSyncAccessHandle.
type accessWriter struct {
	access js.Value
	at     int
}

func (w *accessWriter) Write(buffer []byte) (_ int, err error) {
	defer Catch(&err)
	written := w.access.Call("write", bytesOf(buffer), map[string]any{"at": w.at}).Int()
	if written != len(buffer) { // also more: Chromium returns a negative error as a large number where files are in memory
		return 0, errors.New("this browser has no room left for files of this page")
	}
	w.at += written
	return written, nil
}

// database is a drawer in IndexedDB.
type database struct{ store *Store }

func (d database) names() ([]string, error)           { return d.store.Keys() }
func (d database) read(name string) (js.Value, error) { return d.store.Get(name) }
func (d database) remove(name string) error           { return d.store.Delete(name) }

func (d database) write(name string, head []byte, body func(io.Writer) error) error {
	blob, err := NewBlob(func(w io.Writer) error {
		padded := append(slices.Clone(head), make([]byte, headSize-len(head))...)
		if _, err := w.Write(padded); err != nil {
			return err
		}
		return body(w)
	})
	if err != nil {
		return err
	}
	return d.store.Put(name, blob)
}
