package app

import (
	"errors"
	"fmt"
	"syscall/js"

	"sae/data"
	"sae/nn/exchange"
	"sae/wasm/browser"
	"sae/wasm/pictures"
	"sae/web/state"
)

// listenForFiles takes files that the user drops, pastes or chooses.
func (a *app) listenForFiles() {
	document := js.Global().Get("document")
	dragging := func(is bool) { document.Get("documentElement").Call("toggleAttribute", "data-dragging", is) }
	on(document, "dragover", func(event js.Value) {
		event.Call("preventDefault")
		dragging(true)
	})
	on(document, "dragleave", func(event js.Value) {
		if event.Get("relatedTarget").IsNull() { // left the window
			dragging(false)
		}
	})
	on(document, "drop", func(event js.Value) {
		event.Call("preventDefault")
		dragging(false)
		if folders := droppedFolders(event); folders != nil {
			a.gather(folders, state.Ignore)
			return
		}
		a.useFiles(event, a.page.Dataset.UseFile, "dataTransfer", "files")
	})
	on(document, "paste", func(event js.Value) {
		if a.useFiles(event, a.page.Dataset.UseFile, "clipboardData", "files") {
			event.Call("preventDefault")
		}
	})
	choose := func(id string, use func(input js.Value)) {
		input := element(id)
		if !input.Truthy() {
			return // in a frame
		}
		on(input, "change", func(js.Value) {
			use(input)
			input.Set("value", "") // so that the same file can be chosen again
		})
	}
	for id, otherwise := range map[string]func(name string, file any, done state.Done){
		"file":         a.page.Dataset.UseFile,
		"picture-file": a.page.Dataset.UseFile,
		"model-file":   func(_ string, file any, done state.Done) { a.page.Import(file, done) },
	} {
		choose(id, func(input js.Value) { a.useFiles(input, otherwise, "files") })
	}
	choose("folder", func(input js.Value) { a.gather(chosenFiles(input.Get("files")), state.Ignore) })
	choose("pictures", func(input js.Value) {
		files := chosenFiles(input.Get("files"))
		if len(files) == 1 && !data.IsPicture(files[0].path) { // an archive
			a.useFiles(input, a.page.Dataset.UseFile, "files")
			return
		}
		a.gather(files, state.Ignore)
	})
}

// useFiles opens the file at a path of properties of a value, such as an event. Models and
// pictures go where they belong, anything else to otherwise. A model is recognised by its
// content, because browsers and systems change names. useFiles reports whether there is a
// file.
func (a *app) useFiles(from js.Value, otherwise func(name string, file any, done state.Done), names ...string) bool {
	files, err := browser.Get(from, names...)
	if err != nil || !browser.IsObject(files) || files.Length() == 0 {
		return false
	}
	if n := files.Length(); n > 1 {
		if all := chosenFiles(files); arePictures(all) {
			a.gather(all, state.Ignore)
			return true
		}
		a.do(func() {
			a.page.Messages.Notify("One file at a time", fmt.Sprintf("%d files were dropped, and none is a picture. Drop the whole archive, convert several .bin files with tools/convert first, or put a model.json and its weights into one zip archive.", n))
		})
		return true
	}
	file := files.Index(0)
	name := file.Get("name").String()
	go func() {
		start, err := browser.Start(file, exchange.StartSize)
		switch {
		case err == nil && pictures.IsZip(start) && isPictureArchive(file):
			a.do(func() { a.page.Dataset.UseArchive(name, file, state.Ignore) })
		case err == nil && exchange.IsModel(start):
			a.do(func() { a.page.Import(file, state.Ignore) })
		case state.PictureFormat(name, file.Get("type").String()) != "":
			a.usePicture(name, state.PictureFormat(name, file.Get("type").String()), file)
		default:
			a.do(func() { otherwise(name, file, state.Ignore) })
		}
	}()
	return true
}

// usePicture opens a picture of the user in the explorer: the square in its middle, scaled
// to 32×32 pixels. The picture does not leave the browser.
func (a *app) usePicture(name, format string, file js.Value) {
	if err := pictures.CheckSize(file); err != nil {
		a.do(func() { a.page.Messages.Notify("That picture could not be read", name+": "+err.Error()+".") })
		return
	}
	pixels, err := readPicture(file)
	a.do(func() {
		if errors.Is(err, browser.ErrHidden) {
			a.page.Messages.Notify("That picture could not be read", err.Error()+".")
			return
		}
		if err != nil {
			a.page.Messages.Notify("That picture could not be read", state.Unreadable(name, format))
			return
		}
		if a.page.Embed != nil {
			a.page.Messages.Notify("Your own pictures need the full page", "Open the full page with the link below, and drop the picture there.")
			return
		}
		a.page.Visit(state.ViewExplore)
		a.page.Explorer.ShowPicture(pixels)
	})
}

// readPicture returns the square in the middle of a picture, a Blob, or of a video frame,
// as 32 rows of 32 pixels of red, green and blue.
func readPicture(file js.Value) ([]byte, error) {
	if err := browser.CanvasTells(); err != nil {
		return nil, err
	}
	bitmap, err := pictures.FromBlob(file)
	if err != nil {
		return nil, err
	}
	defer bitmap.Close()
	return pictures.Reduce(bitmap)
}

// save downloads a Blob under a name.
func (a *app) save(file any, name string) {
	err := browser.Try(func() {
		url := js.Global().Get("URL")
		address := url.Call("createObjectURL", file)
		link := js.Global().Get("document").Call("createElement", "a")
		link.Set("href", address)
		link.Set("download", name)
		link.Call("click")
		var revoke js.Func
		revoke = js.FuncOf(func(js.Value, []js.Value) any {
			url.Call("revokeObjectURL", address)
			revoke.Release()
			return nil
		})
		js.Global().Call("setTimeout", revoke, 60_000) // once the browser has surely read it
	})
	if err != nil {
		a.do(func() {
			a.page.Messages.Notify("That could not be saved", fmt.Sprintf("%s: %v. Check that this browser may save files, and try again.", name, err))
		})
	}
}

// copy copies text to the clipboard.
func (a *app) copy(text string, done state.Done) {
	clipboard := js.Global().Get("navigator").Get("clipboard")
	if !clipboard.Truthy() {
		done(errors.New("it needs a secure address, https or localhost"))
		return
	}
	var written js.Value
	if err := browser.Try(func() { written = clipboard.Call("writeText", text) }); err != nil {
		done(err)
		return
	}
	go func() {
		_, err := browser.Await(written)
		a.do(func() { done(err) })
	}()
}
