package app

import (
	"errors"
	"path"
	"syscall/js"

	"sae/wasm/browser"
	"sae/wasm/pictures"
	"sae/web/state"
)

// found is a file with its path, or the entry of a file in a folder that was dropped.
type found struct {
	path  string
	value js.Value
}

// droppedFolders returns the entries of what was dropped if there is a folder among them,
// else nil. They can only be asked for while the event is handled.
func droppedFolders(event js.Value) []found {
	items, err := browser.Get(event, "dataTransfer", "items")
	if err != nil || !browser.IsObject(items) || items.Get("length").Type() != js.TypeNumber {
		return nil
	}
	var entries []found
	folders := false
	for i := range items.Length() {
		item := items.Index(i)
		if !browser.IsObject(item) || !item.Get("webkitGetAsEntry").Truthy() {
			continue
		}
		if entry := item.Call("webkitGetAsEntry"); entry.Truthy() {
			entries = append(entries, found{entry.Get("name").String(), entry})
			folders = folders || entry.Get("isDirectory").Bool()
		}
	}
	if !folders {
		return nil
	}
	return entries
}

// chosenFiles returns files that were chosen or dropped, with their paths in the folder that
// was chosen.
func chosenFiles(files js.Value) []found {
	all := make([]found, files.Length())
	for i := range all {
		all[i] = found{browser.FileName(files.Index(i)), files.Index(i)}
	}
	return all
}

// arePictures reports whether there is a picture among files.
func arePictures(all []found) bool {
	for _, file := range all {
		if pictures.IsPicture(file.path) {
			return true
		}
	}
	return false
}

// isPictureArchive reports whether a zip archive, a Blob, holds pictures.
func isPictureArchive(blob js.Value) bool {
	files, err := pictures.FromZip(blob)
	return files != nil || err != nil
}

// gather finds the pictures among files and in folders, and makes a data set of them.
func (a *app) gather(all []found, done state.Done) {
	go func() {
		if !a.ask(a.page.Dataset.Gather) {
			a.do(func() { done(errors.New("dataset: another one is still being read")) })
			return
		}
		files, err := a.search(all)
		paths, array := []string{}, js.Global().Get("Array").New()
		for _, file := range files {
			if file.value.Get("isFile").Truthy() { // an entry
				var unreadable error
				if file.value, unreadable = browser.Called(file.value, "file"); unreadable != nil {
					file.value = js.Null()
				}
			}
			paths = append(paths, file.path)
			array.Call("push", file.value)
		}
		a.do(func() { a.page.Dataset.UseFiles(paths, array, err, done) })
	}()
}

// search returns all files among entries and in their folders.
func (a *app) search(entries []found) ([]found, error) {
	var files []found
	for i := 0; i < len(entries); i++ {
		if i > pictures.MaxFiles {
			return nil, pictures.ErrTooMany
		}
		entry := entries[i]
		if !entry.value.Get("isDirectory").Truthy() {
			files = append(files, entry)
			continue
		}
		for reader := entry.value.Call("createReader"); ; {
			batch, err := browser.Called(reader, "readEntries")
			if err != nil {
				return nil, err
			}
			if batch.Length() == 0 {
				break
			}
			for k := range batch.Length() {
				inner := batch.Index(k)
				entries = append(entries, found{path.Join(entry.path, inner.Get("name").String()), inner})
			}
			if !a.ask(func() bool { return a.page.Dataset.Found(len(entries)) }) {
				return nil, errors.New("cancelled")
			}
		}
	}
	return files, nil
}
