// Command train trains an experiment natively, like train_cifar10.py in the
// exercise.
//
//	train [-data FILE] [-o CHECKPOINT] [-report HTML] [-resume CHECKPOINT] [-latent 32 …]
//	train -compare [-report HTML] …
//	train -sweep [-report HTML] …
//
// FILE is a compact data set from convert; the default is the synthetic data set.
// Every setting of the page except workers and device is a flag. -compare trains experiments
// 1 to 5 and prints a table that compares them with the mean image and principal components.
// -sweep trains the experiment with several values of λ, or of k with TopK. Ctrl-C stops
// training after the current batch and writes the result so far.
//
// Up to eight cores train together. The result does not depend on their number, which
// GOMAXPROCS sets. With the build tag openblas, OpenBLAS multiplies the matrices: that needs
// cgo and OpenBLAS, on Debian the package libopenblas-dev.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"github.com/schollz/progressbar/v3"

	"sae/data"
	"sae/nn"
	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/tools/output"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

// fields are the settings without those that only the browser has.
var fields = slices.DeleteFunc(slices.Clone(experiment.Table), func(field experiment.Field) bool {
	return field.Machine
})

// trainer is one call of the command.
type trainer struct {
	ctx            context.Context
	stdout, stderr io.Writer
	set            *data.Dataset
	data           fit.Data
	report         *report
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("data", "", "train on the compact data set in `FILE`; without it, on the synthetic data set")
	output := flags.String("o", "", "write a checkpoint to `FILE`")
	html := flags.String("report", "", "write an HTML report to `FILE`")
	site := flags.String("site", "build/site", "`folder` with the style sheet and ECharts for the report, from make build")
	resume := flags.String("resume", "", "continue from the checkpoint in `FILE`; only the setting epochs can change")
	compare := flags.Bool("compare", false, "train experiments 1 to 5 and compare them")
	sweep := flags.Bool("sweep", false, "train with several values of λ, or of k with TopK, and compare them")
	texts := map[string]*string{}
	for _, field := range fields {
		texts[field.Name] = flags.String(field.Name, field.Format(experiment.Default()), field.Help+" `VALUE` is "+field.Want()+".")
	}
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("argument %q: want flags only", flags.Arg(0))
	}
	changes := map[string]string{}
	flags.Visit(func(f *flag.Flag) {
		if text, ok := texts[f.Name]; ok {
			changes[f.Name] = *text
		}
	})
	switch {
	case *compare && *sweep:
		return errors.New("-compare and -sweep: want one of them")
	case (*compare || *sweep) && (*output != "" || *resume != ""):
		return errors.New("-compare and -sweep train several models: want no -o and no -resume")
	}

	t := &trainer{ctx: ctx, stdout: stdout, stderr: stderr}
	if err := t.load(*file); err != nil {
		return err
	}
	if *html != "" {
		var err error
		if t.report, err = newReport(*site, t.set, t.data); err != nil {
			return err // fails before training, not after it
		}
	}
	var err error
	switch {
	case *compare:
		err = t.compare(changes)
	case *sweep:
		err = t.sweep(changes)
	default:
		err = t.train(changes, *resume, *output)
	}
	if *html != "" && (err == nil || ctx.Err() != nil) {
		err = errors.Join(err, writeFile(*html, t.report.write))
	}
	return err
}

// load reads the data set.
func (t *trainer) load(name string) error {
	if name == "" {
		t.set = data.BuiltIn()
		t.set.More(t.set.Train.Len())
	} else {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		if t.set, err = data.Read(file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	t.data = fit.NewData(t.set.Name, data.ImageSize, t.set.Train.Images, t.set.Validation.Images)
	fmt.Fprintf(t.stdout, "%s: %d training and %d validation images\n", output.Printable(t.set.Name), t.set.Train.Len(), t.set.Validation.Len())
	return nil
}

// train trains one model.
func (t *trainer) train(changes map[string]string, resume, output string) error {
	var r *fit.Run
	if resume == "" {
		settings, err := experiment.Default().With(changes)
		if err != nil {
			return err
		}
		if r, err = fit.New(settings, t.data, nil); err != nil {
			return err
		}
	} else {
		c, err := readCheckpoint(resume)
		if err != nil {
			return err
		}
		settings, err := c.Settings.With(changes)
		if err != nil {
			return err
		}
		if c.Settings.Resets(settings) {
			return fmt.Errorf("-resume: only the setting epochs can change; the checkpoint has %v", c.Settings.Changes())
		}
		c.Settings = settings
		if c.Data != t.data.Fingerprint() {
			fmt.Fprintf(t.stderr, "train: warning: %s was trained on other data: %s with %d images\n", resume, c.Data.Name, c.Data.Train)
		}
		if r, err = fit.Resume(c, t.data, nil); err != nil {
			return err
		}
	}
	fmt.Fprintln(t.stdout, r.Auto.Architecture.Summary())
	evaluation, err := t.fit(r, "training")
	if err != nil && t.ctx.Err() == nil {
		return err
	}
	if output != "" {
		c, failure := r.Checkpoint("go")
		if failure == nil {
			failure = writeFile(output, c.Write)
		}
		if failure != nil {
			return failure
		}
		fmt.Fprintln(t.stdout, "checkpoint:", output)
	}
	if latest, ok := r.Latest(); ok {
		fmt.Fprintf(t.stdout, "after epoch %d: val_loss %.4f, MSE %.5f, PSNR %.2f dB, FVU %.4f, %.1f units active, %d dead\n",
			r.Epoch, latest.ValLoss, latest.ValMSE, latest.PSNR, latest.FVU, latest.Active, latest.Dead)
	}
	if t.report != nil && evaluation != nil {
		if err := t.report.add(r, evaluation); err != nil {
			return err
		}
	}
	return err
}

// fit trains a run to its end with a progress bar, and evaluates the result.
func (t *trainer) fit(r *fit.Run, title string) (evaluation *nn.Evaluation, err error) {
	together, err := spread(r, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, together()) }()
	total := (r.Settings.Epochs-r.Epoch)*r.Batches() - r.Batch
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(t.stderr), progressbar.OptionSetDescription(title),
		progressbar.OptionThrottle(100e6), progressbar.OptionClearOnFinish(), progressbar.OptionSetVisibility(output.IsTerminal(t.stderr)))
	defer bar.Finish()
	for !r.Done() {
		if err := t.ctx.Err(); err != nil {
			return nil, fmt.Errorf("interrupted in epoch %d, batch %d", r.Epoch+1, r.Batch)
		}
		if !r.Due() {
			if _, err := r.Step(1); err != nil {
				return nil, err
			}
			bar.Add(1)
			continue
		}
		_, epoch, err := r.Evaluate()
		if err != nil {
			return nil, err
		}
		if epoch != nil {
			bar.Clear()
			fmt.Fprintf(t.stdout, "%s: epoch %d/%d: loss %.4f, val_loss %.4f, PSNR %.2f dB, %.1f units active, %d dead\n",
				title, epoch.Epoch, r.Settings.Epochs, epoch.Loss, epoch.ValLoss, epoch.PSNR, epoch.Active, epoch.Dead)
		}
	}
	evaluation, _, err = r.Evaluate()
	return evaluation, err
}

// compare trains the experiments on whole pictures, all but the last.
func (t *trainer) compare(changes map[string]string) error {
	var all []experiment.Settings
	for number := 1; number < len(experiment.Names); number++ {
		settings, err := experiment.Preset(number)
		if err != nil {
			return err
		}
		own := maps.Clone(changes)
		if settings.Init == experiment.Tied { // its networks have no hidden layers
			delete(own, "hidden")
		}
		if settings, err = settings.With(own); err != nil {
			return err
		}
		if settings.Experiment != number {
			return fmt.Errorf("-compare: %v turns experiment %d into experiment %d: want settings that do not", changes, number, settings.Experiment)
		}
		all = append(all, settings)
	}
	n := all[0].TrainingImages(t.set.Train.Len())
	mean := baseline.MeanImage(t.data.Train[:n*t.data.Dims], t.data.Validation, t.data.Dims)
	rows := []row{{name: "mean image", quality: mean}}
	sizes := []int{all[0].Latent, all[len(all)-1].K}
	slices.Sort(sizes)
	for _, k := range slices.Compact(sizes) {
		if k > min(baseline.MaxPCA, n) {
			continue
		}
		quality, err := t.pca(n, k)
		if err != nil {
			return err
		}
		rows = append(rows, row{name: fmt.Sprintf("PCA-%d", k), quality: quality})
	}
	for _, settings := range all {
		name := fmt.Sprintf("%d %s", settings.Experiment, experiment.Names[settings.Experiment])
		r, err := fit.New(settings, t.data, nil)
		if err != nil {
			return err
		}
		evaluation, err := t.fit(r, name)
		if err != nil {
			return err
		}
		rows = append(rows, modelRow(name, r))
		if t.report != nil {
			if err := t.report.add(r, evaluation); err != nil {
				return err
			}
		}
	}
	t.table(rows, "")
	return nil
}

// pca returns how well k principal components of the first n training images reconstruct
// the validation images.
func (t *trainer) pca(n, k int) (baseline.Quality, error) {
	components, err := t.data.PCA(n, k, t.ctx.Err)
	if err != nil {
		return baseline.Quality{}, err
	}
	return baseline.PCA(components, k, t.data.Validation, t.ctx.Err)
}

// sweep trains the experiment with each λ, or k, of the page's slider.
func (t *trainer) sweep(changes map[string]string) error {
	base, err := experiment.Default().With(changes)
	if err != nil {
		return err
	}
	field, _ := experiment.Lookup("lambda")
	symbol := "λ"
	if base.Sparsity == experiment.TopK {
		field, _ = experiment.Lookup("k")
		symbol = "k"
	}
	var rows []row
	var runs []fit.Result
	for _, notch := range field.Notches {
		if field.Name == "k" && int(notch) > base.Latent {
			break
		}
		value := experiment.FormatLambda(notch)
		settings, err := base.With(map[string]string{field.Name: value})
		if err != nil {
			return err
		}
		r, err := fit.New(settings, t.data, nil)
		if err != nil {
			return err
		}
		if _, err := t.fit(r, symbol+" "+value); err != nil {
			return err
		}
		rows = append(rows, modelRow(value, r))
		latest, _ := r.Latest()
		runs = append(runs, fit.Result{Settings: settings, Evaluation: latest})
	}
	t.table(rows, symbol)
	if t.report != nil {
		return t.tradeOff(runs, base)
	}
	return nil
}

// tradeOff adds the chart of the trade-off to the report.
func (t *trainer) tradeOff(runs []fit.Result, base experiment.Settings) error {
	var curve []baseline.Components
	if n := base.TrainingImages(t.set.Train.Len()); base.Patch == 0 {
		components, err := t.data.PCA(n, min(base.Latent, n, baseline.MaxPCA), t.ctx.Err)
		if err != nil {
			return err
		}
		if curve, err = baseline.Curve(components, t.data.Validation, t.ctx.Err); err != nil {
			return err
		}
	}
	t.report.tradeOff(runs, curve)
	return nil
}

// row is a line of a table of qualities.
type row struct {
	name         string
	quality      baseline.Quality
	active, dead string
}

func modelRow(name string, r *fit.Run) row {
	latest, _ := r.Latest()
	return row{name, baseline.Quality{BCE: latest.ValBCE, MSE: latest.ValMSE}, fmt.Sprintf("%.1f", latest.Active), strconv.Itoa(latest.Dead)}
}

// table prints rows as Markdown and adds them to the report.
func (t *trainer) table(rows []row, first string) {
	floor := baseline.Floor(t.data.Validation)
	cells := [][]string{{first, "BCE", "excess BCE", "MSE", "FVU", "PSNR", "active units", "dead units"}}
	for _, row := range rows {
		cells = append(cells, []string{
			row.name, fmt.Sprintf("%.4f", row.quality.BCE), fmt.Sprintf("%.4f", row.quality.BCE-floor),
			fmt.Sprintf("%.5f", row.quality.MSE), fmt.Sprintf("%.4f", t.data.Unexplained(row.quality.MSE)), fmt.Sprintf("%.2f dB", row.quality.PSNR()), row.active, row.dead,
		})
	}
	for i, line := range cells {
		fmt.Fprint(t.stdout, "|")
		for _, cell := range line {
			fmt.Fprintf(t.stdout, " %s |", cell)
		}
		fmt.Fprintln(t.stdout)
		if i == 0 {
			fmt.Fprintln(t.stdout, "|---|---|---|---|---|---|---|---|")
		}
	}
	if t.report != nil {
		t.report.Tables = append(t.report.Tables, slices.Clone(cells))
	}
}

func readCheckpoint(name string) (*fit.Checkpoint, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c, err := fit.ReadCheckpoint(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if c.InputDims != data.ImageSize {
		return nil, fmt.Errorf("%s: images of %d numbers: want %d", name, c.InputDims, data.ImageSize)
	}
	return c, nil
}

// writeFile writes a file completely or not at all.
func writeFile(name string, write func(io.Writer) error) error {
	_, err := output.WriteFile(name, write)
	return err
}

// kernels names the kernels and the platform, for the report.
func kernels() string { return blasName + " on " + runtime.GOOS + "/" + runtime.GOARCH }
