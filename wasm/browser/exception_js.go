package browser

import (
	"errors"
	"fmt"
	"strings"
	"syscall/js"
)

// An exception of JavaScript's becomes an error of Go's here, and only here. What the
// program asks of the browser can fail anywhere, and what it gets from a script, such as
// an object, its properties or a buffer, can throw when it is looked at.
//
// Package js makes a panic of what Value.Call, Invoke and New throw. What Get, Set, Index,
// Length and InstanceOf throw goes through the program and ends it; so values that are not
// the browser's own are looked at with the functions below.

// Catch is deferred by a function that calls JavaScript: it makes what that throws the
// function's error. So it does where there is nothing to call.
func Catch(err *error) {
	switch thrown := recover().(type) {
	case nil:
	case js.Error:
		*err = newError(thrown.Value)
	case *js.ValueError:
		*err = fmt.Errorf("this browser lacks what is needed here (%w)", thrown)
	case string: // package js panics so where there is no method of the name, or on a BigInt
		if !strings.HasPrefix(thrown, "syscall/js: ") && thrown != "bad type flag" {
			panic(thrown)
		}
		*err = fmt.Errorf("this is not what is needed here (%s)", thrown)
	default:
		panic(thrown)
	}
}

// Try calls a function and returns what JavaScript throws in it.
func Try(call func()) (err error) {
	defer Catch(&err)
	call()
	return nil
}

// Listener returns a listener of events. An event can be of a script's making and have
// anything in it; what handling it throws goes to the console.
func Listener(handle func(event js.Value)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		if err := Try(func() { handle(args[0]) }); err != nil {
			js.Global().Get("console").Call("warn", err.Error())
		}
		return nil
	})
}

// IsObject reports whether a value is an object or a function. Unlike value.Type it
// takes a BigInt too.
func IsObject(value js.Value) bool {
	return js.Global().Get("Object").Invoke(value).Equal(value)
}

// Get returns the property of a value that the names lead to, undefined where there is
// none.
func Get(value js.Value, names ...string) (property js.Value, err error) {
	defer Catch(&err)
	for _, name := range names {
		if !IsObject(value) {
			return js.Undefined(), nil
		}
		value = js.Global().Get("Reflect").Call("get", value, name)
	}
	return value, nil
}

// Text returns what JavaScript makes of a value as text.
func Text(value js.Value) (text string, err error) {
	defer Catch(&err)
	return js.Global().Call("String", value).String(), nil
}

// Blob returns a Blob of the bytes of a Blob or an ArrayBuffer, also of one that another
// frame made.
func Blob(value js.Value) (blob js.Value, err error) {
	defer Catch(&err)
	if is("Blob", "size", value) {
		return value, nil
	}
	if !is("ArrayBuffer", "byteLength", value) {
		return js.Value{}, errors.New("neither a Blob nor an ArrayBuffer")
	}
	bytes := js.Global().Get("Uint8Array").New(value)
	if own("ArrayBuffer", "resizable", value).Truthy() {
		bytes = bytes.Call("slice") // Blobs take none that can be resized
	}
	return js.Global().Get("Blob").New([]any{bytes}), nil
}

// FileName returns the name of a File, also of one that another frame made; "" for
// anything else.
func FileName(value js.Value) string {
	if !is("File", "name", value) {
		return ""
	}
	return own("File", "name", value).String()
}

// Bytes returns a copy of the n bytes in a Uint8Array, also in one that another frame
// made.
func Bytes(value js.Value, n int) (bytes []byte, err error) {
	defer Catch(&err)
	global := js.Global()
	class := global.Get("Uint8Array")
	arrays := global.Get("Object").Call("getPrototypeOf", class).Get("prototype") // of all classes of arrays
	get := func(accessor any) js.Value { return global.Get("Reflect").Call("get", arrays, accessor, value) }
	if tag := get(global.Get("Symbol").Get("toStringTag")); tag.Type() != js.TypeString || tag.String() != "Uint8Array" {
		return nil, errors.New("not a Uint8Array")
	}
	if length := get("length").Int(); length != n {
		return nil, fmt.Errorf("%d bytes", length)
	}
	array := class.New(value)
	bytes = make([]byte, array.Length())
	js.CopyBytesToGo(bytes, array)
	return bytes, nil
}

// own reads an accessor of a class of the browser's from a value, whatever the value's
// own property of that name is. It throws where the value is not of the class.
func own(class, accessor string, value js.Value) js.Value {
	return js.Global().Get("Reflect").Call("get", js.Global().Get(class).Get("prototype"), accessor, value)
}

// is reports whether a value is of a class of the browser's that has the accessor.
func is(class, accessor string, value js.Value) bool {
	return IsObject(value) && Try(func() { own(class, accessor, value) }) == nil
}
