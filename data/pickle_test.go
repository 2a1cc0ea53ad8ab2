package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// python3 returns records as Python 3 pickles them in protocols 2 to 5:
// pickle.dumps(batch, protocol) of a batch that was read with encoding="bytes".
func python3(records []byte) [4][]byte {
	var pixels, labels []byte
	for ; len(records) > 0; records = records[recordSize:] {
		labels = append(labels, 'K', records[0])
		pixels = append(pixels, records[1:recordSize]...)
	}
	length := func(n, size int) string {
		return string(binary.LittleEndian.AppendUint64(nil, uint64(n))[:size])
	}
	bytesOf := func(b []byte) string { // in protocol 2, text in Latin-1
		var text strings.Builder
		for _, character := range b {
			text.WriteRune(rune(character))
		}
		return "c_codecs\nencode\nq\x01X" + length(text.Len(), 4) + text.String() + "X\x06\x00\x00\x00latin1\x86q\x03R"
	}
	const numbers = "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"
	return [4][]byte{
		[]byte("\x80\x02}q\x00(" + bytesOf([]byte("data")) +
			"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85q\x07" + bytesOf([]byte("b")) +
			"\x87q\x08R(K\x01K\x14M\x00\x0c\x86cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R(K\x03X\x01\x00\x00\x00|" + numbers + "b\x89" +
			bytesOf(pixels) + "tb" + bytesOf([]byte("labels")) + "](" + string(labels) + "eu."),
		[]byte("\x80\x03}q\x00(C\x06labelsq\x03]q\x04(" + string(labels) + "eC\x04dataq\x05" +
			"cnumpy._core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85q\x08C\x01bq\x09\x87q\x0aRq\x0b" +
			"(K\x01K\x14M\x00\x0c\x86q\x0ccnumpy\ndtype\nq\x0dX\x02\x00\x00\x00u1q\x0e\x89\x88\x87q\x0fRq\x10(K\x03X\x01\x00\x00\x00|q\x11" + numbers + "q\x12b" +
			"\x89B" + length(len(pixels), 4) + string(pixels) + "q\x13tq\x14bu."),
		[]byte("\x80\x04\x95" + length(500, 8) + "}\x94(\x8c\x06labels\x94]\x94(" + string(labels) + "e\x8c\x04data\x94" +
			"\x8c\x15numpy.core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94" +
			"(K\x01K\x14M\x00\x0c\x86\x94h\x07\x8c\x05dtype\x94\x93\x94\x8c\x02u1\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94" + numbers + "\x94b" +
			"\x89B" + length(len(pixels), 4) + string(pixels) + "\x95" + length(7, 8) + "\x94t\x94bu."),
		[]byte("\x80\x05\x95" + length(500, 8) + "}\x94(\x8c\x06labels\x94]\x94(" + string(labels) + "e\x8c\x04data\x94" +
			"\x8c\x12numpy.core.numeric\x94\x8c\x0b_frombuffer\x94\x93\x94(\x96" + length(len(pixels), 8) + string(pixels) + "\x95" + length(300, 8) + "\x94" +
			"\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02u1\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94" + numbers + "\x94b" +
			"K\x14M\x00\x0c\x86\x94\x8c\x01C\x94t\x94R\x94u."),
	}
}

func TestPython3(t *testing.T) {
	batch := records(20, 1)
	want, err := Import([]Source{inMemory("data_batch_1.bin", batch)}, ImportOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for k, body := range python3(batch) {
		got, err := Import([]Source{inMemory("data_batch_1", body)}, ImportOptions{Seed: 1})
		if err != nil {
			t.Fatalf("protocol %d: %v", k+2, err)
		}
		sameSplit(t, "training", got.Train, want.Train)
		sameSplit(t, "validation", got.Validation, want.Validation)
	}
}

// TestArrayShapes reads the same images from arrays of each supported shape, planar and
// interleaved, and rejects other shapes.
func TestArrayShapes(t *testing.T) {
	const n = 20
	batch := records(n, 1)
	interleaved := bytes.Clone(batch)
	for k := range n {
		interleave(interleaved[k*recordSize+1:], batch[k*recordSize+1:])
	}
	want, err := Import([]Source{inMemory("data_batch_1.bin", batch)}, ImportOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	const refusal = "data_batch_1: images of shape %s: want (20, 3072), (20, 3, 32, 32) or (20, 32, 32, 3)"
	for _, test := range []struct {
		shape string // as opcodes for the elements of the tuple
		batch []byte
		want  string // a rejected shape, as in the error
	}{
		{"K\x14M\x00\x0c", batch, ""},
		{"K\x14K\x03K\x20K\x20", batch, ""},
		{"K\x14K\x20K\x20K\x03", interleaved, ""},
		{"K\x14M\x00\x04K\x03", interleaved, "(20, 1024, 3)"},
		{"K\x14K\x20K\x03K\x20", batch, "(20, 32, 3, 32)"},
		{"M\x00\x0cK\x14", batch, "(3072, 20)"},
		{"J\x00\xf0\x00\x00", batch, "(61440,)"},
		{"K\x0aM\x00\x0cK\x02", batch, "(10, 3072, 2)"},
		{"K\x15M\x00\x0c", batch, "(21, 3072)"},
		{"", batch, "()"},
		{"NU\x01x", batch, "(?, ?)"},
	} {
		for k, body := range python3(test.batch) {
			if !bytes.Contains(body, []byte("K\x14M\x00\x0c\x86")) {
				t.Fatalf("protocol %d: no shape in the batch", k+2)
			}
			body = bytes.Replace(body, []byte("K\x14M\x00\x0c\x86"), []byte("("+test.shape+"t"), 1)
			got, err := Import([]Source{inMemory("data_batch_1", body)}, ImportOptions{Seed: 1})
			if test.want != "" {
				if want := fmt.Sprintf(refusal, test.want); err == nil || err.Error() != want {
					t.Errorf("protocol %d: %v, want %s", k+2, err, want)
				}
				continue
			}
			if err != nil {
				t.Fatalf("protocol %d, shape %q: %v", k+2, test.shape, err)
			}
			sameSplit(t, "training", got.Train, want.Train)
			sameSplit(t, "validation", got.Validation, want.Validation)
		}
	}
}

// TestClassNames reads them from batches.meta.
func TestClassNames(t *testing.T) {
	meta := bytes.Replace(pickledMeta(), []byte("\x0aautomobile"), []byte("\x03car"), 1)
	sources := []Source{inMemory("batches.meta", meta), inMemory("data_batch_1", pickledBatch(records(24, 1)))}
	d, err := Import(sources, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Replace(slices.Clone(cifarClasses), 1, 2, "car"); !slices.Equal(d.Classes, want) {
		t.Errorf("%q, want %q", d.Classes, want)
	}
}

func TestPickleRefuses(t *testing.T) {
	good := pickledBatch(records(3, 1))
	replaced := func(old, by string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("no %q in the batch", old)
		}
		return bytes.Replace(good, []byte(old), []byte(by), 1)
	}
	const prefix = "data_batch_1: "
	for _, test := range []struct {
		name string
		body []byte
		want string
	}{
		{"truncated", good[:5000], "pickle ends early: the file is truncated"},
		{"cut in the classes", good[:90], "pickle ends early: the file is truncated"},
		{"another class", replaced("cnumpy\nndarray\n", "cos\nsystem\n"), "pickle with os.system: want a batch of CIFAR-10, which needs only numpy's arrays"},
		{"a class without harm", replaced("cnumpy\nndarray\n", "ccollections\nOrderedDict\n"), "pickle with collections.OrderedDict: want a batch of CIFAR-10, which needs only numpy's arrays"},
		{"label", replaced("(K\x00K", "(K\x0aK"), "record 1: label 10, want 0 to 9"},
		{"label of text", replaced("(K\x00K", "(U\x01xK"), "record 1: label is a string, want 0 to 9"},
		{"a label missing", replaced("(K\x00K", "(K"), "9216 bytes of images for 2 labels: want 3072 for each"},
		{"column order", replaced("tb\x89T", "tb\x88T"), "pickle with an array in column order: want row order"},
		{"other numbers", replaced("U\x02u1", "U\x02i1"), `pickle with an array of "i1": want u1, bytes`},
		{"numbers of no type", replaced("U\x02u1", "N"), `pickle with an array of "": want u1, bytes`},
		{"bytes after the end", append(bytes.Clone(good), '\n'), "bytes after the end of the pickle: the file is damaged"},
		{"no images", replaced("U\x04data", "U\x04dada"), "pickle without data and labels: want a batch of CIFAR-10"},
		{"no dictionary", []byte("\x80\x02]."), "pickle of no dictionary: want a batch of CIFAR-10"},
		{"newer protocol", []byte("\x80\x06"), "pickle of protocol 6: want at most 5"},
		{"frame without end", []byte("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f"), "pickle ends early: the file is truncated"},
		{"bytes without end", []byte("\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff"), "pickle with a string of 18446744073709551615 bytes: want at most 167772160"},
		{"opcode that there is not", []byte("\x80\x02\xff"), "pickle with opcode 0xff: want those that a batch of CIFAR-10 needs"},
		{"length of gigabytes", []byte("\x80\x02T\xff\xff\xff\x7f"), "pickle with a string of 2147483647 bytes: want at most 167772160"},
		{"length without end", []byte("\x80\x02T\x00\x00\x00\x04abc"), "pickle ends early: the file is truncated"},
		{"two long strings", []byte("\x80\x02" + strings.Repeat("T\x00\x01\x00\x00"+strings.Repeat("x", 256), 2)), "pickle with two long strings: want a batch of CIFAR-10, whose images are the only one"},
		{"long text", []byte("\x80\x02X\x00\x03\x00\x00" + strings.Repeat("€", 256) + "."), "pickle with a long text: want a batch of CIFAR-10"},
		{"endless line", []byte("\x80\x02c" + strings.Repeat("x", 1<<17)), "pickle with an endless line: want a batch of CIFAR-10"},
		{"endless program", append([]byte("\x80\x02"), bytes.Repeat([]byte("}"), maxProgram)...), "pickle with too much besides images: want a batch of CIFAR-10"},
		{"marks upon marks", append([]byte("\x80\x02"), bytes.Repeat([]byte("("), maxProgram)...), "pickle with too much besides images: want a batch of CIFAR-10"},
		{"key without value", []byte("\x80\x02}(K\x01u."), damaged},
		{"value without dictionary", []byte("\x80\x02](K\x01K\x01u."), damaged},
		{"item without list", []byte("\x80\x02}K\x01a."), damaged},
		{"items without mark", []byte("\x80\x02]K\x01e."), damaged},
		{"below the mark", []byte("\x80\x02K\x01(0."), damaged},
		{"empty stack", []byte("\x80\x02R"), damaged},
		{"nothing to end with", []byte("\x80\x02."), damaged},
		{"nothing to call", []byte("\x80\x02NNR."), damaged},
		{"class that is called", []byte("\x80\x02cnumpy\nndarray\n)R."), damaged},
		{"state of a number", []byte("\x80\x02K\x01)b."), damaged},
		{"buffer in column order", []byte("\x80\x05cnumpy.core.numeric\n_frombuffer\n(NNNU\x01FtR."), "pickle with an array in column order: want row order"},
		{"other encoding", []byte("\x80\x02c_codecs\nencode\nU\x01xU\x04utf8\x86R."), damaged},
		{"class by number", []byte("\x80\x04K\x01K\x02\x93."), damaged},
		{"class by a dictionary in itself", []byte("\x80\x04}\x94U\x01ah\x00sU\x01x\x93."), damaged},
		{"label by a dictionary in itself", replaced("(K\x00K", "(}q\xf0U\x01ah\xf0sK"), "record 1: label is a map[string]interface {}, want 0 to 9"},
		{"a small array", []byte("\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x01N\x89U\x01xtb."), "pickle with an array of less than an image: want a batch of CIFAR-10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Import([]Source{inMemory("data_batch_1", test.body)}, ImportOptions{})
			if err == nil || err.Error() != prefix+test.want {
				t.Errorf("%v, want %s%s", err, prefix, test.want)
			}
		})
	}
}

// TestPicklesAreBounded runs the opcodes that allocate most.
func TestPicklesAreBounded(t *testing.T) {
	for _, opcodes := range []string{"}", "]", "(", ")", "U\x00", "}\x94", "]\x94(", "Nr\xff\xff\x0f\x00", "T\x00\x00\x00\x04"} {
		file := append([]byte("\x80\x02"), strings.Repeat(opcodes, 1<<16)...)
		bounded(t, 2<<20+150*len(file), func() {
			var u unpickler
			if _, err := u.load(bufio.NewReader(bytes.NewReader(file))); err == nil {
				t.Errorf("%q is a pickle", opcodes)
			}
		})
	}
}
