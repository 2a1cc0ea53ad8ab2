// Command fetch prints the path of CIFAR-10 on this machine. It looks for the
// copies of Keras and torchvision, and otherwise downloads the official archive
// and verifies it. It skips damaged copies, and resumes an interrupted download.
//
//	fetch [-dir FOLDER] [-url URL] [-md5 SUM]
package main

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"sae/data"
	"sae/tools/output"
)

const (
	officialURL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
	officialMD5 = "c32a1d4ab5d03f1284b67883e8d87530"
	archiveName = "cifar-10-binary.tar.gz"
)

func main() {
	dir := flag.String("dir", defaultDir(), "store the archive in `FOLDER`")
	url := flag.String("url", "", "download from `URL` without looking for a copy")
	sum := flag.String("md5", officialMD5, "the archive's MD5 `SUM`, in hexadecimal")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	path, err := run(ctx, *dir, *url, *sum, stallTimeout, os.Stderr)
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

// stallTimeout is how long a server may send nothing before the download is aborted.
const stallTimeout = 30 * time.Second

func run(ctx context.Context, dir, url, sum string, stall time.Duration, stderr io.Writer) (string, error) {
	if url == "" {
		home, _ := os.UserHomeDir()
		if path := findCopy(home, os.Getenv("KERAS_HOME"), stderr); path != "" {
			return path, nil
		}
		url = officialURL
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	archive := filepath.Join(dir, archiveName)
	err := verify(archive, sum)
	if err == nil {
		return archive, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		skip(stderr, archive, err)
	}
	if err := download(ctx, url, archive+".part", stall, stderr); err != nil {
		return "", fmt.Errorf("%w\nDownload %s yourself and run: go run ./tools/convert -train 5000 -val 1000 -o data/cifar10.sae %s", err, officialURL, archiveName)
	}
	if err := verify(archive+".part", sum); err != nil {
		os.Remove(archive + ".part")
		return "", fmt.Errorf("%s: %w; the download was removed, try again", url, err)
	}
	return archive, os.Rename(archive+".part", archive)
}

// findCopy returns the path of a copy of CIFAR-10 that Keras or torchvision downloaded,
// or "". It reports and skips incomplete and damaged copies.
func findCopy(home, kerasHome string, stderr io.Writer) string {
	if kerasHome == "" {
		kerasHome = filepath.Join(home, ".keras")
	}
	keras := filepath.Join(kerasHome, "datasets")
	for _, folder := range []string{
		filepath.Join(keras, "cifar-10-batches-py-target", "cifar-10-batches-py"),
		filepath.Join(keras, "cifar-10-batches-py"),
		filepath.Join("data", "cifar-10-batches-py"),
		filepath.Join("data", "cifar-10-batches-bin"),
		filepath.Join(home, "data", "cifar-10-batches-py"),
		filepath.Join(home, ".cache", "torch", "cifar-10-batches-py"),
	} {
		if stat, err := os.Stat(folder); err != nil || !stat.IsDir() {
			continue
		}
		if err := checkCopy(folder); err != nil {
			skip(stderr, folder, err)
			continue
		}
		return folder
	}
	return ""
}

func skip(stderr io.Writer, path string, err error) {
	fmt.Fprintf(stderr, "fetch: %s: %s; skipped\n", output.Printable(path), output.Printable(err.Error()))
}

// checkCopy returns an error if a copy is incomplete or damaged.
func checkCopy(folder string) error {
	sources, err := data.Folder(os.DirFS(folder))
	if err != nil {
		return err
	}
	for _, name := range []string{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"} {
		if !slices.ContainsFunc(sources, func(s data.Source) bool { return strings.TrimSuffix(s.Name, ".bin") == name }) {
			return fmt.Errorf("%s is missing", name)
		}
	}
	_, err = data.Import(sources, data.ImportOptions{Train: 1, Validation: 1})
	return err
}

// verify returns an error if the file's MD5 is not sum.
func verify(path, sum string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := md5.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		return fmt.Errorf("MD5 is %s, want %s", got, sum)
	}
	return nil
}

// download downloads url to path. If path has a part of the file, it resumes, if the
// server supports that. It fails if no data arrive for the duration stall.
func download(ctx context.Context, url, path string, stall time.Duration, stderr io.Writer) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	stalled := fmt.Errorf("no data for %v", stall)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(stall, func() { cancel(stalled) }) // also covers connecting
	defer alarm.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w; run it again to resume", url, cmp.Or(context.Cause(ctx), err))
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusPartialContent:
	case http.StatusRequestedRangeNotSatisfiable: // the file is already complete
		return nil
	case http.StatusOK: // the whole file, even if a part was requested
		have = 0
		if err := errors.Join(file.Truncate(0), rewind(file)); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s: HTTP status %s, want 200", url, response.Status)
	}
	total := int64(-1)
	if response.ContentLength >= 0 {
		total = have + response.ContentLength
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(stderr),
		progressbar.OptionSetDescription("downloading CIFAR-10"), progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(500*time.Millisecond))
	bar.Set64(have)
	came := tick(func() { alarm.Reset(stall) })
	n, err := io.Copy(io.MultiWriter(file, bar, came), response.Body)
	fmt.Fprintln(stderr)
	if err != nil {
		return fmt.Errorf("%s: %w after %d bytes, which are in %s; run it again to resume", url, cmp.Or(context.Cause(ctx), err), have+n, path)
	}
	return file.Sync()
}

// tick is called whenever something is written to it.
type tick func()

func (t tick) Write(buffer []byte) (int, error) {
	t()
	return len(buffer), nil
}

func rewind(file *os.File) error {
	_, err := file.Seek(0, io.SeekStart)
	return err
}
