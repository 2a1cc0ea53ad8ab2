// Package nn implements a sparse autoencoder: dense layers trained by Adam to
// reproduce their input through a narrow latent layer whose activations are
// kept sparse by an L1 penalty. It works in float32 on gonum's BLAS and knows
// no browser, no file and no page.
//
// To see how it learns, read step.go from top to bottom: forward, loss, backward,
// update. It is made of the layers in model.go, Adam's step size in adam.go and the
// loops of package kernel.
//
// # Model
//
// A dense layer maps a batch x, [n, in], to activation(x·W + b), with a kernel
// W, [in, out], and a bias b, [out]. An [Architecture] stacks them as the exercise
// does in Keras,
//
//	input → hidden layers (ReLU) → latent (ReLU) → hidden layers (ReLU) → output (sigmoid)
//
// with any hidden layers in the decoder: none, or those of the encoder in reverse.
// [New] draws the kernels. Encoder and decoder are models in their own right: they
// share their parameters with the whole and run alone.
//
// # Loss
//
// With z the logits of the output, x the input, d its size, a the latent
// activations and n the images of a batch,
//
//	loss = 1/(n·d) Σ (max(z, 0) − z·x + log(1 + exp(−|z|))) + λ/n Σ |a|
//
// The first sum is the binary cross-entropy of sigmoid(z), from the logits and
// without clipping; the second the L1 activity regularisation. Both are as
// Keras 2.15 computes them: the penalty is divided by the size of the batch and
// counts in validation too.
//
// # Gradient
//
// Sigmoid and cross-entropy differentiate together to
//
//	∂loss/∂z = (sigmoid(z) − x) / (n·d)
//
// From there back, with g the gradient by a layer's sums x·W + b,
//
//	∂loss/∂W = xᵀ·g      ∂loss/∂b = Σ rows of g      ∂loss/∂x = g·Wᵀ
//
// The latent activations add λ/n where they are positive, −λ/n where a linear
// latent layer makes them negative, and ReLU lets the gradient pass where its
// activation is positive. Once a layer has passed its gradient on, it is updated,
// some rows of the kernel at a time, so that no gradient of a whole kernel is ever
// kept.
//
// # Optimiser
//
// [Adam] is Keras's, with ε added to √v before the bias correction. Parameters
// and the two moments each live in one flat slice, of which a layer is a view.
//
// # Teams
//
// Several workers can train one autoencoder: see [Team] and [Trainer.Spread]. The step
// is the same for one worker and for a team: where a member needs what others have, it
// calls a collective operation, which exchanges nothing in a team of one.
//
// Each worker owns some units of every layer, with their columns of the kernel. They
// exchange activations on the way forward and, on the way back, the parts of
// ∂loss/∂x that their units contribute. Those are summed in the same order
// whatever the size of the team: over [Slices] slices of the units, as a
// binary tree. So the trained weights do not depend on it, bit for bit.
//
// # Initialisation
//
// Kernels are drawn uniformly within Glorot's or He's limit, biases are zero:
// see [InitializerNames].
//
// # Determinism
//
// Everything random comes from a PCG of a given seed and gives the same
// numbers on every platform. Sums run in an order that depends on sizes alone.
// So the same seed and settings give the same losses, bit for bit, as long as
// the same kernels compute them.
//
// # Interruption
//
// Where a step takes long and something else waits, Trainer.Yield is called
// after every Trainer.Stride multiply-adds. An error ends the step, and with it the
// training.
//
// # Sources
//
// X. Glorot and Y. Bengio, Understanding the difficulty of training deep
// feedforward neural networks, 2010. K. He et al., Delving deep into
// rectifiers, 2015. D. P. Kingma and J. Ba, Adam: a method for stochastic
// optimization, 2015. Keras 2.15 (TensorFlow).
package nn
