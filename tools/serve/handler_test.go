package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// page is long enough to be worth compressing.
var page = "<!doctype html><title>Sparse autoencoder</title>" + strings.Repeat("<p>latent</p>", 500)

// newSite builds a small site and serves it. secret.txt is outside of it.
func newSite(t *testing.T) (server *httptest.Server, dir string) {
	t.Helper()
	parent := t.TempDir()
	dir = filepath.Join(parent, "site")
	for name, content := range map[string]string{
		"../secret.txt":          "secret",
		"index.html":             page,
		"embed.html":             page,
		".env":                   "secret",
		".git/config":            "secret",
		"sae.0123456789.wasm":    strings.Repeat("wasm", 1000),
		"sae.0123456789.wasm.br": "in Brotli",
		"sae.0123456789.wasm.gz": "in gzip",
		"sae.wasm":               "\x00asm\x01\x00\x00\x00",
		"embed.js":               "export {}",
		"style.css":              "body {}",
		"data/index.json":        "{}",
		"data/cifar10.sae":       strings.Repeat("0123456789", 1000),
		"lesson/index.html":      "lesson",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join("..", "secret.txt"), filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	server = httptest.NewServer(newHandler(root))
	t.Cleanup(server.Close)
	return server, dir
}

// request sends a request, without other headers, and returns the response and its body.
func request(t *testing.T, method, url string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestContentType(t *testing.T) {
	server, _ := newSite(t)
	for path, want := range map[string]string{
		"/":                    "text/html; charset=utf-8",
		"/index.html":          "text/html; charset=utf-8",
		"/lesson/":             "text/html; charset=utf-8",
		"/sae.wasm":            "application/wasm",
		"/embed.js":            "text/javascript; charset=utf-8",
		"/style.css":           "text/css; charset=utf-8",
		"/data/index.json":     "application/json; charset=utf-8",
		"/data/cifar10.sae":    "application/octet-stream",
		"/sae.0123456789.wasm": "application/wasm",
	} {
		response, _ := request(t, "GET", server.URL+path, nil)
		if response.StatusCode != http.StatusOK {
			t.Errorf("GET %s: status %d, want 200", path, response.StatusCode)
		}
		caching := "no-cache"
		if strings.Contains(path, "0123456789") {
			caching = "public, max-age=31536000, immutable"
		}
		sharing := ""
		if path == "/embed.js" { // a page of another site may import it as a module
			sharing = "*"
		}
		for name, want := range map[string]string{
			"Content-Type":                want,
			"Cache-Control":               caching,
			"X-Content-Type-Options":      "nosniff",
			"Referrer-Policy":             "no-referrer",
			"Access-Control-Allow-Origin": sharing,
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("GET %s: %s %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	server, _ := newSite(t)
	tests := []struct {
		method, path string
		status       int
	}{
		{"GET", "/missing.html", http.StatusNotFound},
		{"GET", "/data/", http.StatusNotFound}, // no listing
		{"GET", "/data", http.StatusNotFound},
		{"GET", "/link.txt", http.StatusNotFound},
		{"GET", "/.env", http.StatusNotFound},
		{"GET", "/.git/config", http.StatusNotFound},
		{"GET", "/data/%2e%2e/.env", http.StatusNotFound},
		{"GET", "/index.html/", http.StatusNotFound},
		{"HEAD", "/missing.html", http.StatusNotFound},
		{"OPTIONS", "/", http.StatusMethodNotAllowed},
		{"GET", "/..%2fsecret.txt", http.StatusNotFound},
		{"GET", "/%2e%2e%2fsecret.txt", http.StatusNotFound},
		{"GET", "/data/..%2f..%2fsecret.txt", http.StatusNotFound},
		{"GET", "/..%5csecret.txt", http.StatusNotFound},
		{"GET", "/index.html%00.png", http.StatusNotFound},
		{"POST", "/", http.StatusMethodNotAllowed},
		{"PUT", "/index.html", http.StatusMethodNotAllowed},
		{"DELETE", "/index.html", http.StatusMethodNotAllowed},
	}
	for _, test := range tests {
		response, body := request(t, test.method, server.URL+test.path, nil)
		for range 2 { // an unclean path is redirected to the clean one
			if location := response.Header.Get("Location"); location != "" {
				response, body = request(t, test.method, server.URL+location, nil)
			}
		}
		if response.StatusCode != test.status {
			t.Errorf("%s %s: status %d, want %d", test.method, test.path, response.StatusCode, test.status)
		}
		if strings.Contains(body, "secret") || strings.Contains(body, "cifar10") {
			t.Errorf("%s %s: leaks %q", test.method, test.path, body)
		}
	}
}

// Only embed.html may be framed by other sites.
func TestFrameAncestors(t *testing.T) {
	server, _ := newSite(t)
	for path, want := range map[string]string{
		"/":                  "frame-ancestors 'self'",
		"/lesson/index.html": "frame-ancestors 'self'",
		"/embed.html":        "",
	} {
		response, _ := request(t, "GET", server.URL+path, nil)
		if got := response.Header.Get("Content-Security-Policy"); got != want {
			t.Errorf("GET %s: policy %q, want %q", path, got, want)
		}
	}
}

func TestRevalidation(t *testing.T) {
	server, dir := newSite(t)
	url := server.URL + "/index.html"
	tags := map[string]string{} // coding by tag
	for _, coding := range []string{"identity", "gzip", "zstd"} {
		first, _ := request(t, "GET", url, map[string]string{"Accept-Encoding": coding})
		tag := first.Header.Get("ETag")
		if earlier, ok := tags[tag]; ok || !strings.HasPrefix(tag, `"`) {
			t.Errorf("%s: tag %s, want a strong one, unlike that of %q", coding, tag, earlier)
		}
		tags[tag] = coding
		conditional := map[string]string{"Accept-Encoding": coding, "If-None-Match": tag}
		again, body := request(t, "GET", url, conditional)
		if again.StatusCode != http.StatusNotModified || body != "" || again.Header.Get("ETag") != tag {
			t.Errorf("%s: unchanged file: status %d, tag %s and %d bytes, want 304, the same tag and none", coding, again.StatusCode, again.Header.Get("ETag"), len(body))
		}

		changed := page + coding
		if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		again, _ = request(t, "GET", url, conditional)
		if again.StatusCode != http.StatusOK || again.Header.Get("ETag") == tag {
			t.Errorf("%s: changed file: status %d, tag %q, want 200 and a new tag", coding, again.StatusCode, again.Header.Get("ETag"))
		}
	}
}

// The response has the coding that the client prefers.
func TestNegotiation(t *testing.T) {
	server, _ := newSite(t)
	decode := map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
		"":     func(r io.Reader) (io.Reader, error) { return r, nil },
	}
	for accept, want := range map[string]string{
		"":                           "",
		"gzip":                       "gzip",
		"gzip, deflate, br":          "gzip", // br only exists as a file
		"gzip, deflate, br, zstd":    "zstd",
		"GZIP;Q=0.8 , zstd ; q=0.5":  "gzip",
		"*":                          "zstd",
		"*, zstd;q=0":                "gzip",
		"gzip;q=0":                   "",
		"gzip;q=0, *;q=0":            "",
		"identity, gzip;q=0.5":       "",
		"identity;q=0.5, gzip;q=0.9": "gzip",
		"identity;q=0":               "", // there is no alternative
		"deflate":                    "",
		"gzip;q=much, zstd;q=NaN":    "",
		"gzip;level=9":               "",
		strings.Repeat(",;q=,", 500): "",
	} {
		response, body := request(t, "GET", server.URL+"/", map[string]string{"Accept-Encoding": accept})
		got := response.Header.Get("Content-Encoding")
		if got != want {
			t.Errorf("%.40q: coding %q, want %q", accept, got, want)
			continue
		}
		if response.ContentLength != int64(len(body)) || response.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%.40q: Content-Length %d of %d bytes, Vary %q", accept, response.ContentLength, len(body), response.Header.Get("Vary"))
		}
		reader, err := decode[got](strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(reader); err != nil || string(content) != page {
			t.Errorf("%.40q: %d bytes and error %v after decompression, want the %d bytes of the file", accept, len(content), err, len(page))
		}
	}
}

// Files that the build has compressed are preferred.
func TestCompressedFiles(t *testing.T) {
	server, dir := newSite(t)
	url := server.URL + "/sae.0123456789.wasm"
	for accept, want := range map[string]struct{ coding, body string }{
		"gzip, deflate, br, zstd": {"br", "in Brotli"},
		"gzip":                    {"gzip", "in gzip"},
		"br;q=0.5, gzip":          {"gzip", "in gzip"},
		"":                        {"", strings.Repeat("wasm", 1000)},
	} {
		response, body := request(t, "GET", url, map[string]string{"Accept-Encoding": accept})
		if got := response.Header.Get("Content-Encoding"); got != want.coding || body != want.body {
			t.Errorf("%q: coding %q, %.20q, want %q, %.20q", accept, got, body, want.coding, want.body)
		}
		if got := response.Header.Get("Content-Type"); got != "application/wasm" {
			t.Errorf("%q: type %q", accept, got)
		}
		head, body := request(t, "HEAD", url, map[string]string{"Accept-Encoding": accept})
		if head.ContentLength != int64(len(want.body)) || body != "" || head.Header.Get("ETag") != response.Header.Get("ETag") {
			t.Errorf("%q: HEAD: Content-Length %d, %d bytes, tag %s, want %d, none and %s", accept, head.ContentLength, len(body), head.Header.Get("ETag"), len(want.body), response.Header.Get("ETag"))
		}
	}

	// The compressed files may be removed while the server runs.
	if err := os.Remove(filepath.Join(dir, "sae.0123456789.wasm.br")); err != nil {
		t.Fatal(err)
	}
	if response, _ := request(t, "GET", url, map[string]string{"Accept-Encoding": "br, gzip"}); response.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("without the Brotli file: coding %q, want gzip", response.Header.Get("Content-Encoding"))
	}
}

func TestNotCompressed(t *testing.T) {
	server, _ := newSite(t)
	for _, path := range []string{"/data/cifar10.sae", "/data/index.json"} { // compressed already; too small
		if response, _ := request(t, "GET", server.URL+path, map[string]string{"Accept-Encoding": "gzip, br, zstd"}); response.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: coding %q, want none", path, response.Header.Get("Content-Encoding"))
		}
	}
}

func TestRange(t *testing.T) {
	server, _ := newSite(t)
	response, body := request(t, "GET", server.URL+"/data/cifar10.sae", map[string]string{"Range": "bytes=15-24"})
	if response.StatusCode != http.StatusPartialContent || body != "5678901234" {
		t.Errorf("status %d, body %q, want 206 and the bytes 15 to 24", response.StatusCode, body)
	}
	if got, want := response.Header.Get("Content-Range"), "bytes 15-24/10000"; got != want {
		t.Errorf("Content-Range %q, want %q", got, want)
	}

	for _, test := range []struct {
		header string
		status int
	}{
		{"bytes=10000-", http.StatusRequestedRangeNotSatisfiable},
		{"bytes=9990-20000", http.StatusPartialContent},
		{"bytes=-10", http.StatusPartialContent},
		{"lines=1-2", http.StatusRequestedRangeNotSatisfiable},
	} {
		response, body := request(t, "GET", server.URL+"/data/cifar10.sae", map[string]string{"Range": test.header})
		if response.StatusCode != test.status || test.status == http.StatusPartialContent && body != "0123456789" {
			t.Errorf("%s: status %d, body %.20q, want %d", test.header, response.StatusCode, body, test.status)
		}
	}
}

// A range continues a download only in the same coding.
func TestRangeOfCoded(t *testing.T) {
	server, _ := newSite(t)
	url := server.URL + "/"
	whole, body := request(t, "GET", url, map[string]string{"Accept-Encoding": "gzip"})
	tag := whole.Header.Get("ETag")
	part, rest := request(t, "GET", url, map[string]string{"Accept-Encoding": "gzip", "Range": "bytes=10-", "If-Range": tag})
	if part.StatusCode != http.StatusPartialContent || rest != body[10:] || part.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("same coding: status %d with %d bytes in %q, want 206 with %d in gzip", part.StatusCode, len(rest), part.Header.Get("Content-Encoding"), len(body)-10)
	}
	if all, _ := request(t, "GET", url, map[string]string{"Range": "bytes=10-", "If-Range": tag}); all.StatusCode != http.StatusOK {
		t.Errorf("other coding: status %d, want 200", all.StatusCode)
	}
}

// A response without the file has no headers that describe its body.
func TestResponsesWithoutTheFile(t *testing.T) {
	server, _ := newSite(t)
	for _, coding := range []string{"identity", "gzip", "br"} {
		for _, path := range []string{"/", "/sae.0123456789.wasm"} {
			whole, _ := request(t, "GET", server.URL+path, map[string]string{"Accept-Encoding": coding})
			for _, test := range []struct {
				header, value string
				status        int
			}{
				{"If-Match", `"other"`, http.StatusPreconditionFailed},
				{"If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT", http.StatusPreconditionFailed},
				{"If-None-Match", whole.Header.Get("ETag"), http.StatusNotModified},
				{"Range", "bytes=1000000-", http.StatusRequestedRangeNotSatisfiable},
			} {
				for _, method := range []string{"GET", "HEAD"} {
					response, body := request(t, method, server.URL+path, map[string]string{"Accept-Encoding": coding, test.header: test.value})
					if response.StatusCode != test.status {
						t.Errorf("%s %s in %s, %s: status %d, want %d", method, path, coding, test.header, response.StatusCode, test.status)
					}
					if got := response.Header.Get("Content-Encoding"); got != "" {
						t.Errorf("%s %s in %s: %d promises a body in %s", method, path, coding, test.status, got)
					}
					if method == "GET" && response.ContentLength > 0 && response.ContentLength != int64(len(body)) {
						t.Errorf("%s in %s: %d has %d bytes and promises %d", path, coding, test.status, len(body), response.ContentLength)
					}
				}
			}
		}
	}
}

// Several ranges are supported only for uncompressed files.
func TestSeveralRanges(t *testing.T) {
	server, _ := newSite(t)
	for coding, want := range map[string]int{"identity": http.StatusPartialContent, "gzip": http.StatusOK} {
		response, body := request(t, "GET", server.URL+"/", map[string]string{"Accept-Encoding": coding, "Range": "bytes=0-1,5-6"})
		if response.StatusCode != want || response.ContentLength != int64(len(body)) {
			t.Errorf("%s: status %d with %d of %d bytes, want %d", coding, response.StatusCode, len(body), response.ContentLength, want)
		}
	}
}

func TestHead(t *testing.T) {
	server, _ := newSite(t)
	response, body := request(t, "HEAD", server.URL+"/data/cifar10.sae", nil)
	if response.StatusCode != http.StatusOK || response.ContentLength != 10000 || body != "" {
		t.Errorf("status %d, Content-Length %d, %d bytes, want 200, 10000 and none", response.StatusCode, response.ContentLength, len(body))
	}
}
