// Command convert converts a data set to the compact format of the page.
//
//	convert -o data/cifar10.sae [-train N] [-val N] [-classes LIST] [-coarse] [-seed N] SOURCE...
//	convert -info FILE
//
// A source is one of these, recognized by its content:
//
//   - CIFAR-10 or CIFAR-100: the binary or Python archive, the tar in it, the folder that it
//     unpacks to, or a single batch
//   - MNIST, Fashion-MNIST or another data set in the IDX format: the files, gzipped or not,
//     or a folder or archive of them; images are padded to 32×32
//   - a folder or a zip archive of pictures, PNG, JPEG or GIF: the square in the middle of
//     each, reduced to 32×32. Folders are classes, below train and val or test if there are
//     such; or a table such as Kaggle's trainLabels.csv has the labels
//   - a zip archive with the files of one of the others
//   - a data set in the compact format
//
// At most 500,000 files are looked at, and 200,000 pictures of 64 MiB and 67 million pixels
// each are read. A picture takes 10 KB of memory, and up to 1 GiB while it is decoded.
//
// Sources and FILE may be pipes. Validation images come from the test batch; without one, a
// tenth of the images are held out.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/schollz/progressbar/v3"

	"sae/data"
	"sae/tools/cifar10"
	"sae/tools/output"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "convert:", output.Printable(strings.TrimPrefix(err.Error(), "data: ")))
		os.Exit(1)
	}
}

// batches are what the records are compared with.
var batches = cifar10.Official

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("convert", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("o", "", "write the compact data set to `FILE`")
	info := flags.String("info", "", "print what the compact data set in `FILE` contains")
	classes := flags.String("classes", "", "take only the classes in this `LIST` of names or numbers, separated by commas")
	var options data.ImportOptions
	flags.IntVar(&options.Train, "train", 0, "take `N` training images; 0 for all")
	flags.IntVar(&options.Validation, "val", 0, "take `N` validation images; 0 for all")
	flags.BoolVar(&options.Coarse, "coarse", false, "take CIFAR-100's 20 coarse classes, not its 100 fine ones")
	flags.Uint64Var(&options.Seed, "seed", 1, "choose the images with the seed `N`")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *classes != "" {
		options.Classes = strings.Split(*classes, ",")
	}
	switch {
	case *info != "":
		return describe(*info, stdout, stderr)
	case *name == "":
		return errors.New("no -o FILE: want the file to write the compact data set to")
	case flags.NArg() == 0:
		return errors.New("no source: want the archive, the folder or the files of a data set, such as cifar-10-binary.tar.gz, or a folder of pictures")
	}
	found, err := find(flags.Args(), stderr)
	if err != nil {
		return err
	}
	if flags.NArg() == 1 {
		if path, err := filepath.Abs(flags.Arg(0)); err == nil {
			options.From = filepath.Base(path)
		}
	}
	check := batches.NewCheck()
	options.Record = check.Record
	dataset, err := load(found, options, stderr)
	if err != nil {
		return err
	}
	if check.Err() == nil {
		dataset.Provenance += "; MD5 of all 60,000 records verified"
	}
	if !output.IsFile(*name) {
		stdout = stderr // the data set may go to stdout
		fmt.Fprintf(stderr, "convert: writing to %s, which is not a regular file\n", output.Printable(*name))
	}
	size, err := write(*name, dataset)
	if err != nil {
		return err
	}
	n := dataset.Train.Len() + dataset.Validation.Len()
	fmt.Fprintf(stdout, "%s: %d training and %d validation images, %d bytes, %.0f per image\n",
		output.Printable(*name), dataset.Train.Len(), dataset.Validation.Len(), size, float64(size)/float64(n))
	return nil
}

func describe(name string, stdout, stderr io.Writer) error {
	stat, err := os.Stat(name)
	if err != nil {
		return err
	}
	source, _, err := open(name, stat, stderr)
	if err != nil {
		return err
	}
	file, err := source.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := data.ReadInfo(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(stdout, "name        %s\nprovenance  %s\nimages      %d training, %d validation, %d×%d×%d\nclasses     %s\nsize        %d bytes, %.0f per image\n",
		output.Printable(info.Name), output.Printable(info.Provenance), info.Train, info.Validation, info.Height, info.Width, info.Channels,
		output.Printable(strings.Join(info.Classes, ", ")), source.Size, float64(source.Size)/float64(info.Train+info.Validation))
	return nil
}

// input is what the arguments name.
type input struct {
	sources  []data.Source
	pictures fs.FS // a folder of pictures instead, or nil
}

// find finds what the arguments name. A folder, or an archive of one, stands for its
// batches or its pictures.
func find(args []string, stderr io.Writer) (found input, err error) {
	for _, arg := range args {
		stat, err := os.Stat(arg)
		if err != nil {
			return found, err
		}
		folder := os.DirFS(arg)
		if !stat.IsDir() {
			source, content, err := open(arg, stat, stderr)
			if err != nil {
				return found, err
			}
			if !isZip(content) {
				found.sources = append(found.sources, source)
				continue
			}
			if folder, err = openZip(content, source.Size); err != nil {
				return found, fmt.Errorf("%s: %w", arg, err)
			}
		}
		if folder, err = inner(folder); err != nil {
			return found, fmt.Errorf("%s: %w", arg, err)
		}
		batches, err := data.Folder(folder)
		switch {
		case errors.Is(err, data.ErrNoBatches) && len(args) > 1:
			return found, fmt.Errorf("%s: a folder of pictures among %d sources: want it alone", arg, len(args))
		case errors.Is(err, data.ErrNoBatches):
			found.pictures = folder
		case err != nil:
			return found, fmt.Errorf("%s: %w", arg, err)
		}
		found.sources = append(found.sources, batches...)
	}
	return found, nil
}

// isZip reports whether a file is a zip archive.
func isZip(content io.ReaderAt) bool {
	var start [4]byte
	content.ReadAt(start[:], 0)
	return string(start[:]) == "PK\x03\x04" || string(start[:]) == "PK\x05\x06"
}

// maxStream is the most bytes that are read from a pipe: CIFAR's archives unpack to
// 186 MB.
const maxStream = 512 << 20

// open returns a file as a source, and its content. A pipe or a device, which cannot be read
// twice, is read into memory.
func open(name string, stat os.FileInfo, stderr io.Writer) (data.Source, io.ReaderAt, error) {
	source := data.Source{
		Name: filepath.Base(name),
		Open: func() (io.ReadCloser, error) { return os.Open(name) },
		Size: stat.Size(),
	}
	regular := stat.Mode().IsRegular() || stat.IsDir()
	if !regular {
		fmt.Fprintf(stderr, "convert: reading %s until it ends\n", output.Printable(name))
	}
	file, err := os.Open(name) // waits for a pipe's writer
	if err != nil {
		return source, nil, err
	}
	if regular {
		return source, file, nil // open until the command ends
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxStream+1))
	if err != nil {
		return source, nil, err
	}
	if len(content) > maxStream {
		return source, nil, fmt.Errorf("%s: more than %d bytes: want a data set", name, maxStream)
	}
	source.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	source.Size = int64(len(content))
	return source, bytes.NewReader(content), nil
}

// load imports what was found and shows a progress bar on a terminal.
func load(found input, options data.ImportOptions, stderr io.Writer) (*data.Dataset, error) {
	if output.IsTerminal(stderr) {
		var bar *progressbar.ProgressBar
		options.Progress = func(done, total int64) {
			if bar == nil {
				bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(stderr),
					progressbar.OptionSetDescription("converting"), progressbar.OptionShowBytes(found.pictures == nil),
					progressbar.OptionThrottle(100e6), progressbar.OptionClearOnFinish())
			}
			bar.Set64(done)
		}
		defer func() {
			if bar != nil {
				bar.Finish()
			}
		}()
	}
	if found.pictures == nil {
		return data.Import(found.sources, options)
	}
	all, notes, err := readAlbum(found.pictures, options.Progress)
	if err != nil {
		return nil, err
	}
	for _, note := range notes {
		fmt.Fprintf(stderr, "convert: %s\n", note)
	}
	all.Name = strings.TrimSuffix(options.From, ".zip")
	return all.Subset(options)
}

// write writes the data set. If it is interrupted, an earlier file stays as it was.
func write(name string, dataset *data.Dataset) (size int64, err error) {
	interrupted := make(chan os.Signal, 1)
	if output.IsFile(name) { // not for a pipe: writing may block, and an interrupt must end it
		signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(interrupted)
	}
	return output.WriteFile(name, func(w io.Writer) error { return dataset.Write(untilInterrupted{w, interrupted}) })
}

type untilInterrupted struct {
	io.Writer
	interrupted <-chan os.Signal
}

func (w untilInterrupted) Write(buffer []byte) (int, error) {
	select {
	case <-w.interrupted:
		return 0, errors.New("interrupted; nothing was written")
	default:
		return w.Writer.Write(buffer)
	}
}
