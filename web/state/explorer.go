package state

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"sae/nn/analysis"
	"sae/wasm/protocol"
)

// Explorer decodes a code that the user changes.
type Explorer struct {
	Image    int       // validation image whose code it is; -1 for the user's picture or none
	Original []byte    // pixels of the picture
	Own      []byte    // pixels of the user's last picture; nil for none
	Encoded  []float32 // code of the picture
	Code     []float32 // as changed; nil if there is none yet
	Free     string    // "mean" or "random" if the code is of no picture; else ""
	Decoded  []byte    // the decoder's latest answer, perhaps to an earlier code
	Version  int       // changes with Decoded

	Unusual *analysis.Rarity // of the user's picture; nil for others, and until it is known

	Built        protocol.BuildUp // of the picture's reconstruction; empty until it is known
	BuiltOf      []byte           // pixels of that picture
	BuiltVersion int              // changes with Built

	Second int       // validation image whose code is mixed in; -1 for none
	other  []float32 // its code
	Mix    float64   // its share, from 0 to 1

	Held        int // unit in hand: it has the first slider, which takes the focus; -1 for none
	HeldVersion int // changes each time that a unit is taken in hand

	All bool // whether all units have a slider

	ranked         []float32 // the code whose most active units have a slider
	waiting, again bool      // whether the decoder is at work, and the code has changed since
	answered       bool      // whether the last message was only the decoder's answer
	behind         bool      // whether the model has changed since the last refresh

	worker   *Worker
	dataset  *Dataset
	training *Training
	model    *Model
	timeline *Timeline
	messages *Messages
}

func newExplorer(p *Page) Explorer {
	return Explorer{
		worker: &p.Worker, dataset: &p.Dataset, training: &p.Training, model: &p.Model, timeline: &p.Timeline, messages: &p.Messages,
		Image: -1, Second: -1, Held: -1,
	}
}

// clear discards the code of a run that is replaced.
func (e *Explorer) clear() {
	e.Code, e.Encoded, e.Decoded, e.Second, e.Held = nil, nil, nil, -1, -1
	e.Built = protocol.BuildUp{}
}

// fewSliders is the number of sliders unless all units have one.
const fewSliders = 16

// Show shows the code of a validation image.
func (e *Explorer) Show(image int) {
	if image < 0 || image >= len(e.dataset.Labels) {
		return
	}
	e.Image, e.Second, e.Mix, e.Unusual = image, -1, 0, nil
	e.encode(image, func(pixels []byte, code []float32) {
		if e.Image != image {
			return
		}
		e.Original, e.Encoded = pixels, code
		e.setEncoded()
		e.buildUp()
	})
}

// buildUp asks the worker to build up the reconstruction of the picture.
func (e *Explorer) buildUp() {
	run, original := e.training.run, e.Original
	e.model.pass(protocol.New(protocol.TypeBuildUp, protocol.Pictures{Pixels: original}), func(reply protocol.Message) {
		built, err := answer[protocol.BuildUp](reply)
		if err == nil && e.training.run == run && slices.Equal(e.Original, original) {
			e.Built, e.BuiltOf, e.BuiltVersion = built, original, nextVersion()
		}
	})
}

// ShowPicture shows the code of the user's picture, 3,072 bytes, HWC.
func (e *Explorer) ShowPicture(pixels []byte) {
	e.messages.over(aboutTry)
	e.Image, e.Second, e.Mix, e.Unusual = -1, -1, 0, nil
	e.Original, e.Own = pixels, pixels
	run := e.training.run
	e.model.Encode(pixels, func(code []float32, err error) {
		if err == nil && e.training.run == run && e.Image < 0 && len(code) == e.training.Settings.Latent {
			e.Encoded = code
			e.setEncoded()
			e.buildUp()
		}
	})
	if e.training.Settings.Patch != 0 {
		return // only whole pictures are compared
	}
	e.worker.command(protocol.New(protocol.TypeUnusual, protocol.Pictures{Pixels: pixels}), func(reply protocol.Message) {
		unusual, err := answer[analysis.Rarity](reply)
		if err == nil && e.training.run == run && e.Image < 0 {
			e.Unusual = &unusual
		}
	})
}

// encode asks the worker for the pixels and the code of a validation image.
func (e *Explorer) encode(image int, done func(pixels []byte, code []float32)) {
	run := e.training.run
	e.worker.command(protocol.New(protocol.TypeImages, protocol.Images{Images: []int{image}}), func(reply protocol.Message) {
		pictures, err := answer[protocol.Pictures](reply)
		if err != nil {
			return
		}
		pixels := pictures.Pixels
		e.model.Encode(pixels, func(code []float32, err error) {
			if err == nil && e.training.run == run && len(code) == e.training.Settings.Latent {
				done(pixels, code)
			}
		})
	})
}

// setEncoded goes back to the code of the picture.
func (e *Explorer) setEncoded() {
	e.Free, e.ranked = "", e.Encoded
	e.setCode(slices.Clone(e.Encoded))
}

// setFree shows a code that is of no picture.
func (e *Explorer) setFree(what string, code []float32) {
	e.Free, e.ranked = what, slices.Clone(code)
	e.Second, e.Mix = -1, 0
	e.setCode(code)
}

// setCode shows a code and decodes it.
func (e *Explorer) setCode(code []float32) {
	e.Code = code
	e.decode()
}

// decode asks the worker to decode the code. One request is pending at a time; if the code
// changes meanwhile, one more follows.
func (e *Explorer) decode() {
	if len(e.Code) != e.training.Settings.Latent {
		return
	}
	if e.waiting {
		e.again = true
		return
	}
	e.waiting = true
	run := e.training.run
	e.model.Decode(e.Code, func(picture []byte, err error) {
		e.waiting = false
		e.answered = true
		if err == nil && e.Code != nil && e.training.run == run {
			e.Decoded, e.Version = picture, nextVersion()
		}
		if e.again {
			e.again = false
			e.decode()
		}
	})
}

// SetUnit sets the activation of one unit.
func (e *Explorer) SetUnit(unit int, activation float32) {
	if unit >= 0 && unit < len(e.Code) {
		e.Code[unit] = activation
		e.decode()
	}
}

// AsEncoded goes back to the code of the picture.
func (e *Explorer) AsEncoded() {
	if e.Encoded != nil {
		e.Mix = 0
		e.setEncoded()
	}
}

// MeanCode shows the mean of the codes of all validation images.
func (e *Explorer) MeanCode() {
	if len(e.timeline.live.Units.Center) == e.training.Settings.Latent {
		e.setFree("mean", slices.Clone(e.timeline.live.Units.Center))
	}
}

// RandomCode shows a random code. Each unit is active with its probability on the validation
// images; its activation then has an exponential distribution with the unit's usual
// activation as mean. The units of a linear layer are normal around their mean.
func (e *Explorer) RandomCode() {
	u := e.timeline.live.Units
	if len(u.Center) != e.training.Settings.Latent {
		return
	}
	code := make([]float32, len(u.Center))
	for unit := range code {
		if e.training.Settings.Activation == "linear" {
			// The mean size of a normal variable is √(2/π) of its deviation.
			code[unit] = u.Center[unit] + float32(rand.NormFloat64()*math.Sqrt(math.Pi/2))*u.Mean[unit]
			continue
		}
		if rand.Float32() < u.Activity[unit] {
			code[unit] = float32(rand.ExpFloat64()) * u.Usual(unit)
		}
	}
	e.setFree("random", code)
}

// MixWith mixes in the code of a second validation image; -1 removes it.
func (e *Explorer) MixWith(image int) {
	e.Second = image
	if image < 0 || image >= len(e.dataset.Labels) {
		e.AsEncoded()
		return
	}
	e.encode(image, func(_ []byte, code []float32) {
		if e.Second == image {
			e.other = code
			e.SetMix(0.5)
		}
	})
}

// SetMix sets the share of the second image.
func (e *Explorer) SetMix(share float64) {
	if e.Second < 0 || len(e.other) != len(e.Encoded) || e.Encoded == nil {
		return
	}
	e.Mix = min(max(share, 0), 1)
	code := make([]float32, len(e.Encoded))
	for unit := range code {
		code[unit] = float32(1-e.Mix)*e.Encoded[unit] + float32(e.Mix)*e.other[unit]
	}
	e.Free, e.ranked = "", e.Encoded
	e.setCode(code)
}

// Hold takes a unit in hand.
func (e *Explorer) Hold(unit int) { e.Held, e.HeldVersion = unit, nextVersion() }

// Changed reports whether the code differs from that of the picture.
func (e *Explorer) Changed() bool { return !slices.Equal(e.Code, e.Encoded) }

// Sliders returns the units that have a slider: all, or the one in hand and those with the
// largest activations before the user changed any.
func (e *Explorer) Sliders() []int {
	code := e.ranked
	if len(code) != e.training.Settings.Latent {
		code = make([]float32, e.training.Settings.Latent)
	}
	units := make([]int, len(code))
	for i := range units {
		units[i] = i
	}
	if e.All {
		return units
	}
	size := func(unit int) float64 {
		if unit == e.Held {
			return math.Inf(1)
		}
		return math.Abs(float64(code[unit]))
	}
	slices.SortStableFunc(units, func(a, b int) int { return cmp.Compare(size(b), size(a)) })
	return units[:min(fewSliders, len(units))]
}

// refresh encodes or decodes again after the model or the pictures have changed. selected is
// the position of the picture to start with.
func (e *Explorer) refresh(selected int) {
	evaluated := e.behind
	e.behind = false
	switch {
	case e.Image < 0 && e.Own != nil:
		if evaluated && !e.Changed() {
			e.ShowPicture(e.Own)
		} else if evaluated {
			e.decode()
		}
	case e.Image < 0 && len(e.timeline.Samples.Images) > 0:
		e.Show(e.timeline.Samples.Images[selected])
	case evaluated && e.Code == nil && e.Image >= 0:
		e.Show(e.Image)
	case evaluated && e.Changed():
		e.decode()
	case evaluated:
		e.Show(e.Image)
	}
}
