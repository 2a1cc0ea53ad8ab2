// Package exchange writes and reads models in the formats of other programs:
// ONNX, TensorFlow.js's layers format, NumPy's .npz, and our own checkpoints.
// [Read] says what it takes of other programs.
//
// ONNX, TensorFlow.js and .npz files are zip archives with uncompressed members.
// The archive comment has the settings of the run as JSON. The members are:
//
//	onnx   encoder.onnx, decoder.onnx, auto.onnx
//	tfjs   model.json (the autoencoder), encoder.json, decoder.json, and the weights
//	       encoder.bin and decoder.bin, which all three use
//	npz    NAME_kernel.npy, [in, out], and NAME_bias.npy, [out], for each layer
//
// Layer names are those of nn.Dense. Images are rows of 3,072 numbers from 0 to
// 1: row by row from the top, pixel by pixel, red, green and blue.
//
// [Keras] and [Go] write programs that repeat a run.
package exchange
