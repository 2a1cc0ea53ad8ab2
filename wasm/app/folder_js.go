package app

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"syscall/js"

	"sae/data"
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
		if data.IsPicture(file.path) {
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
		paths := make([]string, len(files))
		for i, file := range files {
			paths[i] = file.path
		}
		var array js.Value
		if err == nil {
			array, err = a.fetch(files, paths)
		}
		a.do(func() { a.page.Dataset.UseFiles(paths, array, err, done) })
	}()
}

// fetch returns an array of those files that the worker will choose by their paths, and null
// for the others: each File takes memory, and its entry takes time to give it.
func (a *app) fetch(files []found, paths []string) (js.Value, error) {
	array := js.Global().Get("Array").New(len(files)).Call("fill", js.Null())
	chosen, _ := pictures.Choose(paths)
	done := 0
	for group := range slices.Chunk(chosen, 100) { // at once, which takes less time
		if !a.ask(func() bool { return a.page.Dataset.Gathered("Opening the pictures", done, len(chosen)) }) {
			return array, errCancelled
		}
		var opened sync.WaitGroup
		for _, i := range group {
			value := files[i].value
			if !value.Get("isFile").Truthy() { // no entry, but the file
				array.SetIndex(i, value)
				continue
			}
			opened.Go(func() {
				if file, err := browser.Called(value, "file"); err == nil {
					array.SetIndex(i, file)
				}
			})
		}
		opened.Wait()
		done += len(group)
	}
	return array, nil
}

var errCancelled = errors.New("cancelled")

// search returns all files among entries and in their folders.
func (a *app) search(entries []found) (files []found, err error) {
	var folders []found
	sort := func(entry found) {
		if entry.value.Get("isDirectory").Truthy() {
			folders = append(folders, entry)
		} else {
			files = append(files, entry)
		}
	}
	for _, entry := range entries {
		sort(entry)
	}
	for i := 0; i < len(folders); i++ {
		for reader := folders[i].value.Call("createReader"); len(files) <= pictures.MaxFiles && len(folders) <= pictures.MaxFiles; {
			batch, err := browser.Called(reader, "readEntries")
			if err != nil {
				return nil, err
			}
			if batch.Length() == 0 {
				break
			}
			for k := range batch.Length() {
				inner := batch.Index(k)
				sort(found{path.Join(folders[i].path, inner.Get("name").String()), inner})
			}
			stage := fmt.Sprintf("Looking for pictures, %d files", len(files))
			if !a.ask(func() bool { return a.page.Dataset.Gathered(stage, 0, 0) }) {
				return nil, errCancelled
			}
		}
	}
	if len(files) > pictures.MaxFiles || len(folders) > pictures.MaxFiles {
		return nil, pictures.ErrTooMany
	}
	return files, nil
}
