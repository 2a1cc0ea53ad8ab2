package nn_test

import (
	"fmt"
	"slices"

	"sae/nn"
)

// Experiments 2 and 3 of the exercise.
func ExampleNew() {
	straight := nn.Architecture{InputDims: 3072, EncoderHidden: []int{512, 128}, LatentDims: 64, Lambda: 1e-5}
	mirrored := straight
	mirrored.DecoderHidden = []int{128, 512}
	for _, architecture := range []nn.Architecture{straight, mirrored} {
		auto, err := nn.New(architecture, "glorot", 1)
		if err != nil {
			panic(err)
		}
		fmt.Println(architecture.Widths(), len(auto.Params()), "parameters")
	}
	// Output:
	// [3072 512 128 64 3072] 1846976 parameters
	// [3072 512 128 64 128 512 3072] 3297600 parameters
}

// Eight grey images of four pixels through two numbers and back.
func ExampleTrainer() {
	auto, err := nn.New(nn.Architecture{InputDims: 4, EncoderHidden: []int{8}, LatentDims: 2, DecoderHidden: []int{8}}, "glorot", 1)
	if err != nil {
		panic(err)
	}
	adam := nn.DefaultAdam
	adam.LearningRate = 0.01
	trainer, err := nn.NewTrainer(auto, adam, 4)
	if err != nil {
		panic(err)
	}
	var images []byte
	for i := range 8 {
		grey := byte(36 * i)
		images = append(images, grey, grey, grey, grey)
	}
	var first, last nn.Loss
	var batch []byte
	for epoch := range 200 {
		for indexes := range nn.Batches(8, 4, 1, uint64(epoch)) {
			batch = batch[:0]
			for _, i := range indexes {
				batch = append(batch, images[4*i:4*i+4]...)
			}
			if last, err = trainer.Step(batch); err != nil {
				panic(err)
			}
			if first == (nn.Loss{}) {
				first = last
			}
		}
	}
	fmt.Println("the loss fell:", last.Total() < first.Total())
	// Output: the loss fell: true
}

// Encoder and decoder run alone.
func ExampleModel_Predict() {
	auto, err := nn.New(nn.Architecture{InputDims: 3072, EncoderHidden: []int{128}, LatentDims: 16}, "glorot", 1)
	if err != nil {
		panic(err)
	}
	images := make([]float32, 5*3072)
	codes := auto.Encoder.Predict(nil, images)
	reconstructions := auto.Decoder.Predict(nil, codes)
	fmt.Println(len(codes)/5, len(reconstructions)/5)
	// Output: 16 3072
}

func ExampleTrainer_Evaluate() {
	auto, err := nn.New(nn.Architecture{InputDims: 4, LatentDims: 2}, "he", 1)
	if err != nil {
		panic(err)
	}
	trainer, err := nn.NewTrainer(auto, nn.DefaultAdam, 2)
	if err != nil {
		panic(err)
	}
	evaluation, err := trainer.Evaluate([]byte{0, 0, 0, 0, 255, 255, 255, 255})
	if err != nil {
		panic(err)
	}
	// Black gives a reconstruction of sigmoid(0) = 1/2 before any training.
	fmt.Println(len(evaluation.Codes), evaluation.MSE > 0, evaluation.PSNR() > 0)
	// Output: 4 true true
}

func ExampleArchitecture_Summary() {
	fmt.Print(nn.Architecture{InputDims: 3072, EncoderHidden: []int{128}, LatentDims: 16}.Summary())
	// Output:
	// Layer (type)              Output shape   Parameters
	// input (InputLayer)        (None, 3072)   0
	// encoder_1 (Dense, relu)   (None, 128)    393344
	// latent (Dense, relu)      (None, 16)     2064
	// output (Dense, sigmoid)   (None, 3072)   52224
	// Total parameters: 447632 (1.71 MB)
}

// Parameters and state are enough to continue training in another Trainer.
func ExampleTrainer_Restore() {
	architecture := nn.Architecture{InputDims: 4, LatentDims: 2}
	train := func(steps int, params []float32, state nn.State) ([]float32, nn.State) {
		auto, err := architecture.With(params)
		if err != nil {
			panic(err)
		}
		trainer, err := nn.NewTrainer(auto, nn.DefaultAdam, 1)
		if err != nil {
			panic(err)
		}
		if state.Steps > 0 {
			if err := trainer.Restore(state); err != nil {
				panic(err)
			}
		}
		for range steps {
			if _, err := trainer.Step([]byte{0, 85, 170, 255}); err != nil {
				panic(err)
			}
		}
		if state, err = trainer.State(); err != nil {
			panic(err)
		}
		return auto.Params(), state
	}
	start := slices.Repeat([]float32{0.5}, architecture.Parameters())
	atOnce, _ := train(10, start, nn.State{})
	halfWay, state := train(5, start, nn.State{})
	resumed, _ := train(5, halfWay, state)
	fmt.Println("the same:", slices.Equal(atOnce, resumed))
	// Output: the same: true
}
