package state

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"sae/data"
	"sae/wasm/protocol"
)

// Explorer is a code that the user changes, and what the decoder makes of it.
type Explorer struct {
	Image    int       // validation image that it started from; -1 for a picture of the user, or none
	Original []byte    // its pixels
	Own      []byte    // pixels of the user's picture that was explored last; nil for none
	Encoded  []float32 // its code
	Code     []float32 // as changed; nil before the first
	Decoded  []byte    // the decoder's answer; it may be that to an earlier code for a moment
	Version  int       // grows with every answer

	Unusual *protocol.Unusual // of a picture of the user; nil for others, and until it is known

	Second int       // validation image that the code is mixed with; -1 for none
	other  []float32 // its code
	Mix    float64   // share of the second, from 0 to 1

	All        bool      // whether all units have a slider
	Map        []float32 // codes of the validation images on a plane, [n, 2]
	MapVersion int
	Hovered    int    // validation image under the pointer on the map; -1 for none
	Thumbnail  []byte // its pixels

	waiting, again bool // for the decoder's answer; whether the code has changed since it was asked
	mapping        bool // whether the map is asked for
}

func newExplorer() Explorer { return Explorer{Image: -1, Second: -1, Hovered: -1} }

// fewSliders is how many units have a slider unless all have.
const fewSliders = 16

// Explore starts from the code of a validation image.
func (p *Page) Explore(image int) {
	if image < 0 || image >= len(p.labels) {
		return
	}
	p.Explorer.Image, p.Explorer.Second, p.Explorer.Mix, p.Explorer.Unusual = image, -1, 0, nil
	p.encode(image, func(pixels []byte, code []float32) {
		if p.Explorer.Image != image {
			return
		}
		p.Explorer.Original, p.Explorer.Encoded = pixels, code
		p.setCode(slices.Clone(code))
	})
}

// ExplorePicture starts from the code of a picture of the user, 3,072 bytes, HWC.
func (p *Page) ExplorePicture(pixels []byte) {
	e := &p.Explorer
	e.Image, e.Second, e.Mix, e.Unusual = -1, -1, 0, nil
	e.Original, e.Own = pixels, pixels
	run := p.run
	p.Encode(slices.Clone(pixels), func(code []float32, err error) {
		if err == nil && p.run == run && e.Image < 0 && len(code) == p.Settings.Latent {
			p.Explorer.Encoded = code
			p.setCode(slices.Clone(code))
		}
	})
	p.command(protocol.New(protocol.TypeUnusual, nil, slices.Clone(pixels)), func(reply protocol.Message) {
		unusual, err := protocol.Decode[protocol.Unusual](reply)
		if err == nil && reply.Error == "" && p.run == run && p.Explorer.Image < 0 {
			p.Explorer.Unusual = &unusual
		}
	})
}

// encode asks for the pixels and the code of a validation image.
func (p *Page) encode(image int, done func(pixels []byte, code []float32)) {
	run := p.run
	p.command(protocol.New(protocol.TypeImages, protocol.Images{Images: []int{image}}), func(reply protocol.Message) {
		if reply.Error != "" || len(reply.Buffers) != 1 || len(reply.Buffers[0]) != data.ImageSize {
			return
		}
		pixels := reply.Buffers[0]
		p.Encode(slices.Clone(pixels), func(code []float32, err error) {
			if err == nil && p.run == run && len(code) == p.Settings.Latent {
				done(pixels, code)
			}
		})
	})
}

// setCode changes the code and asks the decoder.
func (p *Page) setCode(code []float32) {
	p.Explorer.Code = code
	p.decode()
}

// decode asks for the picture of the code as it is. One question is under way
// at a time; what changes in the meantime is asked once afterwards.
func (p *Page) decode() {
	e := &p.Explorer
	if len(e.Code) != p.Settings.Latent {
		return
	}
	if e.waiting {
		e.again = true
		return
	}
	e.waiting = true
	run := p.run
	p.Decode(e.Code, func(picture []byte, err error) {
		e := &p.Explorer
		e.waiting = false
		p.answered = true
		if err == nil && e.Code != nil && p.run == run {
			p.versions++
			e.Decoded, e.Version = picture, p.versions
		}
		if e.again {
			e.again = false
			p.decode()
		}
	})
}

// SetUnit sets the activation of one unit.
func (p *Page) SetUnit(unit int, activation float32) {
	if e := &p.Explorer; unit >= 0 && unit < len(e.Code) {
		e.Code[unit] = activation
		p.decode()
	}
}

// AsEncoded goes back to the code of the image.
func (p *Page) AsEncoded() {
	if e := &p.Explorer; e.Encoded != nil {
		e.Mix = 0
		p.setCode(slices.Clone(e.Encoded))
	}
}

// MeanCode starts from the mean of the codes of all validation images.
func (p *Page) MeanCode() {
	if len(p.Units.Center) == p.Settings.Latent {
		p.setCode(slices.Clone(p.Units.Center))
	}
}

// RandomCode draws a code: each unit is active as often as it is on the
// validation images, and then as much as it usually is, times a number of an
// exponential distribution. A linear layer's units vary around their mean.
func (p *Page) RandomCode() {
	u := p.Units
	if len(u.Center) != p.Settings.Latent {
		return
	}
	code := make([]float32, len(u.Center))
	for unit := range code {
		if p.Settings.Activation == "linear" {
			// The mean size of a normal variable is √(2/π) of its deviation.
			code[unit] = u.Center[unit] + float32(rand.NormFloat64()*math.Sqrt(math.Pi/2))*u.Mean[unit]
			continue
		}
		if rand.Float32() < u.Activity[unit] {
			code[unit] = float32(rand.ExpFloat64()) * u.Mean[unit] / u.Activity[unit]
		}
	}
	p.setCode(code)
}

// MixWith mixes the code with that of a second validation image; -1 ends that.
func (p *Page) MixWith(image int) {
	p.Explorer.Second = image
	if image < 0 || image >= len(p.labels) {
		p.AsEncoded()
		return
	}
	p.encode(image, func(_ []byte, code []float32) {
		if p.Explorer.Second == image {
			p.Explorer.other = code
			p.SetMix(0.5)
		}
	})
}

// SetMix sets the share of the second image.
func (p *Page) SetMix(share float64) {
	e := &p.Explorer
	if e.Second < 0 || len(e.other) != len(e.Encoded) || e.Encoded == nil {
		return
	}
	e.Mix = min(max(share, 0), 1)
	code := make([]float32, len(e.Encoded))
	for unit := range code {
		code[unit] = float32(1-e.Mix)*e.Encoded[unit] + float32(e.Mix)*e.other[unit]
	}
	p.setCode(code)
}

// Changed reports whether the code is another than the image's.
func (e Explorer) Changed() bool { return !slices.Equal(e.Code, e.Encoded) }

// Sliders returns the units that have a slider: those with the largest
// activations for the image, or all.
func (p *Page) Sliders() []int {
	e := p.Explorer
	code := e.Encoded
	if code == nil {
		code = make([]float32, p.Settings.Latent)
	}
	units := make([]int, len(code))
	for i := range units {
		units[i] = i
	}
	if e.All {
		return units
	}
	size := func(unit int) float64 { return math.Abs(float64(code[unit])) }
	slices.SortStableFunc(units, func(a, b int) int { return cmp.Compare(size(b), size(a)) })
	return units[:min(fewSliders, len(units))]
}

// refreshExplorer follows the model as it learns.
func (p *Page) refreshExplorer(evaluated bool) {
	e := &p.Explorer
	switch {
	case e.Image < 0 && e.Own != nil:
		if evaluated && !e.Changed() {
			p.ExplorePicture(e.Own)
		} else if evaluated {
			p.decode()
		}
	case e.Image < 0 && len(p.Samples.Images) > 0:
		p.Explore(p.Samples.Images[p.Selected])
	case evaluated && e.Code == nil && e.Image >= 0:
		p.Explore(e.Image)
	case evaluated && e.Changed():
		p.decode()
	case evaluated:
		p.Explore(e.Image)
	}
	if evaluated && e.Map != nil {
		p.ShowMap()
	}
}

// ShowMap asks for the map of the codes.
func (p *Page) ShowMap() {
	if p.Explorer.mapping {
		return
	}
	p.Explorer.mapping = true
	run := p.run
	p.command(protocol.New(protocol.TypeMap, nil), func(reply protocol.Message) {
		e := &p.Explorer
		e.mapping = false
		if reply.Error != "" || len(reply.Buffers) != 1 || p.run != run {
			return
		}
		p.versions++
		e.Map, e.MapVersion = protocol.Floats(reply.Buffers[0]), p.versions
	})
}

// Hover shows the validation image at a point of the map; -1 for none.
func (p *Page) Hover(image int) {
	e := &p.Explorer
	e.Hovered, e.Thumbnail = image, nil
	if image < 0 || image >= len(p.labels) {
		return
	}
	p.command(protocol.New(protocol.TypeImages, protocol.Images{Images: []int{image}}), func(reply protocol.Message) {
		if reply.Error == "" && len(reply.Buffers) == 1 && p.Explorer.Hovered == image {
			p.versions++
			p.Explorer.Thumbnail, p.Explorer.Version = reply.Buffers[0], p.versions
		}
	})
}

// Class names the class of a validation image.
func (p *Page) Class(image int) string {
	if image < 0 || image >= len(p.labels) {
		return ""
	}
	return p.Dataset.Classes[p.labels[image]]
}

// Labels returns the class of each validation image.
func (p *Page) Labels() []byte { return p.labels }
