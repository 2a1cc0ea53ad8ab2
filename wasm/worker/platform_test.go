package worker

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"sae/data"
	"sae/wasm/protocol"
)

// pageFunc is a Page that calls a function with the messages.
type pageFunc func(protocol.Message)

func (f pageFunc) Post(m protocol.Message) { f(m) }
func (pageFunc) Turn()                     {}

// storage is a Storage in memory, which the workers of a test may share. Files are []byte.
type storage struct {
	set     *data.Dataset         // the only data set
	arrived func(images int) bool // as in Opened
	kept    bool                  // as in Opened

	mu   sync.Mutex
	runs map[string][]SavedRun // by slot
	full error                 // why saving fails; nil if it works
}

func newStorage() *storage {
	return &storage{set: data.Synthetic(200, 50, 1), runs: map[string][]SavedRun{}}
}

func (s *storage) Open(load protocol.Load, _ any, progress func(protocol.Loading) error) (Opened, error) {
	if err := progress(protocol.Loading{Stage: "Reading"}); err != nil {
		return Opened{}, err
	}
	if load.Source != protocol.SourceSynthetic {
		return Opened{}, errors.New("no such file")
	}
	return Opened{Dataset: s.set, Arrived: s.arrived, Kept: s.kept}, nil
}

func (*storage) Forget(*data.Dataset) error { return nil }

func (*storage) NewFile(write func(io.Writer) error) (any, error) {
	var file bytes.Buffer
	err := write(&file)
	return file.Bytes(), err
}

func (*storage) OpenFile(file any) (io.ReadCloser, int64, error) {
	content := file.([]byte)
	return io.NopCloser(bytes.NewReader(content)), int64(len(content)), nil
}

func (s *storage) Save(about protocol.Save, write func(io.Writer) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full != nil {
		return s.full
	}
	var file bytes.Buffer
	if err := write(&file); err != nil {
		return err
	}
	s.runs[about.Slot] = []SavedRun{{about, file.Bytes()}}
	return nil
}

func (s *storage) Saved(slot string) ([]SavedRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[slot], nil
}

func (s *storage) Left(own string) (left []protocol.Save) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for slot, runs := range s.runs {
		if slot != own && len(runs) > 0 {
			left = append(left, runs[0].Save)
		}
	}
	return left
}

func (s *storage) Discard(slot string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.runs, slot)
	return nil
}

// noGraphics is a machine without a graphics card.
type noGraphics struct{}

func (noGraphics) Card() (Card, error) { return nil, errors.New("there is no graphics card") }

// alone is the Team of a worker that trains alone.
type alone struct{}

func (alone) Recruit(int) error        { return nil }
func (alone) Recruited() bool          { return true }
func (alone) Lost() string             { return "" }
func (alone) Assemble(protocol.Join)   {}
func (alone) Connect(any)              {}
func (alone) Send(int, []byte)         {}
func (alone) Receive(int, []byte) bool { return false }
