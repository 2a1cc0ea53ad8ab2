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

// modules are the modules, fastest first.
var modules = []struct {
	name string
	code []byte
}{
	{"relaxed-simd", relaxedModule},
	{"simd", baselineModule},
}

// Use registers the fastest kernels that this browser supports with gonum's blas32 and
// package kernel, and returns their name: "relaxed-simd" or "simd". If it supports neither,
// nothing changes and Use returns "go".
func Use() string {
	for _, module := range modules {
		if kernels, err := link(module.name, module.code); err == nil {
			kernels.Use()
			return kernels.Name
		}
	}
	return "go"
}

// Use activates the kernels and registers them with gonum's blas32 and package kernel.
func (k *Kernels) Use() {
	k.activate()
	blas32.Use(k)
	kernel.Use(k)
}

// activate makes the imported functions call the module of k.
func (k *Kernels) activate() { js.Global().Get("saeKernels").Set("exports", k.exports) }

// link instantiates and activates a module.
func link(name string, code []byte) (*Kernels, error) {
	exports, err := instantiate(code)
	if err != nil {
		return nil, err
	}
	kernels := &Kernels{Name: name, exports: exports}
	kernels.activate()
	kernels.scratch = make([]float32, scratchFloats())
	return kernels, nil
}

// instantiate instantiates a module on this program's memory and returns its
// exports.
func instantiate(code []byte) (exports js.Value, err error) {
	host := js.Global().Get("saeKernels")
	if !host.Truthy() {
		return exports, errors.New("simd: no saeKernels: want the program to be instantiated by program.js")
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
		return exports, errors.New("simd: the browser does not support the module's instructions")
	}
	module := webAssembly.Get("Module").New(bytes)
	instance := webAssembly.Get("Instance").New(module, map[string]any{
		"env": map[string]any{"memory": host.Get("memory")},
	})
	return instance.Get("exports"), nil
}
