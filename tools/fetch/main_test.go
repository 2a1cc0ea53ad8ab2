package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	content = bytes.Repeat([]byte("CIFAR-10 "), 100_000)
	sum     = func() string { s := md5.Sum(content); return hex.EncodeToString(s[:]) }()
)

// archive serves the content and supports ranges.
func archive(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, archiveName, time.Time{}, bytes.NewReader(content))
}

func fetch(t *testing.T, dir, url, sum string) (string, error) {
	t.Helper()
	return run(context.Background(), dir, url, sum, time.Minute, io.Discard)
}

// check expects the whole archive at path, and no partial download.
func check(t *testing.T, path string, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes at %s, want %d; %v", len(got), path, len(content), err)
	}
	if _, err := os.Stat(path + ".part"); !os.IsNotExist(err) {
		t.Errorf("a part is left: %v", err)
	}
}

func TestDownloadsOnce(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		archive(w, r)
	}))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "new")
	for range 2 {
		path, err := fetch(t, dir, server.URL, sum)
		check(t, path, err)
	}
	if requests != 1 {
		t.Errorf("%d requests, want 1: the archive is kept", requests)
	}
}

// An interrupted download is resumed, or starts over if the server does not support
// ranges.
func TestGoesOn(t *testing.T) {
	for name, ranges := range map[string]bool{"with ranges": true, "without ranges": false} {
		t.Run(name, func(t *testing.T) {
			first, asked := true, ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if first {
					first = false
					w.Header().Set("Content-Length", "900000")
					w.Write(content[:300_000])
					panic(http.ErrAbortHandler)
				}
				asked = r.Header.Get("Range")
				if !ranges {
					w.Write(content)
					return
				}
				archive(w, r)
			}))
			defer server.Close()
			dir := t.TempDir()
			if _, err := fetch(t, dir, server.URL, sum); err == nil || !strings.Contains(err.Error(), "run it again to resume") {
				t.Fatalf("cut connection: %v", err)
			}
			path, err := fetch(t, dir, server.URL, sum)
			check(t, path, err)
			if asked != "bytes=300000-" {
				t.Errorf("asked for %q, want the rest from byte 300000", asked)
			}
		})
	}
}

func TestRefusesAnotherArchive(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(archive))
	defer server.Close()
	dir := t.TempDir()
	_, err := fetch(t, dir, server.URL, officialMD5)
	if err == nil || !strings.Contains(err.Error(), "MD5 is "+sum+", want "+officialMD5) {
		t.Errorf("wrong MD5: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("the wrong archive is left: %v", entries)
	}
}

func TestServerWithoutIt(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	_, err := fetch(t, t.TempDir(), server.URL, sum)
	if err == nil || !strings.Contains(err.Error(), "HTTP status 404") {
		t.Errorf("404: %v", err)
	}
	server.Close()
	_, err = fetch(t, t.TempDir(), server.URL, sum)
	if err == nil || !strings.Contains(err.Error(), "Download "+officialURL+" yourself") {
		t.Errorf("no server: %v, want how to get the archive by hand", err)
	}
}

// A download that stalls is aborted, and the next one resumes it.
func TestStalls(t *testing.T) {
	for name, silent := range map[string]http.HandlerFunc{
		"no header": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no more": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			w.Write(content[:300_000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			stalls := httptest.NewServer(silent)
			defer stalls.Close()
			dir := t.TempDir()
			_, err := run(t.Context(), dir, stalls.URL, sum, 2*time.Second, io.Discard)
			for _, want := range []string{"no data for 2s", "run it again to resume", officialURL} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("%v, want %q", err, want)
				}
			}
			left, err := os.Stat(filepath.Join(dir, archiveName+".part"))
			if err != nil {
				t.Fatal(err)
			}
			asked := ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header.Get("Range")
				archive(w, r)
			}))
			defer server.Close()
			path, err := fetch(t, dir, server.URL, sum)
			check(t, path, err)
			if want := fmt.Sprintf("bytes=%d-", left.Size()); name == "no more" && asked != want {
				t.Errorf("asked for %q, want %q", asked, want)
			}
		})
	}
}

// A damaged archive is reported and downloaded again.
func TestDamagedArchive(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(archive))
	defer server.Close()
	dir := t.TempDir()
	kept := filepath.Join(dir, archiveName)
	if err := os.WriteFile(kept, content[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	path, err := run(t.Context(), dir, server.URL, sum, time.Minute, &stderr)
	check(t, path, err)
	if want := "fetch: " + kept + ": MD5 is "; !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("says %q, want %q", stderr.String(), want)
	}
}

func TestFindsCopies(t *testing.T) {
	home := t.TempDir()
	var stderr bytes.Buffer
	if got := findCopy(home, "", &stderr); got != "" {
		t.Errorf("found %s where there is nothing", got)
	}
	folder := filepath.Join(home, ".keras", "datasets", "cifar-10-batches-py")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	batches := []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}
	for i, name := range batches {
		if got := findCopy(home, "", &stderr); got != "" {
			t.Errorf("found %s with %d of 6 batches", got, i)
		}
		record := bytes.Repeat([]byte{byte(i)}, 3073)
		if err := os.WriteFile(filepath.Join(folder, name), slices.Concat(record, record), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(stderr.String(), "fetch: "+folder+": test_batch is missing; skipped\n") {
		t.Errorf("an incomplete copy is reported by %q", stderr.String())
	}
	if got := findCopy(home, "", &stderr); got != folder {
		t.Errorf("found %q, want %s", got, folder)
	}
	if got := findCopy("", filepath.Join(home, ".keras"), &stderr); got != folder {
		t.Errorf("found %q by KERAS_HOME, want %s", got, folder)
	}

	// A damaged copy is reported and skipped.
	stderr.Reset()
	if err := os.Truncate(filepath.Join(folder, "data_batch_3.bin"), 4000); err != nil {
		t.Fatal(err)
	}
	if got := findCopy(home, "", &stderr); got != "" {
		t.Errorf("found %s, which is damaged", got)
	}
	if want := "fetch: " + folder + ": data_batch_3.bin: record 2: 927 bytes left, want 3073; skipped\n"; stderr.String() != want {
		t.Errorf("a damaged copy is reported by %q, want %q", stderr.String(), want)
	}
	other := filepath.Join(home, "data", "cifar-10-batches-py")
	if err := os.CopyFS(other, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(other, "data_batch_3.bin"), 3073); err != nil {
		t.Fatal(err)
	}
	if got := findCopy(home, "", &stderr); got != other {
		t.Errorf("found %q, want %s", got, other)
	}
}
