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
//   - a data set in the compact format
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
		return errors.New("no source: want the archive, the folder or the files of a data set, such as cifar-10-binary.tar.gz")
	}
	sources, err := find(flags.Args(), stderr)
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
	dataset, err := load(sources, options, stderr)
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
	source, err := open(name, stat, stderr)
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

// find returns the sources that the arguments name. A folder stands for its batches.
func find(args []string, stderr io.Writer) ([]data.Source, error) {
	var sources []data.Source
	for _, arg := range args {
		stat, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if stat.IsDir() {
			batches, err := data.Folder(os.DirFS(arg))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", arg, err)
			}
			sources = append(sources, batches...)
			continue
		}
		source, err := open(arg, stat, stderr)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}

// maxStream is the most bytes that are read from a pipe: CIFAR's archives unpack to
// 186 MB.
const maxStream = 512 << 20

// open returns a file as a source. A pipe or a device, which cannot be read twice, is
// read into memory.
func open(name string, stat os.FileInfo, stderr io.Writer) (data.Source, error) {
	source := data.Source{
		Name: filepath.Base(name),
		Open: func() (io.ReadCloser, error) { return os.Open(name) },
		Size: stat.Size(),
	}
	if stat.Mode().IsRegular() || stat.IsDir() {
		return source, nil
	}
	fmt.Fprintf(stderr, "convert: reading %s until it ends\n", output.Printable(name))
	file, err := os.Open(name) // waits for a pipe's writer
	if err != nil {
		return source, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxStream+1))
	if err != nil {
		return source, err
	}
	if len(content) > maxStream {
		return source, fmt.Errorf("%s: more than %d bytes: want a data set", name, maxStream)
	}
	source.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	source.Size = int64(len(content))
	return source, nil
}

// load imports the sources and shows a progress bar on a terminal.
func load(sources []data.Source, options data.ImportOptions, stderr io.Writer) (*data.Dataset, error) {
	if output.IsTerminal(stderr) {
		var bar *progressbar.ProgressBar
		options.Progress = func(done, total int64) {
			if bar == nil {
				bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(stderr),
					progressbar.OptionSetDescription("converting"), progressbar.OptionShowBytes(true),
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
	return data.Import(sources, options)
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
