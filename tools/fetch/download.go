package main

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	// stallTimeout is how long a server may send nothing before the transfer is aborted.
	stallTimeout = 15 * time.Second
	// attempts is how often a transfer that stops is resumed at once, counting the first.
	// With stallTimeout, a server that is silent ends it within a minute.
	attempts = 3
)

// sumOf returns a hash of a file.
func sumOf(path string, h hash.Hash) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := io.Copy(h, file); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// verifyMD5 returns an error if the file's MD5 is not want.
func verifyMD5(path, want string) error {
	sum, err := sumOf(path, md5.New())
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum); got != want {
		return fmt.Errorf("MD5 is %s, want %s", got, want)
	}
	return nil
}

// download downloads url to path. If path has a part of the file, it resumes, if the server
// supports that, and so it does when a transfer stops that brought something.
func download(ctx context.Context, url, path string, stall time.Duration, stderr io.Writer) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	for attempt := 1; ; attempt++ {
		n, err := transfer(ctx, url, file, stall, stderr)
		if err == nil {
			return errors.Join(file.Sync(), file.Close())
		}
		if n == 0 || attempt == attempts || ctx.Err() != nil || errors.Is(err, errWrite) {
			if size, failed := file.Seek(0, io.SeekEnd); failed == nil && size == 0 {
				os.Remove(path)
				return err
			}
			return fmt.Errorf("%w; run it again to resume", err)
		}
		fmt.Fprintf(stderr, "fetch: %v; resuming\n", err)
	}
}

// transfer is one request of download. n is the number of bytes that came.
func transfer(ctx context.Context, url string, file *os.File, stall time.Duration, stderr io.Writer) (n int64, err error) {
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	stalled := fmt.Errorf("no data for %v", stall)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(stall, func() { cancel(stalled) }) // also covers connecting
	defer alarm.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", url, cmp.Or(context.Cause(ctx), err))
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusPartialContent:
	case http.StatusRequestedRangeNotSatisfiable: // the file is already complete
		return 0, nil
	case http.StatusOK: // the whole file, even if a part was requested
		have = 0
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		if err := file.Truncate(0); err != nil {
			return 0, err
		}
	default:
		return 0, fmt.Errorf("%s: HTTP status %s, want 200", url, response.Status)
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
	n, err = io.Copy(io.MultiWriter(onDisk{file}, bar, came), response.Body)
	fmt.Fprintln(stderr)
	if err != nil {
		return n, fmt.Errorf("%s: %w after %d bytes, which are in %s", url, cmp.Or(context.Cause(ctx), err), have+n, file.Name())
	}
	return n, nil
}

// errWrite marks an error of the disk, not of the network.
var errWrite = errors.New("cannot be written")

type onDisk struct{ io.Writer }

func (d onDisk) Write(buffer []byte) (int, error) {
	n, err := d.Writer.Write(buffer)
	if err != nil {
		err = fmt.Errorf("%w: %w", errWrite, err)
	}
	return n, err
}

// tick is called whenever something is written to it.
type tick func()

func (t tick) Write(buffer []byte) (int, error) {
	t()
	return len(buffer), nil
}
