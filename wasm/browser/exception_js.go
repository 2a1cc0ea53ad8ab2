package browser

import (
	"errors"
	"fmt"
	"strings"
	"syscall/js"
)

// This file converts JavaScript exceptions to Go errors. Any call of the browser can
// throw, and so can reading a property of an object that a script passes.
//
// Package js panics with what Value.Call, Invoke and New throw. An exception in Get, Set,
// Index, Length or InstanceOf ends the program, so values that are not the browser's own
// must be read by the functions below.

// Catch, deferred by a function that calls JavaScript, sets the function's error to what
// the call throws, or to an error if the method does not exist.
func Catch(err *error) {
	switch thrown := recover().(type) {
	case nil:
	case js.Error:
		*err = newError(thrown.Value)
	case *js.ValueError:
		*err = fmt.Errorf("this browser lacks what is needed here (%w)", thrown)
	case string: // package js panics with text if a method is missing, or on a BigInt
		if !strings.HasPrefix(thrown, "syscall/js: ") && thrown != "bad type flag" {
			panic(thrown)
		}
		*err = fmt.Errorf("this is not what is needed here (%s)", thrown)
	default:
		panic(thrown)
	}
}

// Try calls a function and returns what JavaScript throws in it as an error.
func Try(call func()) (err error) {
	defer Catch(&err)
	call()
	return nil
}

// Listener returns an event listener. A script may dispatch events with arbitrary
// properties, so exceptions of handle are logged to the console.
func Listener(handle func(event js.Value)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		if err := Try(func() { handle(args[0]) }); err != nil {
			js.Global().Get("console").Call("warn", err.Error())
		}
		return nil
	})
}

// IsObject reports whether a value is an object or a function. Unlike value.Type, it
// accepts a BigInt.
func IsObject(value js.Value) bool {
	return js.Global().Get("Object").Invoke(value).Equal(value)
}

// IsArray reports whether a value is an array, which may be from another frame.
func IsArray(value js.Value) (is bool) {
	err := Try(func() { is = js.Global().Get("Array").Call("isArray", value).Bool() })
	return is && err == nil
}

// Get returns the nested property of a value with the given names, or undefined.
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

// Text converts a value to a string as JavaScript does.
func Text(value js.Value) (text string, err error) {
	defer Catch(&err)
	return js.Global().Call("String", value).String(), nil
}

// Blob returns a Blob with the bytes of a Blob or an ArrayBuffer, which may be from
// another frame.
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
		bytes = bytes.Call("slice") // Blob does not accept resizable buffers
	}
	return js.Global().Get("Blob").New([]any{bytes}), nil
}

// FileName returns the name of a File, which may be from another frame, with its path if it
// is from a folder that the user has chosen; "" for anything else.
func FileName(value js.Value) string {
	if !is("File", "name", value) {
		return ""
	}
	if is("File", "webkitRelativePath", value) {
		if path := own("File", "webkitRelativePath", value).String(); path != "" {
			return path
		}
	}
	return own("File", "name", value).String()
}

// Bytes returns a copy of the n bytes in a Uint8Array, which may be from another frame.
func Bytes(value js.Value, n int) (bytes []byte, err error) {
	defer Catch(&err)
	global := js.Global()
	class := global.Get("Uint8Array")
	arrays := global.Get("Object").Call("getPrototypeOf", class).Get("prototype") // %TypedArray%.prototype
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

// own reads an accessor of a browser's class from a value, ignoring an own property of
// that name. It throws if the value is not of the class.
func own(class, accessor string, value js.Value) js.Value {
	return js.Global().Get("Reflect").Call("get", js.Global().Get(class).Get("prototype"), accessor, value)
}

// is reports whether a value is of a browser's class, which must have the accessor.
func is(class, accessor string, value js.Value) bool {
	return IsObject(value) && Try(func() { own(class, accessor, value) }) == nil
}
