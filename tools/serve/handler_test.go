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
)

// page is long enough to be worth compressing.
var page = "<!doctype html><title>Sparse autoencoder</title>" + strings.Repeat("<p>latent</p>", 500)

// newSite builds a small site and serves it. Outside of it lies secret.txt.
func newSite(t *testing.T) (server *httptest.Server, dir string) {
	t.Helper()
	parent := t.TempDir()
	dir = filepath.Join(parent, "site")
	for name, content := range map[string]string{
		"../secret.txt":     "secret",
		"index.html":        page,
		"sae.wasm":          "\x00asm\x01\x00\x00\x00",
		"embed.js":          "export {}",
		"style.css":         "body {}",
		"data/index.json":   "{}",
		"data/cifar10.sae":  strings.Repeat("0123456789", 1000),
		"lesson/index.html": "lesson",
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

// request sends one request, adding no header of its own, and returns the
// response and its body.
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
		"/":                 "text/html; charset=utf-8",
		"/index.html":       "text/html; charset=utf-8",
		"/lesson/":          "text/html; charset=utf-8",
		"/sae.wasm":         "application/wasm",
		"/embed.js":         "text/javascript; charset=utf-8",
		"/style.css":        "text/css; charset=utf-8",
		"/data/index.json":  "application/json; charset=utf-8",
		"/data/cifar10.sae": "application/octet-stream",
	} {
		response, _ := request(t, "GET", server.URL+path, nil)
		if response.StatusCode != http.StatusOK {
			t.Errorf("GET %s: status %d, want 200", path, response.StatusCode)
		}
		for name, want := range map[string]string{
			"Content-Type":           want,
			"Cache-Control":          "no-cache",
			"X-Content-Type-Options": "nosniff",
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

func TestRevalidation(t *testing.T) {
	server, dir := newSite(t)
	url := server.URL + "/index.html"
	for _, encoding := range []string{"identity", "gzip"} {
		first, _ := request(t, "GET", url, map[string]string{"Accept-Encoding": encoding})
		conditional := map[string]string{"Accept-Encoding": encoding, "If-None-Match": first.Header.Get("ETag")}
		again, body := request(t, "GET", url, conditional)
		if again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s: unchanged file: status %d with %d bytes, want 304 with none", encoding, again.StatusCode, len(body))
		}

		changed := page + encoding
		if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		again, _ = request(t, "GET", url, conditional)
		if again.StatusCode != http.StatusOK || again.Header.Get("ETag") == first.Header.Get("ETag") {
			t.Errorf("%s: changed file: status %d, tag %q, want 200 and a new tag", encoding, again.StatusCode, again.Header.Get("ETag"))
		}
	}
}

func TestCompression(t *testing.T) {
	server, _ := newSite(t)
	gzipped := map[string]string{"Accept-Encoding": "gzip"}

	response, body := request(t, "GET", server.URL+"/", gzipped)
	if got := response.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("page: encoding %q, want gzip", got)
	}
	reader, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(reader); err != nil || string(content) != page {
		t.Errorf("page: %d bytes and error %v after decompression, want the %d bytes of the file", len(content), err, len(page))
	}

	if response, body := request(t, "GET", server.URL+"/", nil); response.Header.Get("Content-Encoding") != "" || body != page {
		t.Errorf("page without Accept-Encoding: encoding %q, want none", response.Header.Get("Content-Encoding"))
	}
	if response, _ := request(t, "GET", server.URL+"/data/cifar10.sae", gzipped); response.Header.Get("Content-Encoding") != "" {
		t.Errorf("data set: encoding %q, want none", response.Header.Get("Content-Encoding"))
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
}

func TestHead(t *testing.T) {
	server, _ := newSite(t)
	response, body := request(t, "HEAD", server.URL+"/data/cifar10.sae", nil)
	if response.StatusCode != http.StatusOK || response.ContentLength != 10000 || body != "" {
		t.Errorf("status %d, Content-Length %d, %d bytes, want 200, 10000 and none", response.StatusCode, response.ContentLength, len(body))
	}
}
