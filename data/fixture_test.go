package data

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// entry is a file of an archive or a folder.
type entry struct {
	name string
	body []byte
}

// records returns n records of CIFAR's binary version, with labels in rotation, class 0
// three times as often as the others.
func records(n int, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 0))
	body := make([]byte, n*recordSize)
	for i := range body {
		body[i] = byte(random.Uint32())
	}
	for i := range n {
		body[i*recordSize] = byte(max(0, i%12-2))
	}
	return body
}

const metaText = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"

// binaryVersion is a small CIFAR-10, in the order of the official archive.
func binaryVersion() []entry {
	return []entry{
		{"cifar-10-batches-bin/data_batch_1.bin", records(60, 1)},
		{"cifar-10-batches-bin/batches.meta.txt", []byte(metaText)},
		{"cifar-10-batches-bin/data_batch_2.bin", records(36, 2)},
		{"cifar-10-batches-bin/readme.html", []byte("<html>")},
		{"cifar-10-batches-bin/test_batch.bin", records(48, 3)},
	}
}

// pythonVersion holds the same records as binaryVersion, in another order.
func pythonVersion() []entry {
	return []entry{
		{"cifar-10-batches-py/data_batch_2", pickledBatch(records(36, 2))},
		{"cifar-10-batches-py/readme.html", []byte("<html>")},
		{"cifar-10-batches-py/test_batch", pickledBatch(records(48, 3))},
		{"cifar-10-batches-py/batches.meta", pickledMeta()},
		{"cifar-10-batches-py/data_batch_1", pickledBatch(records(60, 1))},
	}
}

// pickler writes pickles like Python 2's cPickle in protocol 2.
type pickler struct {
	bytes.Buffer
	memo int
}

func (p *pickler) put() {
	p.Write([]byte{'q', byte(p.memo)})
	p.memo++
}

func (p *pickler) str(s string) {
	p.Write([]byte{'U', byte(len(s))})
	p.WriteString(s)
}

// pickledBatch returns records as a batch of the Python version.
func pickledBatch(records []byte) []byte {
	n := len(records) / recordSize
	p := &pickler{memo: 1}
	p.WriteString("\x80\x02}")
	p.put()
	p.WriteByte('(')
	for _, s := range []string{"batch_label", "training batch 1 of 5", "labels"} {
		p.str(s)
		p.put()
	}
	p.WriteByte(']')
	p.put()
	p.WriteByte('(')
	for i := range n {
		p.Write([]byte{'K', records[i*recordSize]})
	}
	p.WriteByte('e')
	p.str("data")
	p.put()
	p.WriteString("cnumpy.core.multiarray\n_reconstruct\n")
	p.put()
	p.WriteString("cnumpy\nndarray\n")
	p.put()
	p.WriteString("K\x00\x85")
	p.put()
	p.WriteString("U\x01b\x87R")
	p.put()
	p.WriteString("(K\x01M")
	p.Write(binary.LittleEndian.AppendUint16(nil, uint16(n)))
	p.WriteString("M\x00\x0c\x86cnumpy\ndtype\n")
	p.put()
	p.WriteString("U\x02u1K\x00K\x01\x87R")
	p.put()
	p.WriteString("(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T")
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(n*ImageSize)))
	for i := range n {
		p.Write(records[i*recordSize+1:][:ImageSize])
	}
	p.WriteString("tb")
	p.str("filenames")
	p.put()
	p.WriteByte(']')
	p.put()
	p.WriteByte('(')
	for i := range n {
		p.str(fmt.Sprintf("leptodactylus_s_%06d.png", i))
	}
	p.WriteString("eu.")
	return p.Bytes()
}

func pickledMeta() []byte {
	p := &pickler{memo: 1}
	p.WriteString("\x80\x02}")
	p.put()
	p.WriteByte('(')
	p.str("num_cases_per_batch")
	p.put()
	p.WriteString("M\x10'")
	p.str("label_names")
	p.put()
	p.WriteByte(']')
	p.put()
	p.WriteByte('(')
	for _, name := range cifarClasses {
		p.str(name)
		p.put()
	}
	p.WriteString("eu.")
	return p.Bytes()
}

// archived returns a gzipped tar of the entries.
func archived(tb testing.TB, entries []entry) []byte {
	tb.Helper()
	return zipped(tb, string(tarred(tb, entries)))
}

func tarred(tb testing.TB, entries []entry) []byte {
	tb.Helper()
	var file bytes.Buffer
	archive := tar.NewWriter(&file)
	for _, e := range entries {
		if err := archive.WriteHeader(&tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.body))}); err != nil {
			tb.Fatal(err)
		}
		if _, err := archive.Write(e.body); err != nil {
			tb.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

func zipped(tb testing.TB, body string) []byte {
	tb.Helper()
	var file bytes.Buffer
	w := gzip.NewWriter(&file)
	if _, err := w.Write([]byte(body)); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

// inMemory returns a source of the given content.
func inMemory(name string, body []byte) Source {
	return Source{
		Name: name,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
		Size: int64(len(body)),
	}
}

// folder returns the entries as separate sources.
func folder(entries []entry) []Source {
	var sources []Source
	for _, e := range entries {
		if base := filepath.Base(e.name); isBatch(base) || isMeta(base) {
			sources = append(sources, inMemory(base, e.body))
		}
	}
	return sources
}

// compact returns a data set in the compact format.
func compact(tb testing.TB, d *Dataset) []byte {
	tb.Helper()
	var file bytes.Buffer
	if err := d.Write(&file); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

// shared returns the path of a file in ../shared, and skips the test if it is absent.
func shared(tb testing.TB, name string) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			tb.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("without ../shared/%s, which is not part of the repository", name)
	}
	return path
}
