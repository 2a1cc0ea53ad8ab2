// Command gen writes the WebAssembly modules of package simd, simd.wasm and relaxed.wasm,
// to the current folder.
package main

import (
	"fmt"
	"os"

	"sae/wasm/simd/asm"
)

func main() {
	for _, v := range variants {
		if err := os.WriteFile(v.file, v.module(), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}

// variant describes a module.
type variant struct {
	file     string
	relaxed  bool // may use relaxed SIMD
	tileRows int  // of a tile of the matrix product
}

// A tile's sums, the operands and, without relaxed SIMD, a product must fit into the 15
// vector registers that V8 uses on x86.
var variants = []variant{
	{"simd.wasm", false, 5},
	{"relaxed.wasm", true, 6},
}

// kernels is a module under construction.
type kernels struct {
	*asm.Module
	variant
}

// module returns the variant's module.
func (v variant) module() []byte {
	k := kernels{&asm.Module{}, v}
	k.sgemm()
	k.elementwise()
	return k.Bytes()
}

// mulAdd returns x·y + z.
func (k kernels) mulAdd(x, y, z asm.F32x4) asm.F32x4 {
	if k.relaxed {
		return x.MulAdd(y, z)
	}
	return x.Mul(y).Add(z)
}
