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

// contentTypes holds the types of the site's files by extension. The system's table
// differs between machines.
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

// compressible lists the files worth compressing, by extension; pictures and data
// sets are already compressed.
var compressible = map[string]bool{
	".css": true, ".html": true, ".js": true, ".json": true, ".svg": true, ".txt": true, ".wasm": true, ".webmanifest": true,
}

// leastSize is the size in bytes from which a file is compressed.
const leastSize = 1024

// A coding is a way to compress a file. If the site has the requested file with the
// coding's extension added, that is sent.
type coding struct {
	name, extension string
	encode          func(w io.Writer, r io.Reader) error // nil if only files of the site have it
}

// codings lists the codings, best first. Only tools/dist compresses with Brotli, which
// takes ten times as long as the others.
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

// hashed matches file names with a content hash, as tools/dist writes them. Such a
// file never changes.
var hashed = regexp.MustCompile(`\.[0-9a-f]{10}\.\w+$`)

// slowest is the lowest rate at which a client may receive, in bytes per second.
const slowest = 8 << 10

// newHandler serves the regular files under root to GET and HEAD requests,
// compressed if the browser accepts it. A folder stands for its index.html and is
// never listed. Names that start with a dot are not found. root keeps paths and
// symbolic links inside the folder.
func newHandler(root *os.Root) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", &files{root: root, stall: writeTimeout, known: map[string]known{}})
	return mux
}

type files struct {
	root  *os.Root
	stall time.Duration // how long a client may receive nothing
	mutex sync.Mutex
	known map[string]known // by name and, if compressed here, coding
}

// known is what is known about a version of a file.
type known struct {
	modified time.Time
	size     int64
	facts    func() (facts, error)
}

type facts struct {
	tag   string // a strong entity tag
	coded []byte // the content, if compressed here
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
	// Only embed.html may be framed by other sites. The rest of the policy is in the
	// pages.
	if extension == ".html" && path.Base(name) != "embed.html" {
		header.Set("Content-Security-Policy", "frame-ancestors 'self'")
	}
	if path.Base(name) == "embed.js" { // pages of other sites may import it as a module
		header.Set("Access-Control-Allow-Origin", "*")
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
		// The browser may cache it but must revalidate it.
		header.Set("Cache-Control", "no-cache")
	}
	header.Set("ETag", found.tag)
	if send.coding != "" {
		header.Set("Content-Encoding", send.coding)
		header.Set("Content-Length", strconv.FormatInt(size, 10)) // ServeContent leaves it out for encoded content
		if strings.Contains(r.Header.Get("Range"), ",") {
			// Several ranges would be sent as multipart, which has no coding.
			r = r.Clone(r.Context())
			r.Header.Del("Range")
		}
	}
	http.ServeContent(&response{ResponseWriter: w, started: time.Now(), stall: f.stall}, r, name, info.ModTime(), body)
}

// response is a response whose client is disconnected if it receives nothing for the
// duration stall, or at a rate below slowest.
type response struct {
	http.ResponseWriter
	started time.Time
	stall   time.Duration
	sent    int64
}

func (r *response) WriteHeader(status int) {
	if status == http.StatusPreconditionFailed { // has no body, but ServeContent does not remove these headers
		for _, name := range []string{"Content-Encoding", "Content-Length", "Content-Type"} {
			r.Header().Del(name)
		}
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *response) Write(buffer []byte) (int, error) {
	r.sent += int64(len(buffer))
	// Some ResponseWriters in tests have no deadlines; the server's do.
	_ = http.NewResponseController(r.ResponseWriter).SetWriteDeadline(r.deadline(time.Now()))
	return r.ResponseWriter.Write(buffer)
}

// deadline returns when the client must have received what is sent now.
func (r *response) deadline(now time.Time) time.Time {
	next, last := now.Add(r.stall), r.started.Add(patience(r.sent))
	if next.Before(last) {
		return next
	}
	return last
}

// patience returns how long a client may take to receive a number of bytes.
func patience(size int64) time.Duration {
	return writeTimeout + time.Duration(size)*time.Second/slowest
}

// stat describes the regular file with the given name, or returns nil if there is
// none. Call it before opening the file, because opening a named pipe would wait
// for a writer.
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

// A source is where the body of a response comes from.
type source struct {
	name   string // of the file
	info   fs.FileInfo
	coding string                               // of the body; "" for none
	encode func(w io.Writer, r io.Reader) error // nil if the file is sent as it is
}

// choose returns the available form of a file that the client prefers.
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

// parseAccept parses the header Accept-Encoding and returns the quality of each
// coding, from 0 (not accepted) to 1. It ignores items that it cannot parse.
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
			return 0 // always possible, but last unless it is named
		}
		return qualities["*"]
	}
}

// find returns the facts of a source, computed once per version of its file.
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
	if err != nil { // may be temporary
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
