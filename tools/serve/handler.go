package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
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
	".sae":         "application/octet-stream",
	".svg":         "image/svg+xml; charset=utf-8",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json; charset=utf-8",
}

// compressible lists the files worth compressing on the way, by extension;
// pictures and data sets are compressed already.
var compressible = map[string]bool{
	".css": true, ".html": true, ".js": true, ".json": true, ".svg": true, ".txt": true, ".wasm": true, ".webmanifest": true,
}

// leastSize is the size in bytes from which a file is compressed.
const leastSize = 1024

// A coding is a form in which a file can travel. Where the site has a file with
// the coding's extension beside the one that is asked for, that is it.
type coding struct {
	name, extension string
	encode          func(w io.Writer, r io.Reader) error // nil: only as a file
}

// codings lists what there is to choose from, best first. Brotli takes ten times
// as long as the others, so that it is left to who builds the site.
var codings = []coding{
	{"br", ".br", nil},
	{"zstd", ".zst", func(w io.Writer, r io.Reader) error {
		encoder, err := zstd.NewWriter(w)
		if err != nil {
			return err
		}
		return encodeAll(encoder, r)
	}},
	{"gzip", ".gz", func(w io.Writer, r io.Reader) error { return encodeAll(gzip.NewWriter(w), r) }},
}

func encodeAll(w io.WriteCloser, r io.Reader) error {
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Close()
}

// hashed matches the names of files that carry a hash of their content, as
// tools/dist gives them: what such a name stands for never changes.
var hashed = regexp.MustCompile(`\.[0-9a-f]{10}\.\w+$`)

// slowest is how many bytes per second a client has to take at least.
const slowest = 8 << 10

// newHandler serves the regular files under root to GET and HEAD requests,
// compressed where the browser accepts it. A folder stands for its index.html and
// is never listed, what starts with a dot is not there, and root keeps paths and
// symbolic links from leading outside.
func newHandler(root *os.Root) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", &files{root: root, known: map[string]known{}})
	return mux
}

type files struct {
	root  *os.Root
	mutex sync.Mutex
	known map[string]known // by name and, where it was coded here, coding
}

// known is what was found out about a file at one time.
type known struct {
	modified time.Time
	size     int64
	facts    func() (facts, error)
}

type facts struct {
	tag   string // a strong entity tag
	coded []byte // the content, where it was coded here
}

func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	extension := path.Ext(name)
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	// No other site may put the page in a frame; embed.html is made for that.
	// The rest of the pages' policy is in the pages, whoever serves them.
	if extension == ".html" && path.Base(name) != "embed.html" {
		header.Set("Content-Security-Policy", "frame-ancestors 'self'")
	}
	info := f.stat(name)
	if info == nil {
		http.NotFound(w, r)
		return
	}

	send := source{name: name, info: info}
	if compressible[extension] {
		header.Set("Vary", "Accept-Encoding")
		send = f.choose(send, r.Header.Get("Accept-Encoding"))
	}
	found, err := f.find(send)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	var body io.ReadSeeker = bytes.NewReader(found.coded)
	size := int64(len(found.coded))
	if send.encode == nil {
		file, err := f.root.Open(send.name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer file.Close()
		body, size = file, send.info.Size()
	}

	contentType, ok := contentTypes[extension]
	if !ok {
		contentType = "application/octet-stream"
	}
	header.Set("Content-Type", contentType)
	if hashed.MatchString(name) {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		// The browser may keep it but has to ask whether it is still current.
		header.Set("Cache-Control", "no-cache")
	}
	header.Set("ETag", found.tag)
	if send.coding != "" {
		header.Set("Content-Encoding", send.coding)
		header.Set("Content-Length", strconv.FormatInt(size, 10)) // which ServeContent leaves out then
	}
	// Not every ResponseWriter has deadlines; the server's has.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience(size)))
	http.ServeContent(w, r, name, info.ModTime(), body)
}

// patience is how long a client may take to receive a number of bytes.
func patience(size int64) time.Duration {
	return writeTimeout + time.Duration(size)*time.Second/slowest
}

// stat describes the regular file of the given name, or is nil where there is
// none. It is asked before the file is opened, since opening a named pipe would
// wait for a writer.
func (f *files) stat(name string) fs.FileInfo {
	if strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		return nil
	}
	info, err := f.root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return info
}

// A source is what a response's body is made of.
type source struct {
	name   string // of the file
	info   fs.FileInfo
	coding string                               // in which it is sent; empty: none
	encode func(w io.Writer, r io.Reader) error // nil: the file is sent as it is
}

// choose returns the form of a file that the client likes best, of those that
// can be had.
func (f *files) choose(plain source, accept string) source {
	qualities := parseAccept(accept)
	chosen, best := plain, qualities("identity")
	for _, c := range codings {
		q := qualities(c.name)
		if q <= 0 || q < best || chosen.coding != "" && q == best {
			continue
		}
		if info := f.stat(plain.name + c.extension); info != nil {
			chosen, best = source{plain.name + c.extension, info, c.name, nil}, q
		} else if c.encode != nil && plain.info.Size() >= leastSize {
			chosen, best = source{plain.name, plain.info, c.name, c.encode}, q
		}
	}
	return chosen
}

// parseAccept reads the header Accept-Encoding. The function that it returns
// tells from 0 to 1 how much a client likes a coding, 0 being not at all. What
// cannot be understood is left out.
func parseAccept(header string) func(coding string) float64 {
	qualities := map[string]float64{}
	for item := range strings.SplitSeq(strings.ToLower(header), ",") {
		name, parameter, weighted := strings.Cut(strings.ReplaceAll(item, " ", ""), ";")
		q := 1.0
		if weighted {
			value, ok := strings.CutPrefix(parameter, "q=")
			var err error
			if q, err = strconv.ParseFloat(value, 64); !ok || err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		qualities[name] = q
	}
	return func(coding string) float64 {
		if q, ok := qualities[coding]; ok {
			return q
		}
		if coding == "identity" {
			return 0 // always possible, and what comes last unless it is named
		}
		return qualities["*"]
	}
}

// find tells what there is to know of a source, found out once for each version
// of its file.
func (f *files) find(s source) (facts, error) {
	key := s.name
	if s.encode != nil {
		key += " " + s.coding
	}
	f.mutex.Lock()
	k, ok := f.known[key]
	if !ok || !k.modified.Equal(s.info.ModTime()) || k.size != s.info.Size() {
		k = known{s.info.ModTime(), s.info.Size(), sync.OnceValues(func() (facts, error) { return f.findOut(s) })}
		f.known[key] = k
	}
	f.mutex.Unlock()
	found, err := k.facts()
	if err != nil { // which need not last as long as the version does
		f.mutex.Lock()
		delete(f.known, key)
		f.mutex.Unlock()
	}
	return found, err
}

func (f *files) findOut(s source) (found facts, err error) {
	file, err := f.root.Open(s.name)
	if err != nil {
		return facts{}, err
	}
	defer file.Close()
	hash := sha256.New()
	if s.encode == nil {
		_, err = io.Copy(hash, file)
	} else {
		var coded bytes.Buffer
		err = s.encode(io.MultiWriter(&coded, hash), file)
		found.coded = coded.Bytes()
	}
	found.tag = fmt.Sprintf(`"%x"`, hash.Sum(nil)[:16])
	return found, err
}
