// Package simd computes the matrix products and the element-wise loops of training by
// SIMD instructions, which Go's compiler does not emit for WebAssembly.
//
// They are in two small modules, which command gen writes: simd.wasm and, with the fused
// multiply-add of relaxed SIMD, relaxed.wasm. [Use] links the faster one that the browser
// supports to this program's memory, and registers it with gonum's blas32 and with
// package kernel. gonum computes everything else.
//
// # Blocks of a product
//
// A product is computed in tiles of 6 rows (5 without relaxed SIMD) and 8 columns, whose
// sums stay in registers: 12 sums, 2 vectors of B and 1 number of A fill the 15 registers
// that V8 uses on x86. The depth is divided into parts of 384 (KC), the rows into blocks
// of 132 (MC, 22 tiles) and, if there are several blocks of rows, the columns into parts
// of 512 (NC). A packed block of A, 200 KB, stays in the L2 cache. B is packed 64 columns
// at a time, of which 8 stay in the L1 cache.
//
// An element of the product depends, bit for bit, only on its row, its column and the
// depth, and not on which part of the matrix is computed. Teams of workers rely on that.
//
// # Accuracy
//
// Products are summed in the order of the depth, within each part of it. Over every
// 1009th float32 up to ±1e5, the error of the sigmoid is at most 2.01 units in the last
// place, that of the loss −log(1 − sigmoid) at most 2.55, with either module
// (TestAccuracy allows 3). Everything else rounds as the plain loop does, or once less.
package simd

//go:generate go run ./gen
