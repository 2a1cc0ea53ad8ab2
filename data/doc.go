// Package data holds sets of labeled 32×32 color images: CIFAR-10 in any of
// its usual shapes, a synthetic set that needs no file, and a compact file
// format for the browser. It knows neither a browser nor a file system.
//
// # Images in memory
//
// An image is 3,072 bytes in HWC order: 32 rows of 32 pixels of red, green and
// blue, as Keras's cifar10.load_data gives them. CIFAR's own files are planar
// and are transposed on reading. A [Dataset] has a training and a validation
// [Split], each images and labels.
//
// # Sources
//
// [Import] recognizes by content what a user may have: the compact format,
// cifar-10-binary.tar.gz, cifar-10-python.tar.gz, or the batches within them.
// It reads its sources twice, first to learn which records there are and then
// to take the chosen ones, and so holds no more than those in memory.
//
// # Subsets
//
// A subset is stratified: each class has the share that it has in the source.
// Within a class the records with the smallest hash of seed and content are
// taken, in the order of their hash. So the same records and seed give the
// same subset in the same order, whatever archive or folder they come from.
//
// # Compact format
//
// [Dataset.Write] and [Read] are lossless; [ReadInfo] reads the header alone.
// FORMAT.md specifies the bytes.
package data
