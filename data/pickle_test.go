package data

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// TestPython3 imports what Python 3 writes in protocol 2: bytes as text that
// is encoded in latin1, and keys too.
func TestPython3(t *testing.T) {
	batch := records(20, 1)
	p := &pickler{memo: 1}
	bytesOf := func(b []byte) {
		var text strings.Builder
		for _, character := range b {
			text.WriteRune(rune(character))
		}
		p.WriteString("c_codecs\nencode\nX")
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(text.Len())))
		p.WriteString(text.String())
		p.WriteString("X\x06\x00\x00\x00latin1\x86R")
	}
	p.WriteString("\x80\x02}(")
	bytesOf([]byte("data"))
	p.WriteString("cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85")
	bytesOf([]byte("b"))
	p.WriteString("\x87R(K\x01K\x14M\x00\x0c\x86cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89")
	var pixels, labels []byte
	for i := range 20 {
		pixels = append(pixels, batch[i*recordSize+1:][:ImageSize]...)
		labels = append(labels, 'K', batch[i*recordSize])
	}
	bytesOf(pixels)
	p.WriteString("tb")
	bytesOf([]byte("labels"))
	p.WriteString("](" + string(labels) + "eu.")

	got, err := Import([]Source{inMemory("data_batch_1", p.Bytes())}, ImportOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	want, err := Import([]Source{inMemory("data_batch_1.bin", batch)}, ImportOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	sameSplit(t, "training", got.Train, want.Train)
	sameSplit(t, "validation", got.Validation, want.Validation)
}

// TestClassNames takes them from batches.meta.
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
		{"another class", replaced("cnumpy\nndarray\n", "cos\nsystem\n"), "pickle asks for os.system: want a batch of CIFAR-10, which needs but numpy's arrays"},
		{"a class that gopickle has", replaced("cnumpy\nndarray\n", "ccollections\nOrderedDict\n"), "pickle asks for collections.OrderedDict: want a batch of CIFAR-10, which needs but numpy's arrays"},
		{"label", replaced("(K\x00K", "(K\x0aK"), "record 1: label 10, want 0 to 9"},
		{"label of text", replaced("(K\x00K", "(U\x01xK"), "record 1: label x, want 0 to 9"},
		{"a label missing", replaced("(K\x00K", "(K"), "9216 bytes of images for 2 labels: want 3072 for each"},
		{"column order", replaced("tb\x89T", "tb\x88T"), "pickle: an array in column order: want row order"},
		{"no images", replaced("U\x04data", "U\x04dada"), "pickle without data and labels: want a batch of CIFAR-10"},
		{"no dictionary", []byte("\x80\x02]."), "pickle of a *types.List: want the dictionary of a CIFAR-10 batch"},
		{"newer protocol", []byte("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f"), "pickle with opcode 0x95: want those of protocol 2 that a batch of CIFAR-10 needs"},
		{"opcode that there is not", []byte("\x80\x02\xff"), "pickle with opcode 0xff: want those of protocol 2 that a batch of CIFAR-10 needs"},
		{"length of gigabytes", []byte("\x80\x02T\xff\xff\xff\x7f"), "pickle announces a string of 2147483647 bytes: want at most 67108864"},
		{"length without end", []byte("\x80\x02T\x00\x00\x00\x04abc"), "pickle ends early: the file is truncated"},
		{"two long strings", []byte("\x80\x02" + strings.Repeat("T\x00\x01\x00\x00"+strings.Repeat("x", 256), 2)), "pickle with two long strings: want a batch of CIFAR-10, whose images are the only one"},
		{"long text", []byte("\x80\x02X\x00\x03\x00\x00" + strings.Repeat("€", 256) + "."), "pickle with a long text: want a batch of CIFAR-10"},
		{"endless line", []byte("\x80\x02c" + strings.Repeat("x", 1<<17)), "pickle with an endless line: want a batch of CIFAR-10"},
		{"endless program", append([]byte("\x80\x02"), bytes.Repeat([]byte("}"), maxProgram)...), "pickle with too much besides images: want a batch of CIFAR-10"},
		{"marks upon marks", append([]byte("\x80\x02"), bytes.Repeat([]byte("("), maxMarks+1)...), "pickle with too much besides images: want a batch of CIFAR-10"},
		{"key without value", []byte("\x80\x02}(K\x01u."), "pickle is damaged: runtime error: index out of range [1] with length 1"},
		{"empty stack", []byte("\x80\x02R"), "pickle ends early: the file is truncated"},
		{"nothing to call", []byte("\x80\x02R."), "pickle: the stack is empty"},
		{"a small array", []byte("\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x01N\x89U\x01xtb."), "pickle: an array of less than an image: want a batch of CIFAR-10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Import([]Source{inMemory("data_batch_1", test.body)}, ImportOptions{})
			if err == nil || err.Error() != prefix+test.want {
				t.Errorf("%v, want %s%s", err, prefix, test.want)
			}
		})
	}
}
