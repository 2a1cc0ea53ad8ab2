// Package webgpu trains autoencoders on a graphics card, by the browser's WebGPU. It
// computes what package nn computes, to the last digits of float32.
//
// The training and validation images lie on the device as bytes, with the parameters and
// Adam's moments. A training step is a list of dispatches, its [Plan]: the layers forward,
// where those around the latent layer share one dispatch; the last layer with the loss and
// its gradient; the layers backward; and one update, which multiplies the gradients of all
// kernels, applies Adam to them and stores none of them. A product that would leave most of
// the device idle is split into parts of its sum, which the next dispatch adds up in order.
// So a device always computes the same numbers.
//
// What keeps codes sparse adds dispatches: TopK one, by the rank of each activation; a decoder
// of unit directions two, of which one also moves the first bias for images without their
// mean; AuxK two, of which the product does nothing while no unit is dead.
//
// Package webgpu writes its kernels for one network and batch: all sizes are constants.
// Activations and parameters are read and written as vec4f, so every width is padded to a
// multiple of 4 by units that stay zero.
package webgpu
