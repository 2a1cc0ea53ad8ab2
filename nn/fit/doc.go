// Package fit trains an experiment, epoch by epoch, as Keras's fit does, and
// keeps its history. A [Run] goes from batch to batch, so that a page can show
// what happens in between, and [Run.Checkpoint] and [Resume] move it through a
// file: it goes on bit for bit.
//
// # Checkpoint files
//
// All numbers are little-endian; checksums are CRC-32C (Castagnoli).
//
//	8 bytes   magic: "SAECKPT\n"
//	2         version: 1
//	2         0
//	4         length h of the header, at most 16 MiB
//	h         header: JSON of a Checkpoint without its arrays, in UTF-8
//	4         checksum of the header
//	4·p       parameters, float32: kernel [in, out] row-major and bias [out] of each layer
//	4·p       Adam's first moments, in the same order
//	4·p       Adam's second moments
//	4         checksum of the three arrays
//
// The number of parameters p follows from the header's settings. Nothing
// follows the checksum.
package fit
