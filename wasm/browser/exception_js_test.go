package browser

import (
	"strings"
	"syscall/js"
	"testing"
)

// evaluate returns the value of a JavaScript expression.
func evaluate(expression string) js.Value {
	return js.Global().Get("Function").New("return " + expression).Invoke()
}

// odd are values that throw when they are read, or that package js does not support.
var odd = []string{
	`undefined`, `null`, `1n`, `Symbol("s")`, `Object(1n)`, `Object.create(null)`, `() => {}`, `"text"`, `NaN`,
	`({ get name() { throw new Error("no name") }, get message() { throw null } })`,
	`({ toString() { throw new Error("no text") } })`, `({ name: 1n, message: Object.create(null) })`,
	`new Proxy({}, { get() { throw 1n }, getPrototypeOf() { throw Symbol() } })`,
	`(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })()`,
	`(() => { const { proxy, revoke } = Proxy.revocable(() => {}, {}); revoke(); return proxy; })()`,
	`(() => { const buffer = new ArrayBuffer(8); structuredClone(buffer, { transfer: [buffer] }); return buffer; })()`,
	`(() => { const array = new Uint8Array(8); structuredClone(array, { transfer: [array.buffer] }); return array; })()`,
	`({ __proto__: Uint8Array.prototype })`, `({ __proto__: File.prototype })`, `({ __proto__: ArrayBuffer.prototype })`,
}

// Whatever value is thrown, rejected with or read, there is an error with a message.
func TestOddValues(t *testing.T) {
	throw := js.Global().Get("Function").New("value", "throw value")
	for _, expression := range odd {
		value := evaluate(expression)
		if err := Try(func() { throw.Invoke(value) }); err == nil || err.Error() == "" {
			t.Errorf("throw %s: error %v, want one that says something", expression, err)
		}
		if _, err := Await(js.Global().Get("Promise").Call("reject", value)); err == nil || err.Error() == "" {
			t.Errorf("rejected with %s: error %v, want one that says something", expression, err)
		}
		if _, err := Blob(value); err == nil {
			t.Errorf("Blob(%s): no error", expression)
		}
		if _, err := Bytes(value, 8); err == nil {
			t.Errorf("Bytes(%s): no error", expression)
		}
		if name := FileName(value); name != "" {
			t.Errorf("FileName(%s) = %q", expression, name)
		}
		Get(value, "name", "length")
		Text(value)
	}
	if err := Try(func() { js.Undefined().Call("play") }); err == nil {
		t.Error("calling a method of undefined: no error")
	}
	if err := Try(func() { evaluate(`({ play: 1 })`).Call("play") }); err == nil {
		t.Error("calling a property that is not a method: no error")
	}
	if err := Try(func() { evaluate(`1n`).Type() }); err == nil {
		t.Error("the type of a BigInt: no error")
	}
	if _, err := Await(js.Undefined()); err == nil {
		t.Error("Await(undefined): no error")
	}
}

func TestErrorTells(t *testing.T) {
	for expression, want := range map[string]string{
		`(() => { throw new TypeError("wrong kind") })()`:             "wrong kind",
		`(() => { throw "a word" })()`:                                "a word",
		`(() => { throw new DOMException("", "NotFoundError") })()`:   "NotFoundError",
		`(() => { throw { toString() { return "one of mine" } } })()`: "one of mine",
		`(() => { throw 12n })()`:                                     "12",
	} {
		if err := Try(func() { evaluate(expression) }); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", expression, err, want)
		}
	}
}

func TestBytesAndBlobs(t *testing.T) {
	for _, expression := range []string{
		`new Uint8Array([1, 2, 3])`, `new Uint8Array([0, 1, 2, 3]).subarray(1)`, `new (class extends Uint8Array {})([1, 2, 3])`,
		`new Uint8Array(new ArrayBuffer(3, { maxByteLength: 8 })).map((_, i) => i + 1)`,
	} {
		if got, err := Bytes(evaluate(expression), 3); err != nil || string(got) != "\x01\x02\x03" {
			t.Errorf("Bytes(%s) = %v, %v", expression, got, err)
		}
	}
	if _, err := Bytes(evaluate(`new Uint8Array(4)`), 3); err == nil || err.Error() != "4 bytes" {
		t.Errorf("Bytes of four where three are wanted: error %v", err)
	}
	for _, expression := range []string{
		`new Blob(["abc"])`, `new File(["abc"], "name.bin")`, `new Uint8Array([97, 98, 99]).buffer`,
		`(() => { const b = new ArrayBuffer(3, { maxByteLength: 8 }); new Uint8Array(b).set([97, 98, 99]); return b; })()`,
	} {
		blob, err := Blob(evaluate(expression))
		if err != nil {
			t.Errorf("Blob(%s): %v", expression, err)
			continue
		}
		text, err := Await(blob.Call("text"))
		if err != nil || text.String() != "abc" {
			t.Errorf("Blob(%s) has %v, %v", expression, text, err)
		}
	}
	if name := FileName(evaluate(`new File([], "name.bin")`)); name != "name.bin" {
		t.Errorf("FileName is %q", name)
	}
	if got, err := Get(evaluate(`({ a: { b: "c" } })`), "a", "b"); err != nil || got.String() != "c" {
		t.Errorf("Get = %v, %v", got, err)
	}
	if got, err := Get(evaluate(`({ a: null })`), "a", "b"); err != nil || !got.IsUndefined() {
		t.Errorf("Get of nothing = %v, %v", got, err)
	}
	if _, err := Get(evaluate(`({ get a() { throw new Error("no a") } })`), "a"); err == nil || !strings.Contains(err.Error(), "no a") {
		t.Errorf("Get of what throws: error %v", err)
	}
}
