package worker

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall/js"

	"sae/data"
	"sae/nn"
	"sae/nn/exchange"
	"sae/wasm/browser"
	"sae/wasm/pictures"
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
	debug.SetGCPercent(10)
	kernel, stride := simd.Use(), 0
	if kernel != "go" {
		stride = simdStride
	}
	self := js.Global()
	var w *Worker
	w = New(Platform{
		Page:     scope{self, browser.NewEventLoop()},
		Storage:  browserStorage{wake: func() { w.Wake() }},
		Team:     newMembers(func() { w.Wake() }),
		Graphics: graphics{},
		Kernel:   kernel,
		Stride:   stride,
		Cores:    self.Get("navigator").Get("hardwareConcurrency").Int(),
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
	info, _ := kept() // without a name if there is none, or none that can be read
	w.Post(protocol.New(protocol.TypeReady, protocol.Ready{Kernel: w.Kernel, Kept: info.Name}))
	w.Run()
}

// scope is the worker's global scope, through which it talks to the page.
type scope struct {
	js.Value
	*browser.EventLoop
}

func (s scope) Post(m protocol.Message) { m.Post(s.Value) }

// browserStorage is the browser's Storage.
type browserStorage struct {
	wake func() // the worker, when more of a file has arrived
}

// kept returns the header of the stored data set.
func kept() (data.Info, error) {
	file, err := browser.Kept(keptName)
	if err != nil {
		return data.Info{}, err
	}
	body := browser.Stream(file.Call("stream"))
	defer body.Close()
	return data.ReadInfo(body)
}

func (s browserStorage) Open(load protocol.Load, file any, progress func(protocol.Loading) error) (Opened, error) {
	switch load.Source {
	case protocol.SourceSynthetic:
		return Opened{Dataset: data.BuiltIn()}, nil
	case protocol.SourceSite:
		body, length, err := browser.Fetch(load.URL)
		if err != nil {
			return Opened{}, err
		}
		opened, err := s.openStream(body, func(done int64) error {
			return progress(protocol.Loading{Stage: "Downloading " + load.Name, Done: done, Total: length})
		})
		if err != nil {
			return Opened{}, fmt.Errorf("%s: %w", load.Name, err)
		}
		return opened, nil
	case protocol.SourceKept:
		kept, err := browser.Kept(keptName)
		if err != nil {
			return Opened{}, err
		}
		opened, err := s.openStream(browser.Stream(kept.Call("stream")), func(done int64) error {
			return progress(protocol.Loading{Stage: "Opening " + load.Name, Done: done, Total: int64(kept.Get("size").Float())})
		})
		opened.File, opened.Kept = kept, err == nil
		return opened, err
	case protocol.SourceFile:
		opened, err := openFile(load, file, progress)
		if err != nil {
			return Opened{}, err
		}
		if load.Title != "" {
			opened.Name = load.Title
		}
		if opened.Train.Len() < load.Least {
			return opened, nil
		}
		stored := opened.File
		if stored == nil || load.Title != "" {
			if stored, err = browser.NewBlob(opened.Write); err != nil {
				return Opened{}, err
			}
			opened.File = stored
		}
		if load.Keep {
			if err := progress(protocol.Loading{Stage: "Keeping it for the next visit"}); err != nil {
				return Opened{}, err
			}
			err := browser.Keep(keptName, stored.(js.Value))
			if opened.Kept = err == nil; err != nil {
				opened.Unkept = err.Error()
			}
		}
		return opened, nil
	}
	return Opened{}, fmt.Errorf("load: source %q: want synthetic, site, kept or file", load.Source)
}

// openStream opens a data set in the compact format. Its training images come while it is in
// use.
func (s browserStorage) openStream(body io.ReadCloser, report func(done int64) error) (Opened, error) {
	ahead := browser.ReadAhead(body, s.wake)
	metered := &meter{reader: ahead, report: report}
	dataset, err := data.Open(metered)
	if err != nil {
		ahead.Close()
		return Opened{}, err
	}
	metered.report = func(int64) error { return nil }
	return Opened{
		Dataset: dataset,
		Arrived: func(images int) bool { return ahead.Has(images * data.MaxCoded) },
		Close:   func() { ahead.Close() },
	}, nil
}

func (browserStorage) Forget(dataset *data.Dataset) error {
	info, err := kept()
	if err == nil && !info.Describes(dataset) {
		return nil
	}
	return browser.Forget(keptName)
}

// openFile opens a file of the user: a data set, or pictures.
func openFile(load protocol.Load, file any, progress func(protocol.Loading) error) (Opened, error) {
	value, ok := file.(js.Value)
	if !ok {
		return Opened{}, fmt.Errorf("load: %s: the message contains no file", load.Name)
	}
	if load.Paths != nil {
		files := make([]pictures.File, len(load.Paths))
		for i, path := range load.Paths {
			files[i] = pictures.FromFile(path, value.Index(i))
		}
		if load.Add {
			base, err := baseOf(load.Name, value.Index(len(files)))
			if err != nil {
				return Opened{}, err
			}
			return converted(progress, func(progress func(done, total int) error) (*data.Dataset, pictures.List, error) {
				return pictures.Add(base, files, progress)
			})
		}
		return convert("", files, progress) // it has the name of the folder
	}
	start, err := browser.Start(value, exchange.StartSize)
	if err == nil && pictures.IsZip(start) {
		files, err := pictures.FromZip(value)
		if err != nil {
			return Opened{}, fmt.Errorf("%s: %w", load.Name, err)
		}
		if files != nil {
			return convert(strings.TrimSuffix(load.Name, ".zip"), files, progress)
		}
	}
	if err == nil && exchange.IsModel(start) {
		return Opened{}, fmt.Errorf("%s: contains a model: want a data set; open models by sae.import, or drop them on the page", load.Name)
	}
	dataset, err := importFile(load.Name, value, progress)
	opened := Opened{Dataset: dataset}
	if data.IsCompact(start) {
		opened.File = value // as it is
	}
	return opened, err
}

// baseOf reads a data set in the compact format, from a Blob. For null, it is an empty one
// with the name.
func baseOf(name string, blob js.Value) (*data.Dataset, error) {
	if blob.IsNull() {
		return &data.Dataset{Name: name}, nil
	}
	body := browser.Stream(blob.Call("stream"))
	defer body.Close()
	return data.Read(body)
}

// convert makes a data set of pictures.
func convert(name string, files []pictures.File, progress func(protocol.Loading) error) (Opened, error) {
	return converted(progress, func(progress func(done, total int) error) (*data.Dataset, pictures.List, error) {
		return pictures.Convert(name, files, progress)
	})
}

// converted returns the data set that convert makes of pictures, and shows its progress.
func converted(progress func(protocol.Loading) error, convert func(func(done, total int) error) (*data.Dataset, pictures.List, error)) (Opened, error) {
	if err := browser.CanvasTells(); err != nil {
		return Opened{}, err
	}
	dataset, skipped, err := convert(func(done, total int) error {
		return progress(protocol.Loading{
			Stage: fmt.Sprintf("Converting picture %d of %d", done+1, total), Done: int64(done), Total: int64(total),
		})
	})
	return Opened{Dataset: dataset, Skipped: skipped}, err
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

func importFile(name string, blob js.Value, progress func(protocol.Loading) error) (*data.Dataset, error) {
	var stop error // once the user has cancelled
	source := data.Source{
		Name: name,
		Open: func() (io.ReadCloser, error) {
			content := browser.Stream(blob.Call("stream"))
			return struct {
				io.Reader
				io.Closer
			}{&meter{reader: content, report: func(int64) error { return stop }}, content}, nil
		},
		Size: int64(blob.Get("size").Float()),
	}
	return data.Import([]data.Source{source}, data.ImportOptions{
		Train:      importTrain,
		Validation: importValidation,
		AtMost:     true,
		Progress: func(done, total int64) {
			stop = progress(protocol.Loading{Stage: "Reading " + name, Done: done, Total: total})
		},
	})
}

// meter reports the number of bytes read, and ends with the error of report.
type meter struct {
	reader io.Reader
	done   int64
	report func(done int64) error
}

func (m *meter) Read(buffer []byte) (int, error) {
	n, err := m.reader.Read(buffer)
	m.done += int64(n)
	if stop := m.report(m.done); stop != nil {
		return n, stop
	}
	return n, err
}
