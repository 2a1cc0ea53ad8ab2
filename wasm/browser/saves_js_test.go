package browser

import (
	"bytes"
	"errors"
	"io"
	"syscall/js"
	"testing"
)

// replacing is a drawer whose only file is replaced by the next one between two looks.
type replacing struct {
	drawer
	looks int
}

func (r *replacing) names() ([]string, error) {
	r.looks++
	return []string{"slot." + string(rune('0'+r.looks))}, nil
}

func (r *replacing) read(name string) (js.Value, error) {
	if name != "slot.3" {
		return js.Value{}, errors.New("it is gone")
	}
	return NewBlob(func(w io.Writer) error {
		_, err := w.Write(append([]byte("head"), make([]byte, headSize)...))
		return err
	})
}

// A save that is replaced while the saves are read is found.
func TestReplacedWhileRead(t *testing.T) {
	files, err := Saves{&replacing{}}.Read("")
	if err != nil || len(files) != 1 || files[0].Slot != "slot" || !bytes.Equal(files[0].Head, []byte("head")) {
		t.Errorf("%+v, %v; want the third file", files, err)
	}
}
