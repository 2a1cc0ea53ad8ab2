// Package exchange writes and reads models as ONNX, TensorFlow.js layers models,
// NumPy's .npz, and checkpoints of package fit. [Read] lists which files of other
// programs it accepts.
//
// ONNX, TensorFlow.js and .npz files are zip archives with uncompressed members.
// The archive comment contains the settings of the run as JSON. The members are:
//
//	onnx   encoder.onnx, decoder.onnx, auto.onnx
//	tfjs   model.json (the autoencoder), encoder.json, decoder.json, and their
//	       weights encoder.bin and decoder.bin
//	npz    NAME_kernel.npy, [in, out], and NAME_bias.npy, [out], for each layer
//
// Layer names are those of nn.Dense. Images are rows of 3,072 numbers from 0 to
// 1: row by row from the top, pixel by pixel, red, green and blue.
//
// [Keras] and [Go] return programs that repeat a run.
package exchange
