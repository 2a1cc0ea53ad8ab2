// Package simd computes the matrix products and the element-wise loops of
// training by SIMD instructions, which Go's compiler does not emit for
// WebAssembly.
//
// They are in two small modules that command gen writes, simd.wasm and, with
// the fused multiply-add of relaxed SIMD, relaxed.wasm. [Use] links the better
// one that the browser validates to this program's own memory and registers it
// with gonum's blas32 and with package kernel; gonum does what the modules
// lack.
//
// # Blocks of a product
//
// A product is computed in tiles of 6 rows (5 without relaxed SIMD) and 8
// columns, whose sums stay in registers: 12 sums, 2 vectors of B and 1 number
// of A fill the 15 registers that V8 uses on x86. The depth is cut into parts
// of 384 (KC), the rows into blocks of 132 (MC, 22 tiles) and the columns, where
// there are several blocks of rows, into parts of 512 (NC). A block of A is
// packed, 200 KB that stay in the second-level cache, and 64 columns of B at a
// time, of which 8 stay in the first.
//
// What an element of the product becomes depends on its row, its column and the
// depth alone, bit for bit, and not on the part of the matrix that is computed:
// teams of workers rely on that.
//
// # Accuracy
//
// Products are sums in the order of the depth, within each part of it. Over
// every 1009th float32 up to ±1e5, the sigmoid is off by at most 2.01 units in
// the last place and the loss −log(1 − sigmoid) by at most 2.55, with either
// module (TestAccuracy allows 3); all else rounds as the plain loop does, or
// once less.
package simd

//go:generate go run ./gen
