// Package browser wraps facilities of the browser that page and worker share: promises,
// streams, fetch, and storage.
package browser

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"syscall/js"
)

// HasDocument reports whether the program runs in a page, not in a worker.
func HasDocument() bool { return js.Global().Get("document").Truthy() }

// Error is a JavaScript exception, or the reason of a rejected promise.
type Error struct {
	Name    string // of a DOMException or Error: "NotFoundError"
	Message string
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Name
	}
	return e.Message
}

// newError returns the error for a value that was thrown, which may be of any type.
func newError(reason js.Value) error {
	text := func(value js.Value, name ...string) string {
		value, err := Get(value, name...)
		if err != nil || len(name) > 0 && value.IsUndefined() {
			return ""
		}
		text, _ := Text(value)
		return text
	}
	failure := &Error{Name: text(reason, "name"), Message: text(reason, "message")}
	if failure.Error() == "" {
		failure.Message = cmp.Or(text(reason), "something that cannot be shown")
	}
	return failure
}

// Await blocks the goroutine, not the event loop, until the promise settles. It must not
// be called in a js.Func, where it would deadlock.
func Await(promise js.Value) (_ js.Value, err error) {
	defer Catch(&err)
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1)
	fulfilled := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{value: first(args)}
		return nil
	})
	defer fulfilled.Release()
	rejected := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{err: newError(first(args))}
		return nil
	})
	defer rejected.Release()
	promise.Call("then", fulfilled, rejected)
	result := <-settled
	return result.value, result.err
}

// Called calls a method of an object that takes two callbacks, for its result and for an
// error, as those of the entries of folders do, and blocks like Await.
func Called(object js.Value, method string) (js.Value, error) {
	executor := js.FuncOf(func(_ js.Value, args []js.Value) any {
		object.Call(method, args[0], args[1])
		return nil
	})
	defer executor.Release()
	return Await(js.Global().Get("Promise").New(executor))
}

func first(args []js.Value) js.Value {
	if len(args) == 0 {
		return js.Undefined()
	}
	return args[0]
}

// Promise returns a promise that settles when run, or a function that it starts, calls
// settle with a value or an error.
func Promise(run func(settle func(value any, err error))) js.Value {
	executor := js.FuncOf(func(_ js.Value, args []js.Value) any {
		resolve, reject := args[0], args[1]
		run(func(value any, err error) {
			if err != nil {
				reject.Invoke(js.Global().Get("Error").New(err.Error()))
				return
			}
			resolve.Invoke(value)
		})
		return nil
	})
	defer executor.Release()
	return js.Global().Get("Promise").New(executor)
}

// stream is a reader of a ReadableStream.
type stream struct {
	reader js.Value
	chunk  []byte
	err    error
}

// Stream returns a reader of a ReadableStream of bytes.
func Stream(readable js.Value) io.ReadCloser {
	return &stream{reader: readable.Call("getReader")}
}

func (s *stream) Read(buffer []byte) (_ int, err error) {
	defer Catch(&err)
	for len(s.chunk) == 0 && s.err == nil {
		result, err := Await(s.reader.Call("read"))
		switch {
		case err != nil:
			s.err = err
		case result.Get("done").Bool():
			s.err = io.EOF
		default:
			array := result.Get("value")
			s.chunk = make([]byte, array.Length())
			js.CopyBytesToGo(s.chunk, array)
		}
	}
	if len(s.chunk) == 0 {
		return 0, s.err
	}
	n := copy(buffer, s.chunk)
	s.chunk = s.chunk[n:]
	return n, nil
}

func (s *stream) Close() error {
	s.err = io.ErrClosedPipe
	_, err := Await(s.reader.Call("cancel"))
	return err
}

// Ahead is a stream that is read ahead, so that its reader knows what has arrived.
type Ahead struct {
	stream  io.ReadCloser
	arrived bytes.Buffer
	err     error         // after that
	news    chan struct{} // more has arrived, or err
	room    chan struct{} // some of it has been read
}

// aheadMost is how many bytes are read ahead.
const aheadMost = 1 << 20

// ReadAhead begins to read a stream ahead. It calls wake when more has arrived.
func ReadAhead(stream io.ReadCloser, wake func()) *Ahead {
	a := &Ahead{stream: stream, news: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	go func() {
		buffer := make([]byte, 1<<16)
		for a.err == nil {
			if a.arrived.Len() > aheadMost {
				<-a.room
				continue
			}
			n, err := stream.Read(buffer)
			a.arrived.Write(buffer[:n])
			a.err = cmp.Or(a.err, err)
			notify(a.news)
			wake()
		}
	}()
	return a
}

// notify sends to a channel that holds one value, unless it does.
func notify(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

// Has reports whether Read need not wait for the next n bytes, or for the end.
func (a *Ahead) Has(n int) bool { return a.arrived.Len() >= n || a.err != nil }

// Read implements [io.Reader]. It waits until there is something.
func (a *Ahead) Read(buffer []byte) (int, error) {
	for a.arrived.Len() == 0 && a.err == nil {
		<-a.news
	}
	if a.arrived.Len() == 0 {
		return 0, a.err
	}
	defer notify(a.room)
	return a.arrived.Read(buffer)
}

// Close ends the stream.
func (a *Ahead) Close() error {
	a.err = io.ErrClosedPipe
	notify(a.room)
	return a.stream.Close()
}

// Start returns the first n bytes of a Blob, or all of a smaller one.
func Start(blob js.Value, n int) (_ []byte, err error) {
	defer Catch(&err)
	buffer, err := Await(blob.Call("slice", 0, n).Call("arrayBuffer"))
	if err != nil {
		return nil, err
	}
	array := js.Global().Get("Uint8Array").New(buffer)
	start := make([]byte, array.Length())
	js.CopyBytesToGo(start, array)
	return start, nil
}

// BlobReader reads parts of a Blob.
type BlobReader struct {
	Size int64 // in bytes

	blob   js.Value
	window []byte // the part that was read last
	at     int64  // where that begins
}

// ReaderAt returns a reader of the parts of a Blob.
func ReaderAt(blob js.Value) *BlobReader {
	return &BlobReader{Size: int64(blob.Get("size").Float()), blob: blob}
}

// blobWindow is how many bytes of a Blob are read at a time.
const blobWindow = 1 << 17

// ReadAt implements [io.ReaderAt].
func (r *BlobReader) ReadAt(buffer []byte, offset int64) (n int, err error) {
	for n < len(buffer) {
		if offset < 0 || offset >= r.Size {
			return n, io.EOF
		}
		if offset < r.at || offset >= r.at+int64(len(r.window)) {
			if r.window, err = Start(r.blob.Call("slice", offset), blobWindow); err != nil {
				return n, err
			}
			if r.at = offset; len(r.window) == 0 {
				return n, io.ErrUnexpectedEOF // the file has changed
			}
		}
		copied := copy(buffer[n:], r.window[offset-r.at:])
		n, offset = n+copied, offset+int64(copied)
	}
	return n, nil
}

// Fetch opens a file of the site by its address. length is 0 if it is unknown.
func Fetch(url string) (body io.ReadCloser, length int64, err error) {
	defer Catch(&err)
	body, length, err = Body(js.Global().Call("fetch", url))
	if err != nil {
		return nil, 0, fmt.Errorf("fetch %s: %w", url, err)
	}
	return body, length, nil
}

// Body opens the body of the response that promise, a result of JavaScript's fetch,
// resolves to. length is 0 if it is unknown.
func Body(promise js.Value) (body io.ReadCloser, length int64, err error) {
	defer Catch(&err)
	response, err := Await(promise)
	if err != nil {
		return nil, 0, err
	}
	if !response.Get("ok").Bool() {
		return nil, 0, fmt.Errorf("HTTP status %d, want 200", response.Get("status").Int())
	}
	headers := response.Get("headers")
	// With a content coding, it would be the length of the coded body.
	if text := headers.Call("get", "content-length"); text.Truthy() && !headers.Call("get", "content-encoding").Truthy() {
		length, _ = strconv.ParseInt(text.String(), 10, 64)
	}
	return Stream(response.Get("body")), length, nil
}

// ErrNothingKept reports that no file or record of the name is stored.
var ErrNothingKept = errors.New("nothing is kept in this browser")

// directory returns the root of the origin private file system.
func directory() (_ js.Value, err error) {
	defer Catch(&err)
	storage, err := Get(js.Global().Get("navigator"), "storage")
	if err != nil {
		return js.Value{}, err
	}
	if !storage.Truthy() || !storage.Get("getDirectory").Truthy() {
		return js.Value{}, errors.New("this browser stores no files for this page: want a secure address (https or localhost)")
	}
	return Await(storage.Call("getDirectory"))
}

// Kept returns the stored File of the given name, or ErrNothingKept.
func Kept(name string) (_ js.Value, err error) {
	defer Catch(&err)
	root, err := directory()
	if err != nil {
		return js.Value{}, err
	}
	handle, err := Await(root.Call("getFileHandle", name))
	if failure := (*Error)(nil); errors.As(err, &failure) && failure.Name == "NotFoundError" {
		return js.Value{}, ErrNothingKept
	}
	if err != nil {
		return js.Value{}, err
	}
	return Await(handle.Call("getFile"))
}

// Keep stores a Blob as a file, for the next visit. An earlier file of the name stays until
// the new one is complete.
func Keep(name string, blob js.Value) (err error) {
	defer Catch(&err)
	root, err := directory()
	if err != nil {
		return err
	}
	handle, err := Await(root.Call("getFileHandle", name, map[string]any{"create": true}))
	if err != nil {
		return err
	}
	if !handle.Get("createWritable").Truthy() {
		return errors.New("this browser cannot write files for this page")
	}
	sink, err := Await(handle.Call("createWritable"))
	if err != nil {
		return err
	}
	if _, err := Await(sink.Call("write", blob)); err != nil {
		Await(sink.Call("abort"))
		return err
	}
	_, err = Await(sink.Call("close"))
	return err
}

// Forget deletes a stored file, if there is one.
func Forget(name string) (err error) {
	defer Catch(&err)
	root, err := directory()
	if err != nil {
		return err
	}
	_, err = Await(root.Call("removeEntry", name))
	if failure := (*Error)(nil); errors.As(err, &failure) && failure.Name == "NotFoundError" {
		return nil
	}
	return err
}

// NewBlob returns a Blob with what write writes.
func NewBlob(write func(io.Writer) error) (_ js.Value, err error) {
	defer Catch(&err)
	parts := js.Global().Get("Array").New()
	if err := write(blobParts{parts}); err != nil {
		return js.Value{}, err
	}
	return js.Global().Get("Blob").New(parts), nil
}

type blobParts struct{ parts js.Value }

func (w blobParts) Write(buffer []byte) (int, error) {
	w.parts.Call("push", bytesOf(buffer))
	return len(buffer), nil
}

// bytesOf returns a Uint8Array with a copy of the buffer.
func bytesOf(buffer []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(buffer))
	js.CopyBytesToJS(array, buffer)
	return array
}

// EventLoop lets a busy goroutine run the event loop.
type EventLoop struct {
	port js.Value
	back chan struct{}
}

// NewEventLoop returns an EventLoop. A program needs only one.
func NewEventLoop() *EventLoop {
	channel := js.Global().Get("MessageChannel").New()
	loop := &EventLoop{port: channel.Get("port1"), back: make(chan struct{}, 1)}
	channel.Get("port2").Set("onmessage", js.FuncOf(func(js.Value, []js.Value) any {
		loop.back <- struct{}{}
		return nil
	}))
	return loop
}

// Turn returns after pending events have been delivered. It sends itself a message, which
// takes 0.15 ms; the shortest timer takes 4 ms, and a second in a background tab.
func (l *EventLoop) Turn() {
	l.port.Call("postMessage", js.Null())
	<-l.back
}
