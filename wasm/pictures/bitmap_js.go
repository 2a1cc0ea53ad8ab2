package pictures

import (
	"archive/zip"
	"errors"
	"io"
	"strings"
	"syscall/js"

	"sae/data"
	"sae/wasm/browser"
)

// FromBlob decodes a picture: a Blob, or a video for its frame of now. Of an animation, it is
// the first picture.
func FromBlob(source js.Value) (_ Bitmap, err error) {
	defer browser.Catch(&err)
	bitmap, err := browser.Await(js.Global().Call("createImageBitmap", source))
	if err != nil {
		return Bitmap{}, err
	}
	// With willReadFrequently, the browser keeps the pixels where they can be read.
	canvas := js.Global().Get("OffscreenCanvas").New(1, 1)
	context := canvas.Call("getContext", "2d", map[string]any{"willReadFrequently": true})
	return Bitmap{
		Width: bitmap.Get("width").Int(), Height: bitmap.Get("height").Int(),
		Read: func(x, y, width, height int, rgba []byte) (err error) {
			defer browser.Catch(&err)
			canvas.Set("width", width)
			canvas.Set("height", height)
			context.Set("fillStyle", "white")
			context.Call("fillRect", 0, 0, width, height)
			context.Call("drawImage", bitmap, x, y, width, height, 0, 0, width, height)
			js.CopyBytesToGo(rgba, context.Call("getImageData", 0, 0, width, height).Get("data"))
			return nil
		},
		Close: func() { bitmap.Call("close") },
	}, nil
}

// FromFile returns the file of a path with the content of a Blob, null if the page could not
// get it.
func FromFile(path string, blob js.Value) File {
	return File{
		Path: path,
		Open: func() (io.ReadCloser, error) {
			if blob.IsNull() {
				return nil, errors.New("cannot be read")
			}
			content := browser.ReaderAt(blob)
			return io.NopCloser(io.NewSectionReader(content, 0, content.Size)), nil
		},
		Decode: func(string) (Bitmap, error) {
			if blob.Get("size").Float() > MaxBytes {
				return Bitmap{}, errTooLarge
			}
			return FromBlob(blob)
		},
	}
}

// CheckSize returns an error if a picture, a Blob, is too large to be decoded. It reads its
// header. A video's frame never is.
func CheckSize(source js.Value) error {
	if !source.InstanceOf(js.Global().Get("Blob")) {
		return nil
	}
	if source.Get("size").Float() > MaxBytes {
		return errTooLarge
	}
	content, err := FromFile("", source).Open()
	if err != nil {
		return err
	}
	_, width, height, _ := header(content) // what else is wrong shows when it is decoded
	return checkPixels(width, height)
}

// FromZip returns the files in a zip archive, a Blob. It returns none if there are no
// pictures among them, but something else, such as a model.
func FromZip(blob js.Value) ([]File, error) {
	content := browser.ReaderAt(blob)
	archive, err := openArchive(content, content.Size)
	if err != nil {
		return nil, err
	}
	files := make([]File, len(archive.files))
	found := false
	for i, entry := range archive.files {
		files[i] = File{
			Path: strings.ReplaceAll(entry.Name, "\\", "/"), // as some archivers of Windows write it
			Open: func() (io.ReadCloser, error) { return archive.open(entry) },
			Decode: func(format string) (Bitmap, error) {
				unpacked, err := unpack(archive, entry, "image/"+strings.ToLower(format))
				if err != nil {
					return Bitmap{}, err
				}
				return FromBlob(unpacked)
			},
		}
		found = found || data.IsPicture(entry.Name) && !data.IsHidden(entry.Name)
	}
	if !found {
		return nil, nil
	}
	return files, nil
}

// unpack returns a file of an archive as a Blob, which the browser keeps, not Go's memory.
func unpack(archive *archive, entry *zip.File, mediaType string) (js.Value, error) {
	content, err := archive.open(entry)
	if err != nil {
		return js.Value{}, err
	}
	defer content.Close()
	blob, err := browser.NewBlob(func(w io.Writer) error {
		_, err := io.CopyBuffer(w, struct{ io.Reader }{content}, make([]byte, 1<<18))
		return err
	})
	if err != nil {
		return js.Value{}, err
	}
	return blob.Call("slice", 0, blob.Get("size"), mediaType), nil
}
