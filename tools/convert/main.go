// Command convert converts CIFAR-10 to the compact format of the page.
//
//	convert -o data/cifar10.sae [-train N] [-val N] [-classes LIST] [-seed N] SOURCE...
//	convert -info FILE
//
// A source is cifar-10-binary.tar.gz, cifar-10-python.tar.gz, the folder that
// either unpacks to, or a single batch. Validation images come from the test
// batch.
package main

import (
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
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "convert:", strings.TrimPrefix(err.Error(), "data: "))
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("convert", flag.ContinueOnError)
	flags.SetOutput(stderr)
	output := flags.String("o", "", "write the compact data set to `FILE`")
	info := flags.String("info", "", "print what the compact data set in `FILE` contains")
	classes := flags.String("classes", "", "take only the classes in this `LIST` of names or numbers, separated by commas")
	var options data.ImportOptions
	flags.IntVar(&options.Train, "train", 0, "take `N` training images; 0 for all")
	flags.IntVar(&options.Validation, "val", 0, "take `N` validation images; 0 for all")
	flags.Uint64Var(&options.Seed, "seed", 1, "choose the images with the seed `N`")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *classes != "" {
		options.Classes = strings.Split(*classes, ",")
	}
	switch {
	case *info != "":
		return describe(*info, stdout)
	case *output == "":
		return errors.New("no -o FILE: want the file to write the compact data set to")
	case flags.NArg() == 0:
		return errors.New("no source: want cifar-10-binary.tar.gz, cifar-10-python.tar.gz, a folder or .bin files")
	}
	sources, err := find(flags.Args())
	if err != nil {
		return err
	}
	dataset, err := load(sources, options, stderr)
	if err != nil {
		return err
	}
	size, err := write(*output, dataset)
	if err != nil {
		return err
	}
	n := dataset.Train.Len() + dataset.Validation.Len()
	fmt.Fprintf(stdout, "%s: %d training and %d validation images, %d bytes, %.0f per image\n",
		*output, dataset.Train.Len(), dataset.Validation.Len(), size, float64(size)/float64(n))
	return nil
}

func describe(name string, stdout io.Writer) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := data.ReadInfo(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	stat, err := file.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "name        %s\nprovenance  %s\nimages      %d training, %d validation, %d×%d×%d\nclasses     %s\nsize        %d bytes, %.0f per image\n",
		info.Name, info.Provenance, info.Train, info.Validation, info.Height, info.Width, info.Channels,
		strings.Join(info.Classes, ", "), stat.Size(), float64(stat.Size())/float64(info.Train+info.Validation))
	return nil
}

// find returns the files that the arguments name. A folder stands for the batches
// in it.
func find(args []string) ([]data.Source, error) {
	var sources []data.Source
	for _, arg := range args {
		stat, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !stat.IsDir() {
			sources = append(sources, source(arg, stat.Size()))
			continue
		}
		before := len(sources)
		for _, pattern := range []string{"batches.meta*", "data_batch_*", "test_batch*"} {
			names, err := filepath.Glob(filepath.Join(arg, pattern))
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				stat, err := os.Stat(name)
				if err != nil {
					return nil, err
				}
				sources = append(sources, source(name, stat.Size()))
			}
		}
		if len(sources) == before {
			return nil, fmt.Errorf("%s: no batches in the folder: want data_batch_1.bin and so on, or data_batch_1", arg)
		}
	}
	return sources, nil
}

func source(name string, size int64) data.Source {
	return data.Source{
		Name: filepath.Base(name),
		Open: func() (io.ReadCloser, error) { return os.Open(name) },
		Size: size,
	}
}

// load imports the sources and shows a progress bar on a terminal.
func load(sources []data.Source, options data.ImportOptions, stderr io.Writer) (*data.Dataset, error) {
	if file, ok := stderr.(*os.File); ok {
		if stat, err := file.Stat(); err == nil && stat.Mode()&os.ModeCharDevice != 0 {
			var bar *progressbar.ProgressBar
			options.Progress = func(done, total int64) {
				if bar == nil {
					bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(file),
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
	}
	return data.Import(sources, options)
}

// write writes a temporary file and renames it when it is complete, so that an
// existing file stays until then.
func write(name string, dataset *data.Dataset) (size int64, err error) {
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name()) // no effect after the rename
	defer file.Close()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	if err := dataset.Write(untilInterrupted{file, interrupted}); err != nil {
		return 0, err
	}
	if err := errors.Join(file.Chmod(0o644), file.Sync()); err != nil {
		return 0, err
	}
	if size, err = file.Seek(0, io.SeekEnd); err != nil {
		return 0, err
	}
	return size, os.Rename(file.Name(), name)
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
