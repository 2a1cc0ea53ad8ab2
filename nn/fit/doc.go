// Package fit trains an experiment for a number of epochs, as Keras's fit does,
// and records its history. A [Run] advances one batch at a time, so a page can
// show progress. [Run.Checkpoint] saves it, and [Resume] continues it bit for bit.
//
// # Checkpoint files
//
// All numbers are little-endian; checksums are CRC-32C (Castagnoli).
//
//	8 bytes   magic: "SAECKPT\n"
//	4         version: 1
//	4         length h of the header, at most 16 MiB
//	h         header: a Checkpoint without its arrays, as JSON in UTF-8
//	4         checksum of the header
//	4·p       parameters, float32: kernel [in, out] row-major and bias [out] of each layer
//	4·p       Adam's first moments, in the same order
//	4·p       Adam's second moments
//	4·d       only with whiten: μ, W and W⁻¹ of package patch, float32
//	4·d·d
//	4·d·d
//	4         checksum of all arrays
//
// The numbers of parameters, p, and of values in a patch, d, follow from the settings in
// the header. The file ends after the last checksum.
package fit
