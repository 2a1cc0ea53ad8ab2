// Command gen writes the WebAssembly modules of package simd, simd.wasm and
// relaxed.wasm, into the current folder.
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

// variant is one of the modules.
type variant struct {
	file     string
	relaxed  bool // may use relaxed SIMD
	tileRows int  // of a tile of the matrix product
}

// A tile's sums, the operands and, without relaxed SIMD, a product have to fit
// the 15 vector registers that V8 uses on x86.
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
	k.peak()
	return k.Bytes()
}

// mulAdd returns x·y + z.
func (k kernels) mulAdd(x, y, z asm.F32x4) asm.F32x4 {
	if k.relaxed {
		return x.MulAdd(y, z)
	}
	return x.Mul(y).Add(z)
}

// peak adds a function that does nothing but multiply and add in registers, on
// 12 vectors at a time: the speed that no kernel can exceed.
//
//	for i < n, u < 8, j < 12: sum[j] += x·y
func (k kernels) peak() {
	f := k.Func("peak")
	n, factor := f.I32Param(), f.F32Param()
	var sums [12]asm.F32x4
	for i := range sums {
		sums[i] = f.F32x4()
	}
	x, y := f.F32x4(), f.F32x4()
	x.Set(factor.Splat())
	y.Set(x.Add(x))
	f.While(n, func() {
		for range 8 { // so that the loop itself costs nothing
			for _, sum := range sums {
				sum.Set(k.mulAdd(x, y, sum))
			}
		}
		n.Set(n.AddConst(-1))
	})
	for _, sum := range sums[1:] {
		sums[0].Set(sums[0].Add(sum))
	}
	f.Return(sums[0].Lane(0))
}
