package main

import (
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// contentTypes holds the types of the site's files by extension. The system's
// own table is not asked: it differs from machine to machine.
var contentTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json; charset=utf-8",
	".png":         "image/png",
	".svg":         "image/svg+xml; charset=utf-8",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json; charset=utf-8",
}

// compressed lists the types worth compressing on the way; pictures and data
// sets are compressed already.
var compressed = []string{
	"application/json", "application/manifest+json", "application/wasm", "image/svg+xml",
	"text/css", "text/html", "text/javascript", "text/plain",
}

// newHandler serves the regular files under root, compressed where the browser
// accepts it, to GET and HEAD requests. A folder stands for its index.html and
// is never listed; root keeps paths and symbolic links from leading outside.
func newHandler(root *os.Root) http.Handler {
	compress, err := gzhttp.NewWrapper(gzhttp.ContentTypes(compressed))
	if err != nil {
		panic(err) // only invalid options, which are constant here, give an error
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", compress(files{root}))
	return mux
}

type files struct{ root *os.Root }

func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")

	// Asked before it is opened, since opening a named pipe would wait for a writer.
	info, err := f.root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	file, err := f.root.Open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()

	contentType, known := contentTypes[path.Ext(name)]
	if !known {
		contentType = "application/octet-stream"
	}
	header.Set("Content-Type", contentType)
	// The browser may keep a file but has to ask whether it is still the
	// current one. The tag is weak: it names all encodings of the file.
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", fmt.Sprintf(`W/"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(w, r, name, info.ModTime(), file)
}
