package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sae/data"
)

// train runs the command with a small network.
func train(ctx context.Context, args ...string) (stdout string, err error) {
	var out, errors bytes.Buffer
	err = run(ctx, append([]string{"-hidden", "8", "-latent", "4", "-subset", "256"}, args...), &out, &errors)
	return out.String(), err
}

// An interrupted run leaves a checkpoint, and resuming it gives the same result as an
// uninterrupted run.
func TestTrainAndResume(t *testing.T) {
	dir := t.TempDir()
	whole, half, rest := filepath.Join(dir, "whole"), filepath.Join(dir, "half"), filepath.Join(dir, "rest")
	stdout, err := train(t.Context(), "-epochs", "3", "-o", whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2000 training and 400 validation images", "latent (Dense, relu)", "epoch 3/3", "after epoch 3: val_loss"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in %s", want, stdout)
		}
	}
	if _, err := train(t.Context(), "-epochs", "1", "-o", half); err != nil {
		t.Fatal(err)
	}
	if _, err := train(t.Context(), "-resume", half, "-epochs", "3", "-o", rest); err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(rest)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the checkpoint of the resumed run differs")
	}
	if _, err := train(t.Context(), "-resume", half, "-seed", "2"); err == nil || !strings.Contains(err.Error(), "only the setting epochs can change") {
		t.Errorf("resuming with another seed: %v", err)
	}
	if err := os.WriteFile(half, a[:len(a)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := train(t.Context(), "-resume", half); err == nil || !strings.Contains(err.Error(), half+": checkpoint: the file ends early") {
		t.Errorf("half a checkpoint: %v", err)
	}

	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := train(stopped, "-o", half); err == nil || !strings.Contains(err.Error(), "interrupted in epoch 1") {
		t.Errorf("interrupted: %v", err)
	}
	if c, err := readCheckpoint(half); err != nil || c.Settings.Latent != 4 {
		t.Errorf("checkpoint of an interrupted run: %+v, %v", c, err)
	}
}

func TestCompareAndSweep(t *testing.T) {
	site := t.TempDir()
	for _, name := range []string{"style.css", "echarts.js"} {
		if err := os.WriteFile(filepath.Join(site, name), []byte("/* "+name+" */"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	html := filepath.Join(t.TempDir(), "report.html")
	stdout, err := train(t.Context(), "-compare", "-epochs", "1", "-report", html, "-site", site)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"|  | BCE | excess BCE |", "| mean image | 0.", "| PCA-4 | 0.", "| 1 Base | 0.", "| 4 Tuned | 0.", "| 5 TopK | 0."} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in %s", want, stdout)
		}
	}
	text, err := os.ReadFile(html)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/* style.css */", "/* echarts.js */", "Experiment 4 Tuned", `"name":"Validation"`, "data:image/png;base64,", "<td>PCA-4</td>", "var(--accent)", "of 4 latent units are active", "What unit 0 adds to a picture", `"type":"heatmap"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the report", want)
		}
	}
	if strings.Contains(string(text), "<td>Device</td>") {
		t.Error("a setting of the browser in the report")
	}
	stdout, err = train(t.Context(), "-sweep", "-epochs", "1", "-report", html, "-site", site)
	if err != nil || !strings.Contains(stdout, "| 3e-4 | 0.") {
		t.Fatalf("%v in %s", err, stdout)
	}
	if text, err = os.ReadFile(html); err != nil || !strings.Contains(string(text), "λ 3e-4") {
		t.Errorf("no trade-off in the report: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.sae")
	if err := os.WriteFile(bad, []byte("no data set"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-latent", "0"}, `latent "0": want a whole number from 1 to 1024`},
		{[]string{"-batch", "3000"}, `batch "3000": want at most the 256 training images in use`},
		{[]string{"-data", bad}, bad + ": data: "},
		{[]string{"-data", "missing.sae"}, "missing.sae: no such file"},
		{[]string{"-report", "x.html", "-site", "missing"}, "build it with: make build"},
		{[]string{"-compare", "-sweep"}, "want one of them"},
		{[]string{"-compare", "-o", "x"}, "want no -o"},
		{[]string{"-compare", "-init", "pca"}, "turns experiment 1 into experiment 4"},
		{[]string{"-latent", "8", "stray"}, `argument "stray": want flags only`},
		{[]string{"-lambada", "1"}, "flag: help requested"},
	} {
		if _, err := train(t.Context(), test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.args, err, test.want)
		}
	}
}

// A .sae file can be trained on.
func TestDataFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "set.sae")
	set := data.Synthetic(300, 20, 7)
	set.Name = "Seven"
	var content bytes.Buffer
	if err := set.Write(&content); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, slices.Clone(content.Bytes()), 0o644); err != nil {
		t.Fatal(err)
	}
	if stdout, err := train(t.Context(), "-data", file, "-epochs", "1"); err != nil || !strings.Contains(stdout, "Seven: 300 training and 20 validation images") {
		t.Errorf("%q, %v", stdout, err)
	}
}
