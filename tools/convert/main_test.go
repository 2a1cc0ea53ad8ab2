package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sae/data"
	"sae/tools/cifar10"
)

// writeBatch writes a batch of n records, with labels in rotation. All other bytes of a
// record are its number.
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
	if err == nil || !strings.Contains(err.Error(), "50 training images: want at most the 20 available") {
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

// The provenance says that the records are those of CIFAR-10 only if they are.
func TestProvenance(t *testing.T) {
	dir := folder(t)
	sums := cifar10.Sums{}
	for _, name := range []string{"data_batch_1", "data_batch_2", "test_batch"} {
		body, err := os.ReadFile(filepath.Join(dir, name+".bin"))
		if err != nil {
			t.Fatal(err)
		}
		sum := md5.Sum(body)
		sums[name] = hex.EncodeToString(sum[:])
	}
	for _, known := range []cifar10.Sums{cifar10.Official, sums} {
		was := batches
		batches = known
		output := filepath.Join(t.TempDir(), "out.sae")
		_, err := convert("-o", output, dir)
		batches = was
		if err != nil {
			t.Fatal(err)
		}
		info, err := convert("-info", output)
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Base(dir) + ": 100 training and 20 validation images, stratified, seed 1"
		if len(known) == len(sums) {
			want += "; MD5 of all 60,000 records verified"
		}
		if !strings.Contains(info, want+"\n") {
			t.Errorf("%q, want %q", info, want)
		}
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
		{"no pictures and no batches", []string{"-o", output, empty}},
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

// A failed conversion leaves the earlier file and no other.
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
		t.Errorf("%d files in the folder, want 1; %v", len(entries), err)
	}
}

// pipe makes a named pipe and writes the content to it once.
func pipe(t *testing.T, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if text, err := exec.Command("mkfifo", name).CombinedOutput(); err != nil {
		t.Skipf("mkfifo: %v: %s", err, text)
	}
	go os.WriteFile(name, content, 0o644)
	return name
}

// Pipes are read, although they can be read only once, and a message says what convert
// waits for.
func TestPipes(t *testing.T) {
	want := filepath.Join(t.TempDir(), "want.sae")
	batch := filepath.Join(t.TempDir(), "pipe")
	writeBatch(t, batch, 30)
	if _, err := convert("-o", want, batch); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(batch)
	if err != nil {
		t.Fatal(err)
	}
	set, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	got := filepath.Join(t.TempDir(), "got.sae")
	var stdout, stderr bytes.Buffer
	name := pipe(t, content)
	if err := run([]string{"-o", got, name}, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if file, err := os.ReadFile(got); err != nil || !bytes.Equal(file, set) {
		t.Errorf("%d bytes from a pipe, want the %d of the same file; %v", len(file), len(set), err)
	}
	if !strings.Contains(stderr.String(), "reading "+name+" until it ends") {
		t.Errorf("says %q, want what it waits for", stderr.String())
	}

	info, err := convert("-info", want)
	if err != nil {
		t.Fatal(err)
	}
	if fromPipe, err := convert("-info", pipe(t, set)); err != nil || fromPipe != info {
		t.Errorf("-info of a pipe: %q, %v, want %q", fromPipe, err, info)
	}
	if _, err := convert("-info", pipe(t, nil)); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("-info of an empty pipe: %v", err)
	}
	if _, err := convert("-o", got, os.DevNull); err == nil || !strings.Contains(err.Error(), "null: is empty") {
		t.Errorf("%s: %v", os.DevNull, err)
	}
}

// A pipe receives the data set and nothing else.
func TestOutputToAPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	if text, err := exec.Command("mkfifo", name).CombinedOutput(); err != nil {
		t.Skipf("mkfifo: %v: %s", err, text)
	}
	read := make(chan *data.Dataset, 1)
	go func() {
		file, err := os.Open(name)
		if err == nil {
			defer file.Close()
			dataset, _ := data.Read(file)
			read <- dataset
		}
	}()
	stdout, err := convert("-o", name, folder(t))
	if err != nil || stdout != "" {
		t.Errorf("%q on stdout, %v", stdout, err)
	}
	if dataset := <-read; dataset == nil || dataset.Train.Len() != 100 {
		t.Errorf("%+v came out, want 100 training images", dataset)
	}
}

// Names cannot send control characters to the terminal.
func TestNamesAreShown(t *testing.T) {
	set := data.Synthetic(10, 10, 1)
	set.Name, set.Classes[3] = "CIFAR\x1b[2J", "cat\adog\r"
	name := filepath.Join(t.TempDir(), "\x1b]0;title.sae")
	if _, err := write(name, set); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-info", name}, {"-o", name, name}} {
		var stdout, stderr bytes.Buffer
		if err := run(args, &stdout, &stderr); err != nil {
			t.Fatal(err)
		}
		if text := stdout.String() + stderr.String(); strings.ContainsAny(text, "\x1b\a\r") {
			t.Errorf("%v prints %q", args[0], text)
		}
	}
}

// Folders with a duplicate batch, only a test batch or something else are rejected.
func TestFolders(t *testing.T) {
	output := filepath.Join(t.TempDir(), "out.sae")
	twice := folder(t)
	writeBatch(t, filepath.Join(twice, "data_batch_3.bin"), 40)
	tests := t.TempDir()
	writeBatch(t, filepath.Join(tests, "test_batch.bin"), 20)
	odd := folder(t)
	if err := os.Mkdir(filepath.Join(odd, "data_batch_4.bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		twice: "data_batch_3.bin: has the images of data_batch_2.bin: want each batch once",
		tests: tests + ": only a test batch in the folder: want data_batch_1 to data_batch_5 too",
		odd:   odd + ": data_batch_4.bin: want a regular file",
	} {
		if _, err := convert("-o", output, dir); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
