package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"path"
	"runtime"
	"slices"
	"sync"
	"text/tabwriter"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

// codings are the compressed forms of a file.
var codings = []struct {
	extension string
	writer    func(w io.Writer, size int) io.WriteCloser
}{
	{".br", func(w io.Writer, size int) io.WriteCloser {
		window := min(max(bits.Len(uint(size)), 10), 24) // the whole file, up to the browsers' limit
		return brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: window})
	}},
	{".gz", func(w io.Writer, _ int) io.WriteCloser {
		writer, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			panic(err) // only for an invalid level, which is constant here
		}
		return writer
	}},
}

// shrinks reports whether files of this kind are worth compressing.
func shrinks(name string) bool {
	return isText(name) || slices.Contains([]string{".svg", ".wasm"}, path.Ext(name))
}

// compress adds the compressed forms of the files if they are smaller.
func (b *build) compress() {
	var (
		mutex   sync.Mutex
		group   sync.WaitGroup
		running = make(chan struct{}, runtime.GOMAXPROCS(0))
		coded   = map[string][]byte{}
	)
	for name, content := range b.files {
		if !shrinks(name) {
			continue
		}
		for _, c := range codings {
			group.Go(func() {
				running <- struct{}{}
				defer func() { <-running }()
				var buffer bytes.Buffer
				w := c.writer(&buffer, len(content))
				w.Write(content) // cannot fail, because it writes to a buffer
				w.Close()
				if buffer.Len() < len(content) {
					mutex.Lock()
					coded[name+c.extension] = buffer.Bytes()
					mutex.Unlock()
				}
			})
		}
	}
	group.Wait()
	maps.Copy(b.files, coded)
}

// training returns the files that the page loads before it can train on the synthetic
// data set, in the order of references.
func (b *build) training() []string {
	names := []string{pageName}
	for i := 0; i < len(names); i++ {
		for _, name := range b.refers[names[i]] {
			switch path.Ext(name) {
			case ".css", ".js", ".json", ".wasm":
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// printSizes prints the sizes in bytes of the files that training needs, and returns
// their sum with Brotli.
func (b *build) printSizes(w io.Writer) (total int64) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "bytes\tgzip\tBrotli\t  loaded to train on the synthetic data set")
	var sums [3]int
	for _, name := range b.training() {
		published := b.names[name]
		for i, extension := range []string{"", ".gz", ".br"} {
			content, ok := b.files[published+extension]
			if !ok {
				content = b.files[published]
			}
			sums[i] += len(content)
			fmt.Fprintf(table, "%d\t", len(content))
		}
		fmt.Fprintf(table, "  %s\n", name)
	}
	fmt.Fprintf(table, "%d\t%d\t%d\t  total\n", sums[0], sums[1], sums[2])
	table.Flush()
	return int64(sums[2])
}
