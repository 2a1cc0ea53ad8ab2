package data

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

// The shapes of the synthetic set, which are its classes.
const (
	disc = iota
	ring
	square
	triangle
	stripes
	checker
	cross
	star
	crescent
	blob
)

var syntheticClasses = []string{"disc", "ring", "square", "triangle", "stripes", "checker", "cross", "star", "crescent", "blob"}

// BuiltIn returns the synthetic data set that the page starts with, as Sketch does.
func BuiltIn() *Dataset { return Sketch(2000, 400, 1) }

// Synthetic returns a data set of the given numbers of images, to train on without
// CIFAR-10: lit, textured shapes of ten classes, some partly hidden, in front of cloudy
// backgrounds whose power falls with frequency as in natural images. The same counts and
// seed give the same images on every platform.
func Synthetic(train, validation int, seed uint64) *Dataset {
	d := Sketch(train, validation, seed)
	d.More(train)
	return d
}

// Sketch is Synthetic with training images that are black until [Dataset.More] draws them, so
// that there is something to show meanwhile.
func Sketch(train, validation int, seed uint64) *Dataset {
	d := &Dataset{
		Name:       "Synthetic",
		Provenance: "drawn by this program, seed " + strconv.FormatUint(seed, 10),
		Classes:    slices.Clone(syntheticClasses),
		Train:      blank(train),
		Validation: blank(validation),
	}
	painter := newPainter(seed, 0)
	d.rest = func(i int) error {
		painter.paint(d.Train.Image(i), int(d.Train.Labels[i]))
		return nil
	}
	p := newPainter(seed, 1)
	for i := range validation {
		p.paint(d.Validation.Image(i), int(d.Validation.Labels[i]))
	}
	return d
}

// painter draws images. Every product that is added to something is first converted to
// float64, which prevents fused multiply-add, so that every platform draws the same
// images.
type painter struct {
	random    *rand.Rand
	canvas    [planeSize]color
	cloud     [planeSize]float64
	distances [fieldSide * fieldSide]float64 // from the shape being drawn
}

// A shadow falls shadowOffset pixels to the lower right, so distances are also needed
// for that many pixels beyond the upper left edges.
const (
	shadowOffset = 2
	fieldSide    = Width + shadowOffset
)

type color [3]float64

func newPainter(seed, split uint64) *painter {
	return &painter{random: rand.New(rand.NewPCG(seed, split))}
}

// blank returns n black images with labels.
func blank(n int) Split {
	s := Split{Images: make([]byte, n*ImageSize), Labels: make([]byte, n)}
	for i := range n {
		s.Labels[i] = byte(i % len(syntheticClasses))
	}
	return s
}

func (p *painter) between(low, high float64) float64 {
	return low + float64(p.random.Float64()*(high-low))
}

// naturalColor returns a color that varies more in brightness than in saturation.
func (p *painter) naturalColor() color {
	light, vivid := p.between(0.1, 0.9), p.between(0, 0.3)
	var c color
	for i := range c {
		c[i] = light + float64(vivid*p.between(-1, 1))
	}
	return c
}

// clouds fills p.cloud with value noise of four octaves, with amplitudes of about
// 1/f.
func (p *painter) clouds() {
	clear(p.cloud[:])
	amplitude := 0.5
	for cells := 2; cells <= 16; cells *= 2 {
		size := Width / cells
		var weights [Width / 2]float64
		for i := range size {
			weights[i] = smooth(float64(i) / float64(size))
		}
		// The rows of the grid, stretched to the image's width.
		var rows [17][Width]float64
		for k := range cells + 1 {
			left := p.between(-amplitude, amplitude)
			for cell := range cells {
				right := p.between(-amplitude, amplitude)
				for i := range size {
					rows[k][cell*size+i] = mix(left, right, weights[i])
				}
				left = right
			}
		}
		for y := range Height {
			above, below := &rows[y/size], &rows[y/size+1]
			weight := weights[y%size]
			row := p.cloud[y*Width:][:Width]
			for x := range row {
				row[x] += mix(above[x], below[x], weight)
			}
		}
		amplitude /= 2
	}
}

func mix(a, b, t float64) float64 { return a + float64((b-a)*t) }

func smooth(t float64) float64 { return float64(t*t) * (3 - float64(2*t)) }

// clamp and larger replace min and max, which are calls in WebAssembly and took
// two fifths of the time.
func clamp(t float64) float64 {
	if t < 0 {
		return 0
	}
	if t > 1 {
		return 1
	}
	return t
}

func larger(a, b float64) float64 {
	if a > b {
		return a
	}
	return b
}

// paint draws an image of the given class.
func (p *painter) paint(image []byte, class int) {
	p.clouds()
	top, bottom := p.naturalColor(), p.naturalColor()
	texture := p.between(0.1, 0.6)
	for y := range Height {
		var sky color
		for c := range sky {
			sky[c] = mix(top[c], bottom[c], float64(y)/(Height-1))
		}
		row, cloud := p.canvas[y*Width:][:Width], p.cloud[y*Width:][:Width]
		for x := range row {
			shade := float64(texture * cloud[x])
			pixel := &row[x]
			pixel[0], pixel[1], pixel[2] = sky[0]+shade, sky[1]+shade, sky[2]+shade
		}
	}
	p.draw(p.shape(class), p.naturalColor(), p.between(0, 0.5))
	if p.random.IntN(4) == 0 { // something in front of the shape
		front := p.shape(square)
		front.size *= 0.6
		front.x += p.between(-12, 12)
		front.y += p.between(-12, 12)
		p.draw(front, p.naturalColor(), 0.2)
	}
	for i := range p.canvas {
		pixel, values := &p.canvas[i], image[3*i:][:3]
		for c := range values {
			values[c] = byte(float64(clamp(pixel[c])*255) + 0.5)
		}
	}
}

// shape is a figure somewhere in the image.
type shape struct {
	class    int
	x, y     float64 // center, pixels
	size     float64 // radius, pixels
	sin, cos float64 // of its rotation
	wobble   [3]float64
}

func (p *painter) shape(class int) shape {
	// A random point on the unit circle gives a rotation without sin and cos, which may
	// differ between platforms.
	x, y := p.between(-1, 1), p.between(-1, 1)
	r := length(x, y) + 1e-9
	return shape{
		class: class,
		x:     p.between(10, 22), y: p.between(10, 22), size: p.between(7, 13),
		sin: y / r, cos: x / r,
		wobble: [3]float64{p.between(-0.3, 0.3), p.between(-0.3, 0.3), p.between(-0.3, 0.3)},
	}
}

// draw draws the shape's soft shadow and then its surface, lit from the upper
// left.
func (p *painter) draw(s shape, surface color, texture float64) {
	for k := range p.distances {
		p.distances[k] = float64(s.distance(float64(k%fieldSide-shadowOffset), float64(k/fieldSide-shadowOffset)) * s.size)
	}
	for y := range Height {
		for x := range Width {
			here := y*fieldSide + x // where the pixel's shadow comes from
			shadow := float64(0.4 * clamp(0.5-float64(p.distances[here]/5)))
			cover := clamp(0.5 - p.distances[here+shadowOffset*(fieldSide+1)])
			if shadow == 0 && cover == 0 {
				continue
			}
			i := y*Width + x
			light := 1 - float64(0.035*(float64(x)-s.x)) - float64(0.035*(float64(y)-s.y))
			// The surface's texture is the background's clouds upside down.
			grain := float64(texture * p.cloud[planeSize-1-i])
			pixel := &p.canvas[i]
			for c := range pixel {
				pixel[c] = mix(float64(pixel[c]*(1-shadow)), float64((surface[c]+grain)*light), cover)
			}
		}
	}
}

// distance returns the approximate distance of a point from the shape, in units
// of its size; negative inside.
func (s *shape) distance(px, py float64) float64 {
	dx, dy := (px-s.x)/s.size, (py-s.y)/s.size
	x, y := float64(dx*s.cos)+float64(dy*s.sin), float64(dy*s.cos)-float64(dx*s.sin)
	width, height := math.Abs(x), math.Abs(y)
	box, smaller := width-0.85, height
	if height > width {
		box, smaller = height-0.85, width
	}
	switch s.class {
	case disc:
		return length(x, y) - 0.9
	case ring:
		return math.Abs(length(x, y)-0.7) - 0.25
	case square:
		return box
	case triangle:
		return larger(-y-0.5, float64(0.87*width)+float64(0.5*y)-0.5)
	case stripes:
		return larger(box, 0.22-math.Abs(x-float64(0.8*math.Round(x/0.8))))
	case checker:
		if (x > 0) == (y > 0) {
			return larger(box, -smaller)
		}
		return larger(box, smaller)
	case cross:
		return larger(box, smaller-0.28)
	case star:
		return math.Sqrt(width) + math.Sqrt(height) - 1.05
	case crescent:
		return larger(length(x, y)-0.95, 0.75-length(x-0.45, y))
	}
	// A blob: a circle whose radius varies with the direction.
	r := length(x, y)
	u, v := x/(r+1e-9), y/(r+1e-9)
	return r - 0.75 - float64(s.wobble[0]*(float64(u*u)-float64(v*v))) - float64(float64(s.wobble[1]*u)*v) - float64(float64(s.wobble[2]*u)*float64(u*u))
}

func length(x, y float64) float64 { return math.Sqrt(float64(x*x) + float64(y*y)) }
