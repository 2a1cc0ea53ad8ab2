package nn

import (
	"math"
	"slices"
)

// Explanation describes one training step.
type Explanation struct {
	Images int
	Before Loss        // of the batch before the update, as Step returns it
	After  Loss        // of the batch after the update
	Rate   float64     // learning rate of the step, without Adam's bias correction
	Active float64     // latent units with an activation other than 0, mean per image
	Layers []LayerStep // from the first of the encoder to the output
}

// LayerStep describes a training step of one layer. Norms are Euclidean, over kernel
// and bias together.
type LayerStep struct {
	Name       string
	Activation Activation
	Share      float64 // share of the activations on the batch that are not zero
	Weights    float64 // norm of the parameters before the update
	Gradient   float64 // norm of the gradient of the loss
	Update     float64 // norm of the change of the parameters

	Activations []float32 // mean absolute activation of each unit on the batch, [units]
	Updates     []float32 // norm of the change of each unit's weights and bias, [units]
}

// Explain trains on one batch exactly as [Trainer.Step] does, and describes the step.
// It takes memory for two copies of the parameters and time for two forward passes.
func (t *Trainer) Explain(images []byte) (Explanation, error) {
	return t.ExplainSteps(images, Steps{
		State: t.State,
		Step:  func() (Loss, error) { return t.Step(images) },
		Loss:  func() (Loss, error) { return t.Loss(images) },
	})
}

// Steps trains the autoencoder of a Trainer on one batch, in its place.
type Steps struct {
	State func() (State, error) // as Trainer.State
	Step  func() (Loss, error)  // as Trainer.Step
	Loss  func() (Loss, error)  // as Trainer.Loss
}

// ExplainSteps is Explain for a step that something else does, such as a graphics card.
func (t *Trainer) ExplainSteps(images []byte, steps Steps) (Explanation, error) {
	n, err := t.imagesIn(images)
	if err != nil {
		return Explanation{}, err
	}
	state, err := steps.State()
	if err != nil {
		return Explanation{}, err
	}
	weights, moments := slices.Clone(t.auto.params), slices.Clone(state.Moments1)
	layers, err := t.look(images)
	if err != nil {
		return Explanation{}, err
	}
	before, err := steps.Step()
	if err != nil {
		return Explanation{}, err
	}
	after, err := steps.Loss()
	if err != nil {
		return Explanation{}, err
	}
	if state, err = steps.State(); err != nil {
		return Explanation{}, err
	}
	start := 0
	for i, layer := range t.auto.layers {
		end := start + (layer.In+1)*layer.Out
		layers[i].compare(t.adam, weights[start:end], t.auto.params[start:end], moments[start:end], state.Moments1[start:end])
		start = end
	}
	latent := layers[len(t.network.EncoderHidden)]
	return Explanation{
		Images: n, Before: before, After: after, Layers: layers,
		Rate: t.adam.alpha(state.Steps), Active: latent.Share * float64(t.network.LatentDims),
	}, nil
}

// look runs a batch through the network and records the activations of each layer.
func (t *Trainer) look(images []byte) ([]LayerStep, error) {
	n := len(images) / t.network.InputDims
	x := make([]float32, len(images))
	t.convert(x, images)
	var steps []LayerStep
	for _, layer := range t.auto.layers {
		output := make([]float32, n*layer.Out)
		if err := layer.forward(output, x, newPace(t.Stride, t.Yield)); err != nil {
			return nil, err
		}
		step := LayerStep{
			Name: layer.Name, Activation: layer.Activation,
			Activations: make([]float32, layer.Out), Updates: make([]float32, layer.Out),
		}
		active := 0
		for i, a := range output {
			step.Activations[i%layer.Out] += float32(math.Abs(float64(a))) / float32(n)
			if a != 0 {
				active++
			}
		}
		step.Share = float64(active) / float64(len(output))
		steps = append(steps, step)
		x = output
	}
	return steps, nil
}

// compare derives the norms from a layer's parameters and first moments before and
// after the step. A step does not keep its gradient, which follows from Adam's
// m ← β₁·m + (1−β₁)·g.
func (l *LayerStep) compare(adam Adam, before, after, moments, newMoments []float32) {
	var weights, gradient, update float64
	units := make([]float64, len(l.Updates))
	for i, w := range before {
		weights += float64(w) * float64(w)
		change := float64(after[i]) - float64(w)
		units[i%len(units)] += change * change
		g := (float64(newMoments[i]) - adam.Beta1*float64(moments[i])) / (1 - adam.Beta1)
		gradient += g * g
	}
	for unit, squares := range units {
		update += squares
		l.Updates[unit] = float32(math.Sqrt(squares))
	}
	l.Weights, l.Gradient, l.Update = math.Sqrt(weights), math.Sqrt(gradient), math.Sqrt(update)
}
