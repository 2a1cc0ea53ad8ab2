package simd

import (
	_ "embed"
	"errors"
	"fmt"
	"syscall/js"

	"gonum.org/v1/gonum/blas/blas32"

	"sae/nn/kernel"
)

//go:embed simd.wasm
var baselineModule []byte

//go:embed relaxed.wasm
var relaxedModule []byte

// modules are those that there are, the fastest first, by the names that Use
// returns.
var modules = []struct {
	name string
	code []byte
}{
	{"relaxed-simd", relaxedModule},
	{"simd", baselineModule},
}

// Use makes the fastest kernels that this machine can run those of
// gonum's blas32 and of package kernel, and returns their name:
// "relaxed-simd", "simd", or, where neither runs and nothing changes, "go".
func Use() string {
	for _, module := range modules {
		kernels, err := link(module.code)
		if err == nil {
			blas32.Use(kernels)
			kernel.Use(kernels)
			return module.name
		}
	}
	return "go"
}

// link instantiates a module on this program's memory and leads the imported
// functions there. One module is linked at a time.
func link(code []byte) (kernels *Kernels, err error) {
	host := js.Global().Get("saeKernels")
	if !host.Truthy() {
		return nil, errors.New("simd: no saeKernels: want the program to be instantiated by program.js")
	}
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case js.Error:
			err = fmt.Errorf("simd: %w", thrown)
		default:
			panic(thrown)
		}
	}()
	bytes := js.Global().Get("Uint8Array").New(len(code))
	js.CopyBytesToJS(bytes, code)
	webAssembly := js.Global().Get("WebAssembly")
	if !webAssembly.Call("validate", bytes).Bool() {
		return nil, errors.New("simd: the machine does not know the instructions")
	}
	module := webAssembly.Get("Module").New(bytes)
	instance := webAssembly.Get("Instance").New(module, map[string]any{
		"env": map[string]any{"memory": host.Get("memory")},
	})
	host.Set("exports", instance.Get("exports"))
	return newKernels(), nil
}
