package worker

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"syscall/js"

	"sae/data"
	"sae/nn"
	"sae/nn/exchange"
	"sae/wasm/browser"
	"sae/wasm/protocol"
	"sae/wasm/simd"
)

// keptName is the file in which the user's data set is stored.
const keptName = "dataset.sae"

// Numbers of images to which a user's data set is reduced: enough to learn from, and
// quick to store.
const (
	importTrain      = 5000
	importValidation = 1000
)

// simdStride takes SIMD kernels as long as nn.DefaultStride takes plain Go.
const simdStride = 50 * nn.DefaultStride

// maxModel is the size of the largest model file, in bytes.
const maxModel = 1 << 30

// Run runs the program in the role of the worker. It never returns.
func Run() {
	// Memory never shrinks in WebAssembly, so early collections are worth their time.
	debug.SetGCPercent(20)
	kernel, stride := simd.Use(), 0
	if kernel != "go" {
		stride = simdStride
	}
	self := js.Global()
	var w *Worker
	w = New(Platform{
		Page:    scope{self, browser.NewEventLoop()},
		Storage: browserStorage{},
		Team:    newMembers(func() { w.Wake() }),
		Kernel:  kernel,
		Stride:  stride,
		Cores:   self.Get("navigator").Get("hardwareConcurrency").Int(),
	})
	receive := func(data js.Value) {
		if m, ok := protocol.FromJS(data); ok {
			w.Deliver(m)
		}
	}
	self.Set("onmessage", js.FuncOf(func(_ js.Value, args []js.Value) any {
		receive(args[0].Get("data"))
		return nil
	}))
	for early := self.Get("saeEarly"); early.Length() > 0; {
		receive(early.Call("shift"))
	}
	w.Post(protocol.New(protocol.TypeReady, protocol.Ready{Kernel: w.Kernel, Kept: keptDataset()}))
	w.Run()
}

// scope is the worker's global scope, through which it talks to the page.
type scope struct {
	js.Value
	*browser.EventLoop
}

func (s scope) Post(m protocol.Message) { m.Post(s.Value) }

// browserStorage is the browser's Storage.
type browserStorage struct{}

// keptDataset returns the name of the stored data set, "" if there is none that can be
// read.
func keptDataset() string {
	file, err := browser.Kept(keptName)
	if err != nil {
		return ""
	}
	body := browser.Stream(file.Call("stream"))
	defer body.Close()
	info, err := data.ReadInfo(body)
	if err != nil {
		return ""
	}
	return info.Name
}

func (browserStorage) Open(load protocol.Load, file any, progress func(protocol.Loading)) (*data.Dataset, bool, error) {
	switch load.Source {
	case protocol.SourceSynthetic:
		return data.BuiltIn(), false, nil
	case protocol.SourceSite:
		body, length, err := browser.Fetch(load.URL)
		if err != nil {
			return nil, false, err
		}
		defer body.Close()
		dataset, err := data.Read(&meter{reader: body, report: func(done int64) {
			progress(protocol.Loading{Stage: "Downloading " + load.Name, Done: done, Total: length})
		}})
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", load.Name, err)
		}
		return dataset, false, nil
	case protocol.SourceKept:
		kept, err := browser.Kept(keptName)
		if err != nil {
			return nil, false, err
		}
		body := browser.Stream(kept.Call("stream"))
		defer body.Close()
		dataset, err := data.Read(body)
		return dataset, err == nil, err
	case protocol.SourceFile:
		blob, ok := file.(js.Value)
		if !ok {
			return nil, false, fmt.Errorf("load: %s: the message contains no file", load.Name)
		}
		dataset, err := importFile(load.Name, blob, progress)
		if err != nil {
			return nil, false, err
		}
		if !load.Keep || dataset.Train.Len() < load.Least {
			return dataset, false, nil
		}
		progress(protocol.Loading{Stage: "Keeping it for the next visit"})
		return dataset, browser.Keep(keptName, dataset.Write) == nil, nil
	}
	return nil, false, fmt.Errorf("load: source %q: want synthetic, site, kept or file", load.Source)
}

// NewFile returns a Blob.
func (browserStorage) NewFile(write func(io.Writer) error) (any, error) {
	runtime.GC() // makes room for the file
	return browser.NewBlob(write)
}

// OpenFile opens a Blob.
func (browserStorage) OpenFile(file any) (io.ReadCloser, int64, error) {
	blob, ok := file.(js.Value)
	if !ok {
		return nil, 0, errors.New("the message contains no file")
	}
	size := int64(blob.Get("size").Float())
	if size > maxModel {
		return nil, 0, fmt.Errorf("a file of %d bytes: want a model of at most %d", size, maxModel)
	}
	runtime.GC() // makes room for the model
	return browser.Stream(blob.Call("stream")), size, nil
}

func importFile(name string, blob js.Value, progress func(protocol.Loading)) (*data.Dataset, error) {
	if start, err := browser.Start(blob, exchange.StartSize); err == nil && exchange.IsModel(start) {
		return nil, fmt.Errorf("%s: contains a model: want a data set; open models by sae.import, or drop them on the page", name)
	}
	source := data.Source{
		Name: name,
		Open: func() (io.ReadCloser, error) { return browser.Stream(blob.Call("stream")), nil },
		Size: int64(blob.Get("size").Float()),
	}
	return data.Import([]data.Source{source}, data.ImportOptions{
		Train:      importTrain,
		Validation: importValidation,
		AtMost:     true,
		Progress: func(done, total int64) {
			progress(protocol.Loading{Stage: "Reading " + name, Done: done, Total: total})
		},
	})
}

// meter reports the number of bytes read.
type meter struct {
	reader io.Reader
	done   int64
	report func(done int64)
}

func (m *meter) Read(buffer []byte) (int, error) {
	n, err := m.reader.Read(buffer)
	m.done += int64(n)
	m.report(m.done)
	return n, err
}
