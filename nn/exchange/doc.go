// Package exchange moves models between this program and others: it writes
// ONNX, TensorFlow.js's layers format, NumPy's .npz and checkpoints, and reads
// them back.
//
// ONNX, TensorFlow.js and .npz are zip archives whose members are not
// compressed. Each has the settings of the run, as JSON, for its comment, and
// holds these files:
//
//	onnx   encoder.onnx, decoder.onnx, auto.onnx
//	tfjs   model.json (the whole), encoder.json, decoder.json, and the weights
//	       encoder.bin and decoder.bin, which the three share
//	npz    NAME_kernel.npy, [in, out], and NAME_bias.npy, [out], of each layer
//
// Layers have the names of nn.Dense. Images are rows of 3,072 numbers from 0 to
// 1: row by row from the top, pixel by pixel, red, green and blue.
//
// [Keras] and [Go] write programs that do what a run does.
package exchange
