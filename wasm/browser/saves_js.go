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

// Saves are files in the browser's storage, each with a slot and a head of at most
// headSize bytes that describes it. They can be used only in a worker. They are stored in
// a folder of the origin private file system, which is the fastest for a worker, or in
// IndexedDB if that is not available.
//
// A new file is written, its head last, under a name with the next number. Then the
// earlier one is deleted. So there is always a complete file, even if writing is
// interrupted.
type Saves struct{ drawer }

// drawer stores the files of Saves.
type drawer interface {
	names() ([]string, error)
	// write writes a file: the head, padded to headSize, and what body writes.
	write(name string, head []byte, body func(io.Writer) error) error
	// read returns a file as a Blob.
	read(name string) (js.Value, error)
	remove(name string) error
}

// headSize is the offset of a file's content, in bytes.
const headSize = 1 << 12

// savesName is the name of the folder and of the database.
const savesName = "sae-saves"

// OpenSaves opens the saves of this browser.
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
	Head    []byte   // empty if writing was interrupted
	Content js.Value // a Blob
}

// split returns the slot and the number in a file's name.
func split(name string) (slot string, number int) {
	slot, text, _ := strings.Cut(name, ".")
	number, _ = strconv.Atoi(text)
	return slot, number
}

// files returns the names of a slot's files, newest first, or of all slots' if slot is
// "".
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

// Write stores a file under a slot, whose name must not contain a dot. It replaces the
// slot's earlier file, which stays if Write fails.
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

// Read returns the files of a slot, newest first, or of all slots if slot is "". A slot
// has more than one file if writing was interrupted. A file that is replaced meanwhile, by the
// worker of a page that is being left, is read in its new version.
func (s Saves) Read(slot string) ([]SavedFile, error) {
	var files []SavedFile
	for range 5 {
		names, err := s.files(slot)
		if err != nil {
			return nil, err
		}
		if files, err = s.readAll(names); err == nil {
			return files, nil
		}
	}
	return files, nil
}

// readAll returns the files with the given names that can be read, and why others cannot.
func (s Saves) readAll(names []string) (files []SavedFile, err error) {
	for _, name := range names {
		blob, failed := s.read(name)
		var head []byte
		if failed == nil {
			head, failed = io.ReadAll(Stream(blob.Call("slice", 0, headSize).Call("stream")))
		}
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		of, _ := split(name)
		files = append(files, SavedFile{of, bytes.TrimRight(head, "\x00"), blob.Call("slice", headSize)})
	}
	return files, err
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

// folder is a drawer in the origin private file system.
type folder struct{}

// open returns the handle of the folder. It creates the folder if necessary, because the
// user may have cleared the storage.
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
	if written != len(buffer) { // may be more: with files in memory, Chromium returns negative errors as large numbers
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
