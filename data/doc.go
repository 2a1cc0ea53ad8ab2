// Package data reads and writes sets of labeled 32×32 color images: CIFAR-10, CIFAR-100 and
// MNIST in their usual forms, a synthetic data set, and a compact file format for the
// browser. It needs neither a browser nor a file system.
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
// [Import] recognizes files by their content: the compact format, the binary and the Python
// archive of CIFAR-10 and CIFAR-100, the tar in either, single batches, and files of images and
// labels in the IDX format of MNIST and Fashion-MNIST. It reads an archive to its end,
// verifies its checksum, and rejects duplicate batches. It reads its sources twice, first to
// list the records and then to read the chosen ones, so that only those are in memory. A
// batch of a Python version is in memory as a whole, 154 MB of CIFAR-100.
//
// Grey images are repeated in each channel, and smaller ones get a black border.
//
// # Subsets
//
// A subset is stratified: each class keeps its share. Within a class, Import
// takes the records with the smallest hash of seed and content, in the order of
// the hash. So the same records and seed give the same subset in the same order,
// whatever archive or folder they come from.
//
// # Compact format
//
// [Dataset.Write] and [Read] are lossless; [ReadInfo] reads the header alone.
// FORMAT.md specifies the format.
package data
