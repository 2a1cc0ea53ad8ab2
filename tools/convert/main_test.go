package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sae/data"
)

// writeBatch writes a batch of n records; all of a record's bytes are its
// number, its label goes round the ten classes.
func writeBatch(t *testing.T, name string, n int) {
	t.Helper()
	var batch []byte
	for i := range n {
		batch = append(batch, byte(i%10))
		batch = append(batch, bytes.Repeat([]byte{byte(i)}, data.ImageSize)...)
	}
	if err := os.WriteFile(name, batch, 0o644); err != nil {
		t.Fatal(err)
	}
}

// folder makes a folder with 100 training and 20 test records.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeBatch(t, filepath.Join(dir, "data_batch_1.bin"), 60)
	writeBatch(t, filepath.Join(dir, "data_batch_2.bin"), 40)
	writeBatch(t, filepath.Join(dir, "test_batch.bin"), 20)
	return dir
}

func convert(args ...string) (stdout string, err error) {
	var out, errors bytes.Buffer
	err = run(args, &out, &errors)
	return out.String(), err
}

func TestConvert(t *testing.T) {
	output := filepath.Join(t.TempDir(), "out.sae")
	stdout, err := convert("-o", output, "-train", "50", "-val", "10", "-classes", "cat,1", folder(t))
	if err == nil || !strings.Contains(err.Error(), "50 training images: want at most the 20 that there are") {
		t.Errorf("two of ten classes have 20 training images: %v", err)
	}
	stdout, err = convert("-o", output, "-train", "50", "-val", "10", folder(t))
	if err != nil || !strings.Contains(stdout, "50 training and 10 validation images") {
		t.Fatalf("%q, %v", stdout, err)
	}
	file, err := os.Open(output)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	dataset, err := data.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[byte]int{}
	for _, label := range dataset.Train.Labels {
		counts[label]++
	}
	if dataset.Train.Len() != 50 || dataset.Validation.Len() != 10 || len(counts) != 10 || counts[3] != 5 {
		t.Errorf("%d training and %d validation images, by class %v", dataset.Train.Len(), dataset.Validation.Len(), counts)
	}
	info, err := convert("-info", output)
	if err != nil || !strings.Contains(info, "50 training, 10 validation, 32×32×3") || !strings.Contains(info, "airplane, automobile") {
		t.Errorf("-info prints %q, %v", info, err)
	}
}

func TestRefusals(t *testing.T) {
	good := folder(t)
	empty := t.TempDir()
	short := filepath.Join(t.TempDir(), "data_batch_3.bin")
	writeBatch(t, short, 2)
	if err := os.Truncate(short, 4000); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(t.TempDir(), "out.sae")
	for _, test := range []struct {
		want string
		args []string
	}{
		{"no -o FILE", []string{good}},
		{"no source", []string{"-o", output}},
		{"no batches in the folder", []string{"-o", output, empty}},
		{"no such file", []string{"-o", output, filepath.Join(empty, "none.tar.gz")}},
		{"101 training images: want at most the 100", []string{"-o", output, "-train", "101", good}},
		{"-1 training images", []string{"-o", output, "-train", "-1", good}},
		{`class "cow": want some of airplane`, []string{"-o", output, "-classes", "cow", good}},
		{"data_batch_3.bin: record 2: 927 bytes left, want 3073", []string{"-o", output, short}},
		{`starts with "`, []string{"-info", filepath.Join(good, "test_batch.bin")}},
	} {
		if _, err := convert(test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("convert %v: %v, want %q", test.args, err, test.want)
		}
	}
	if _, err := os.Stat(output); !os.IsNotExist(err) {
		t.Errorf("a refusal left %s: %v", output, err)
	}
}

// A conversion that fails leaves the earlier file, and nothing beside it.
func TestEarlierFileStays(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "out.sae")
	if _, err := convert("-o", output, folder(t)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write(output, &data.Dataset{}); err == nil {
		t.Error("a data set without images is written")
	}
	after, err := os.ReadFile(output)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the earlier file changed: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files beside each other, want 1; %v", len(entries), err)
	}
}
