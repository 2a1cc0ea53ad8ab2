package data

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// syntheticClasses are the shapes of the synthetic set.
var syntheticClasses = []string{"disc", "ring", "square", "triangle", "stripes", "checker", "cross", "star", "crescent", "blob"}

// Synthetic returns the data set that needs no file: lit, textured shapes of
// ten classes before cloudy backgrounds whose power falls with frequency as it
// does in natural images, some of them partly hidden. The same counts and seed
// give the same images on every platform. It is no stand-in for CIFAR-10's
// content: it is honestly made up, so that there is something to learn from
// before a user brings real pictures.
func Synthetic(train, validation int, seed uint64) *Dataset {
	p := &painter{random: rand.New(rand.NewPCG(seed, 0))}
	return &Dataset{
		Name:       "Synthetic",
		Provenance: "drawn by this program, seed " + strconv.FormatUint(seed, 10),
		Classes:    syntheticClasses,
		Train:      p.split(train),
		Validation: p.split(validation),
	}
}

// painter draws images. All products that are added to something are rounded
// by a conversion first, which keeps compilers from fusing the two where a
// processor could, so that every platform draws the same.
type painter struct {
	random *rand.Rand
	cloud  [planeSize]float64
}

type color [3]float64

func (p *painter) split(n int) Split {
	s := Split{Images: make([]byte, n*ImageSize), Labels: make([]byte, n)}
	for i := range n {
		s.Labels[i] = byte(i % len(syntheticClasses))
		p.paint(s.Image(i), int(s.Labels[i]))
	}
	return s
}

func (p *painter) between(low, high float64) float64 {
	return low + float64(p.random.Float64()*(high-low))
}

// naturalColor returns a color that is bright or dark more often than vivid.
func (p *painter) naturalColor() color {
	light, vivid := p.between(0.1, 0.9), p.between(0, 0.3)
	var c color
	for i := range c {
		c[i] = light + float64(vivid*p.between(-1, 1))
	}
	return c
}

// clouds fills p.cloud with value noise of four octaves, each finer one
// weaker: an amplitude of about 1/f.
func (p *painter) clouds() {
	clear(p.cloud[:])
	amplitude := 0.5
	for cells := 2; cells <= 16; cells *= 2 {
		var grid [17 * 17]float64
		for i := range (cells + 1) * (cells + 1) {
			grid[i] = p.between(-amplitude, amplitude)
		}
		size := Width / cells
		for y := range Height {
			row := y / size * (cells + 1)
			fy := smooth(float64(y%size) / float64(size))
			for x := range Width {
				k := row + x/size
				fx := smooth(float64(x%size) / float64(size))
				above := mix(grid[k], grid[k+1], fx)
				below := mix(grid[k+cells+1], grid[k+cells+2], fx)
				p.cloud[y*Width+x] += mix(above, below, fy)
			}
		}
		amplitude /= 2
	}
}

func mix(a, b, t float64) float64 { return a + float64((b-a)*t) }

func smooth(t float64) float64 { return float64(t*t) * (3 - float64(2*t)) }

func clamp(t float64) float64 { return min(1, max(0, t)) }

// paint draws an image of the given class.
func (p *painter) paint(image []byte, class int) {
	var canvas [planeSize]color
	p.clouds()
	top, bottom := p.naturalColor(), p.naturalColor()
	texture := p.between(0.1, 0.6)
	for i := range canvas {
		fade := float64(i/Width) / (Height - 1)
		for c := range 3 {
			canvas[i][c] = mix(top[c], bottom[c], fade) + float64(texture*p.cloud[i])
		}
	}
	p.clouds() // now the shape's own texture
	s := p.shape(class)
	p.shade(&canvas, s, p.naturalColor(), p.between(0, 0.5))
	if p.random.IntN(4) == 0 { // something in front of it
		front := p.shape(2)
		front.size *= 0.6
		front.x += p.between(-12, 12)
		front.y += p.between(-12, 12)
		p.shade(&canvas, front, p.naturalColor(), 0.2)
	}
	for i, pixel := range canvas {
		for c, value := range pixel {
			image[3*i+c] = byte(float64(clamp(value)*255) + 0.5)
		}
	}
}

// shape is a figure somewhere in the image.
type shape struct {
	class    int
	x, y     float64 // center, pixels
	size     float64 // radius, pixels
	sin, cos float64 // of its turn
	wobble   [3]float64
}

func (p *painter) shape(class int) shape {
	// A turn as a point on the unit circle needs no sine.
	x, y := p.between(-1, 1), p.between(-1, 1)
	length := math.Sqrt(float64(x*x)+float64(y*y)) + 1e-9
	return shape{
		class: class,
		x:     p.between(10, 22), y: p.between(10, 22), size: p.between(7, 13),
		sin: y / length, cos: x / length,
		wobble: [3]float64{p.between(-0.3, 0.3), p.between(-0.3, 0.3), p.between(-0.3, 0.3)},
	}
}

// shade draws the shape's soft shadow and then its surface, lit from the
// upper left.
func (p *painter) shade(canvas *[planeSize]color, s shape, surface color, texture float64) {
	for i := range canvas {
		x, y := float64(i%Width), float64(i/Width)
		shadow := 0.4 * clamp(0.5-float64(s.distance(x-2.5, y-2.5)*s.size/5))
		cover := clamp(0.5 - float64(s.distance(x, y)*s.size))
		light := 1 - float64(0.035*(x-s.x)) - float64(0.035*(y-s.y))
		for c := range 3 {
			lit := float64((surface[c] + float64(texture*p.cloud[i])) * light)
			canvas[i][c] = mix(float64(canvas[i][c]*(1-shadow)), lit, cover)
		}
	}
}

// distance returns about how far a point is outside of the shape, in units of
// its size; negative inside.
func (s shape) distance(px, py float64) float64 {
	dx, dy := (px-s.x)/s.size, (py-s.y)/s.size
	x, y := float64(dx*s.cos)+float64(dy*s.sin), float64(dy*s.cos)-float64(dx*s.sin)
	r := math.Sqrt(float64(x*x) + float64(y*y))
	box := max(math.Abs(x), math.Abs(y)) - 0.85
	switch syntheticClasses[s.class] {
	case "disc":
		return r - 0.9
	case "ring":
		return math.Abs(r-0.7) - 0.25
	case "square":
		return box
	case "triangle":
		return max(-y-0.5, float64(0.87*math.Abs(x))+float64(0.5*y)-0.5)
	case "stripes":
		return max(box, 0.22-math.Abs(x-float64(0.8*math.Round(x/0.8))))
	case "checker":
		if (x > 0) == (y > 0) {
			return max(box, -min(math.Abs(x), math.Abs(y)))
		}
		return max(box, min(math.Abs(x), math.Abs(y)))
	case "cross":
		return max(box, min(math.Abs(x), math.Abs(y))-0.28)
	case "star":
		return math.Sqrt(math.Abs(x)) + math.Sqrt(math.Abs(y)) - 1.05
	case "crescent":
		return max(r-0.95, 0.75-math.Sqrt(float64((x-0.45)*(x-0.45))+float64(y*y)))
	}
	// A blob: a circle whose radius swings with the direction.
	u, v := x/(r+1e-9), y/(r+1e-9)
	return r - 0.75 - float64(s.wobble[0]*(float64(u*u)-float64(v*v))) - float64(s.wobble[1]*u*v) - float64(s.wobble[2]*u*float64(u*u))
}
