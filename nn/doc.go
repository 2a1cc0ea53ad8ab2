// Package nn implements a sparse autoencoder: dense layers, trained by Adam to
// reproduce their input through a latent layer, whose activations an L1 penalty or TopK
// keeps sparse. It computes in float32 on gonum's BLAS, and needs neither a
// browser nor files.
//
// To see how it learns, read step.go from top to bottom: forward, loss, backward,
// update. It uses the layers in model.go, the learning rate in adam.go and the
// element-wise loops of package kernel.
//
// # Model
//
// A dense layer maps a batch x, [n, in], to activation(x·W + b), with a kernel
// W, [in, out], and a bias b, [out]. An [Architecture] stacks them as the exercise
// does in Keras:
//
//	input → hidden layers (ReLU) → latent (ReLU) → hidden layers (ReLU) → output (sigmoid)
//
// The decoder may have no hidden layers. TopK keeps the K largest latent activations of
// each image and sets the others to 0. The output is linear if the mean squared error
// trains. [New] draws the kernels. Encoder and decoder
// are models of their own, which share their parameters with the autoencoder.
//
// # Loss
//
// For a batch of n images x with d values each, logits z of the output, and latent
// activations a,
//
//	loss = 1/(n·d) Σ (max(z, 0) − z·x + log(1 + exp(−|z|))) + λ/n Σ |a|
//
// The first sum is the binary cross-entropy of sigmoid(z), computed from the logits
// without clipping. The second is the L1 activity regularisation. Both are those of
// Keras 2.15: the penalty is divided by the batch size, and validation includes it. With
// [MSE], the first sum is that of (z − x)².
//
// # Gradient
//
// Sigmoid and cross-entropy together have the gradient
//
//	∂loss/∂z = (sigmoid(z) − x) / (n·d)
//
// In every layer, with g the gradient with respect to its sums x·W + b,
//
//	∂loss/∂W = xᵀ·g      ∂loss/∂b = Σ rows of g      ∂loss/∂x = g·Wᵀ
//
// The penalty adds λ/n to the gradient of a positive latent activation, and −λ/n to
// that of a negative one. ReLU passes the gradient on where its activation is positive.
// A layer is updated as soon as it has passed its gradient on, some rows of the kernel
// at a time, so the gradient of a whole kernel is never in memory.
//
// With MSE, ∂loss/∂z = 2·(z − x) / (n·d). TopK passes the gradient on where it keeps the
// activation (Makhzani and Frey 2013).
//
// # Directions and dead units
//
// The rows of the decoder's first kernel are the directions of the latent units. With
// Unit, training keeps their norm at 1: it removes from a row's gradient g the part that
// is parallel to the row w, before Adam, and divides the row by its norm after it
// (Bricken et al. 2023):
//
//	g ← g − (g·w)·w      w ← w/|w|
//
// A latent unit is dead if no image of more than DeadSteps steps has activated it. With
// AuxK (Gao et al. 2024, A.2), training minimises, in addition to the loss that is
// reported,
//
//	α/(n·d) Σ (e − W·z)²      e = x − y
//
// in which z are the activations that the dead units have without TopK, of which each
// image keeps the d/2 largest, W the decoder's kernel, and e the error that the other
// units leave, taken as constant. So dead units learn what the others miss.
//
// # Optimiser
//
// [Adam] is Keras's, with an optional warm-up. With Center, it trains the first layer on
// images without their mean: see center.go. The parameters and each of the two moments are one flat slice,
// of which the layers are views.
//
// # Teams
//
// Several workers can train one autoencoder: see [Team] and [Trainer.Spread]. The code
// of a step is the same for one worker and for a team: a member that needs data of the
// others calls a collective operation, which does nothing in a team of one.
//
// Each worker owns some units of every layer, with their columns of the kernel. In the
// forward pass, workers exchange activations; in the backward pass, what their units
// contribute to ∂loss/∂x. These parts are summed in a fixed order, as a binary tree
// over [Slices] slices of the units, so a team of any size trains the same weights, bit
// for bit.
//
// # Determinism
//
// All random numbers come from a seeded PCG, which is the same on every platform. The
// order of each sum depends only on sizes. So the same seed and settings give the same
// losses, bit for bit, on the same kernels.
//
// # Interruption
//
// During a step, Trainer.Yield is called after every Trainer.Stride multiply-adds, so
// that other work can run. An error that it returns aborts the training.
//
// # Sources
//
// X. Glorot and Y. Bengio, Understanding the difficulty of training deep
// feedforward neural networks, 2010. K. He et al., Delving deep into
// rectifiers, 2015. D. P. Kingma and J. Ba, Adam: a method for stochastic
// optimization, 2015. A. Makhzani and B. Frey, k-sparse autoencoders, 2013. T. Bricken et
// al., Towards monosemanticity (Anthropic), 2023. L. Gao et al., Scaling and evaluating
// sparse autoencoders (OpenAI), 2024. Keras 2.15 (TensorFlow).
package nn
