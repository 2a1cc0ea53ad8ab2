// Package exchange writes and reads models as ONNX, TensorFlow.js layers models, NumPy's
// .npz, safetensors, and checkpoints of package fit. [Read] lists which files of other
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
// A .safetensors file has the settings as "settings" in its metadata. Without hidden layers,
// its tensors have the names of SAELens:
//
//	W_enc, [input, latent]    b_enc    W_dec, [latent, input]    b_dec
//
// The code is x·W_enc + b_enc, of which ReLU or TopK follows: b_dec is not subtracted from x
// before. With hidden layers, they are NAME.weight, [out, in], and NAME.bias, as those of
// PyTorch's nn.Linear.
//
// Layer names are those of nn.Dense. Images are rows of 3,072 numbers from 0 to 1: row by
// row from the top, pixel by pixel, red, green and blue. If they are cut into patches, each
// is a row, in the same order.
//
// The whitening of patches (see package patch) is whitening_mean, μ, whitening_matrix, W,
// and whitening_inverse in npz and safetensors, and part of the ONNX graphs: auto.onnx and
// encoder.onnx read plain patches, and the output of decoder.onnx lacks their own mean,
// which a code does not contain. In ONNX, TopK puts the k largest activations into zeros by
// ScatterElements. TensorFlow.js has no layers for TopK and whitening.
//
// [Keras], [PyTorch] and [Go] return programs that repeat a run.
package exchange
