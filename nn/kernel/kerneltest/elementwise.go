package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sae/nn/kernel"
)

// operation is a function of package kernel that computes each element, and its term of
// the sum, only from the arguments' elements at the same place.
type operation struct {
	name      string
	arguments []argument
	run       func(x [][]float32) (sum float64)
	// element returns the arguments' values after the call, or only the first's if no
	// other changes, and the term of the sum.
	element func(x []float32) (after []result, term result)
}

// argument is a slice argument of an operation.
type argument struct {
	perColumn bool // [cols], else [rows, cols]
	values    values
}

// values are the values that an argument may have.
type values struct {
	ordinary func(*rand.Rand) float32
	special  []float32
}

var (
	normals   = func(r *rand.Rand) float32 { return float32(3 * r.NormFloat64()) }
	positives = func(r *rand.Rand) float32 { return float32(max(0, r.NormFloat64())) }

	zero  = float32(0)
	exact = []float32{0, -zero, 1, -1, 0x1p-149, -0x1p-149, 0x1p-126, -0x1p-126, 1e4, -1e4, nan}

	anything    = values{normals, append([]float32{16, -16, 88, -88, 103, -104, 1e38, -1e38, math.MaxFloat32, infinity, -infinity}, exact...)}
	squarable   = values{normals, exact} // without overflow
	activations = values{positives, []float32{0, 1, 0x1p-149, 0x1p-126, 1e38, infinity, nan}}
	variances   = values{positives, []float32{0, 1, 0x1p-149, 0x1p-126, 1e8, nan}}
	shares      = values{(*rand.Rand).Float32, []float32{0, 1}}
)

const (
	unit   = 0x1p-24  // largest relative error of a rounding: half an ulp of 1
	tiny   = 0x1p-149 // smallest positive float32
	weight = 0.5      // scale of SigmoidBCE and L1Gradient

	rate, beta1, beta2, epsilon = 1e-2, 0.9, 0.999, 1e-7 // of Adam
)

var operations = []operation{
	{
		"BiasReLU", []argument{{false, anything}, {true, anything}},
		func(x [][]float32) float64 { kernel.BiasReLU(x[0], x[1]); return 0 },
		func(x []float32) ([]result, result) {
			return []result{{float64(max(0, x[0]+x[1])), 0}}, result{}
		},
	}, {
		"BiasSigmoid", []argument{{false, anything}, {true, anything}},
		func(x [][]float32) float64 { kernel.BiasSigmoid(x[0], x[1]); return 0 },
		func(x []float32) ([]result, result) {
			return []result{{sigmoid(float64(x[0] + x[1])), 4 * unit}}, result{}
		},
	}, {
		"ReLUGradient", []argument{{false, anything}, {false, anything}},
		func(x [][]float32) float64 { kernel.ReLUGradient(x[0], x[1]); return 0 },
		func(x []float32) ([]result, result) {
			if x[1] <= 0 {
				return []result{{0, 0}}, result{}
			}
			return []result{{float64(x[0]), 0}}, result{}
		},
	}, {
		"SigmoidBCE", []argument{{false, anything}, {true, anything}, {false, shares}},
		func(x [][]float32) float64 { return kernel.SigmoidBCE(x[0], x[1], x[2], weight) },
		func(x []float32) ([]result, result) {
			z, target := float64(x[0]+x[1]), float64(x[2])
			parts := []float64{max(z, 0), -z * target, math.Log1p(math.Exp(-math.Abs(z)))}
			loss := parts[0] + parts[1] + parts[2]
			within := 4 * unit * (parts[0] + math.Abs(parts[1]) + parts[2])
			return []result{{weight * (sigmoid(z) - target), 4 * unit}}, result{loss, within}
		},
	}, {
		"L1Gradient", []argument{{false, anything}, {false, activations}},
		func(x [][]float32) float64 { return kernel.L1Gradient(x[0], x[1], weight) },
		func(x []float32) ([]result, result) {
			gradient := x[0]
			if x[1] > 0 {
				gradient += weight
			}
			return []result{{float64(gradient), 0}}, result{float64(x[1]), 0}
		},
	}, {
		"Adam", []argument{{false, anything}, {false, squarable}, {false, squarable}, {false, variances}},
		func(x [][]float32) float64 {
			kernel.Adam(x[0], x[1], x[2], x[3], rate, beta1, beta2, epsilon)
			return 0
		},
		func(x []float32) ([]result, result) {
			p, g, m, v := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
			c1, c2 := float64(1-float32(beta1)), float64(1-float32(beta2))
			m2, v2 := m+(g-m)*c1, v+(g*g-v)*c2
			// Every operation rounds once.
			offM := unit*(3*math.Abs(g-m)*c1+math.Abs(m2)) + 2*tiny
			offV := unit*((g*g+3*math.Abs(g*g-v))*c2+v2) + 2*tiny
			divisor := math.Sqrt(v2) + float64(float32(epsilon))
			update := float64(float32(rate)) * m2 / divisor
			offP := (float64(float32(rate))*offM+tiny)/divisor + math.Abs(update)*6*unit
			offP += math.Abs(update) / divisor * (math.Sqrt(v2+offV) - math.Sqrt(v2))
			offP += unit*(math.Abs(p-update)+offP) + 2*tiny
			return []result{{p - update, offP}, {g, 0}, {m2, offM}, {v2, offV}}, result{}
		},
	},
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// inputs returns arguments for rows and columns. If special is true, one element in four
// is a special value.
func (o operation) inputs(random *rand.Rand, rows, cols int, special bool) []matrix {
	arguments := make([]matrix, len(o.arguments))
	for i, a := range o.arguments {
		n := rows * cols
		if a.perColumn {
			n = cols
		}
		arguments[i] = vector(n, func() float32 {
			if special && random.IntN(4) == 0 {
				return a.values.special[random.IntN(len(a.values.special))]
			}
			return a.values.ordinary(random)
		})
	}
	return arguments
}

// at returns the arguments of one element.
func (o operation) at(arguments []matrix, element, cols int) []float32 {
	x := make([]float32, len(arguments))
	for i, a := range o.arguments {
		if a.perColumn {
			x[i] = arguments[i].data[element%cols]
		} else {
			x[i] = arguments[i].data[element]
		}
	}
	return x
}

func slicesOf(arguments []matrix) [][]float32 {
	x := make([][]float32, len(arguments))
	for i, a := range arguments {
		x[i] = a.data
	}
	return x
}

// shapes returns the shapes to test: rows of every length up to some vectors, in various
// numbers, and large matrices.
func shapes() [][2]int {
	all := [][2]int{{3, 0}, {0, 3}, {2, 33}, {3, 130}, {7, 512}, {1, 4099}}
	for cols := range 37 {
		all = append(all, [2]int{1, cols}, [2]int{1 + cols%5, cols})
	}
	return all
}

// The functions agree with their definitions in float64, and write nothing else.
func testElementwise(t *testing.T, _ Kernels) {
	for _, o := range operations {
		random := rand.New(rand.NewPCG(5, 6))
		for round := range 8 {
			for _, shape := range shapes() {
				rows, cols := shape[0], shape[1]
				arguments := o.inputs(random, rows, cols, round%2 == 1)
				before := make([]matrix, len(arguments))
				for i, x := range arguments {
					before[i] = x.clone()
				}
				var want result
				sum := o.run(slicesOf(arguments))
				for _, x := range arguments {
					x.checkMargins(t)
				}
				for i := range rows * cols {
					x := o.at(before, i, cols)
					after, term := o.element(x)
					for a, got := range o.at(arguments, i, cols) {
						want := result{float64(x[a]), 0}
						if a < len(after) {
							want = after[a]
						}
						if !want.met(float64(got)) {
							t.Fatalf("%s of %d×%d: element %d of %g: argument %d is %g, want %g within %.1g", o.name, rows, cols, i, x, a+1, got, want.value, want.within)
						}
					}
					want.value += term.value
					want.within += term.within + 0x1p-50*math.Abs(term.value)
				}
				want.within *= 1 + float64(rows*cols)*0x1p-50
				// A diverged sum may be Inf or NaN.
				if diverged := want.value-want.value != 0; diverged && sum-sum == 0 || !diverged && !want.met(sum) {
					t.Fatalf("%s of %d×%d returns %g, want %g within %.1g", o.name, rows, cols, sum, want.value, want.within)
				}
			}
		}
	}
}

// An element depends, bit for bit, only on the arguments at its place, and not on where
// that is in a row, a vector or memory, because each member of a team computes some of
// the columns.
func testPlaces(t *testing.T, _ Kernels) {
	random := rand.New(rand.NewPCG(7, 8))
	for _, o := range operations {
		for range 200 {
			rows, cols := 1+random.IntN(4), 1+random.IntN(40)
			arguments := o.inputs(random, rows, cols, true)
			row, col := random.IntN(rows), random.IntN(cols)
			partRows, partCols := 1+random.IntN(rows-row), 1+random.IntN(cols-col)
			gather := func() []matrix {
				part := make([]matrix, len(arguments))
				for i, a := range o.arguments {
					if a.perColumn {
						part[i] = newMatrix(1, partCols, 0)
						copy(part[i].data, arguments[i].data[col:])
						continue
					}
					part[i] = newMatrix(1, partRows*partCols, 0)
					for r := range partRows {
						copy(part[i].data[r*partCols:][:partCols], arguments[i].data[(row+r)*cols+col:])
					}
				}
				return part
			}
			part := gather()
			o.run(slicesOf(part))
			o.run(slicesOf(arguments))
			for a, want := range gather() {
				for i, got := range part[a].data {
					if !sameBits(got, want.data[i]) {
						t.Fatalf("%s of %d×%d at row %d, column %d of %d×%d: number %d of argument %d is %g, in the whole %g",
							o.name, partRows, partCols, row, col, rows, cols, i, a+1, got, want.data[i])
					}
				}
			}
		}
	}
}

func testFromBytes(t *testing.T, _ Kernels) {
	bytes := make([]byte, 256)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	for from := range 5 {
		ends := []int{200, 255, 256} // covers all bytes: some x/255 differ from x·(1/255)
		for n := range 40 {
			ends = append(ends, from+n)
		}
		for _, to := range ends {
			x := vector(to-from, constant(9))
			kernel.FromBytes(x.data, bytes[from:to])
			x.checkMargins(t)
			for i, got := range x.data {
				if want := float32(float64(from+i) / 255); got != want {
					t.Fatalf("%d gives %v, want %v", from+i, got, want)
				}
			}
		}
	}
}

// The sum of a column is independent of what dst held before and, bit for bit, of the
// columns beside it.
func testColumnSums(t *testing.T, _ Kernels) {
	random := rand.New(rand.NewPCG(9, 10))
	for _, special := range []bool{false, true} {
		for _, shape := range append(shapes(), [2]int{100, 9}, [2]int{0, 5}) {
			rows, cols := shape[0], shape[1]
			x := vector(rows*cols, func() float32 {
				if special && random.IntN(2*rows) == 0 {
					return anything.special[random.IntN(len(anything.special))]
				}
				return normals(random)
			})
			sums := vector(cols, constant(nan))
			kernel.ColumnSums(sums.data, x.data)
			sums.checkMargins(t)
			for j, got := range sums.data {
				var want result
				column := make([]float32, rows)
				overflows := false
				for i := range rows {
					column[i] = x.data[i*cols+j]
					want.value += float64(column[i])
					want.within += math.Abs(float64(column[i]))
					overflows = overflows || want.within > math.MaxFloat32
				}
				want.within *= unit * float64(rows)
				if !overflows && !want.met(float64(got)) {
					t.Fatalf("%d×%d: the sum of column %d is %g, want %g within %.1g", rows, cols, j, got, want.value, want.within)
				}
				alone := []float32{nan}
				if kernel.ColumnSums(alone, column); !sameBits(alone[0], got) {
					t.Fatalf("%d×%d: the sum of column %d is %g, alone %g", rows, cols, j, got, alone[0])
				}
			}
		}
	}
}

// Saturated logits give finite losses and exact gradients.
func testSaturation(t *testing.T, _ Kernels) {
	for _, test := range []struct{ z, x, loss, gradient float64 }{
		{100, 1, 0, 0}, {100, 0, 100, 1}, {-100, 0, 0, 0}, {-100, 1, 100, -1}, {1e30, 0, 1e30, 1}, {1e30, 1, 0, 0}, {0, 0.5, math.Ln2, 0},
	} {
		logits := []float32{float32(test.z)}
		loss := kernel.SigmoidBCE(logits, []float32{0}, []float32{float32(test.x)}, 1)
		if math.Abs(loss-test.loss) > 1e-6*max(1, test.loss) || math.Abs(float64(logits[0])-test.gradient) > 1e-7 {
			t.Errorf("z %g, x %g: loss %g, gradient %g; want %g, %g", test.z, test.x, loss, logits[0], test.loss, test.gradient)
		}
	}
}

// Sums of many numbers are accumulated in float64.
func testSumsAreAccurate(t *testing.T, _ Kernels) {
	const n = 1 << 20
	activation, gradient := make([]float32, n), make([]float32, n)
	for i := range activation {
		activation[i] = 1e-4
	}
	activation[0] = 1e6
	want := 1e6 + float64(n-1)*float64(float32(1e-4))
	if got := kernel.L1Gradient(gradient, activation, 0); math.Abs(got-want) > 1e-9*want {
		t.Errorf("L1Gradient returns %.9g, want %.9g", got, want)
	}
	logits, targets := make([]float32, n), make([]float32, n)
	want = float64(n) * math.Ln2
	if got := kernel.SigmoidBCE(logits, make([]float32, 8), targets, 1); math.Abs(got-want) > 1e-7*want {
		t.Errorf("SigmoidBCE returns %.9g, want %.9g", got, want)
	}
}

func testDoesNotAllocate(t *testing.T, k Kernels) {
	p := product{'N', 'T', 30, 40, 50, 0, 1, 1}
	a, b, c := p.operands(normal())
	x, y, bytes := make([]float32, 100), make([]float32, 100), make([]byte, 100)
	calls := map[string]func(){
		"Sgemm":      func() { p.run(k, a, b, c) },
		"Saxpy":      func() { k.Saxpy(100, 1, x, 1, y, 1) },
		"FromBytes":  func() { kernel.FromBytes(x, bytes) },
		"ColumnSums": func() { kernel.ColumnSums(x[:10], y) },
	}
	for _, o := range operations {
		x := slicesOf(o.inputs(rand.New(rand.NewPCG(1, 1)), 3, 7, false))
		calls[o.name] = func() { o.run(x) }
	}
	for name, call := range calls {
		if n := testing.AllocsPerRun(10, call); n != 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
}

// Accuracy tests the sigmoid and the loss −log(1 − sigmoid(z)), and with them exp and
// log1p, at every every-th float32 from −1e5 to 1e5. Errors may be up to 3 ulp (units in
// the last place). It logs the largest.
func Accuracy(t *testing.T, k Kernels, every uint32) {
	Use(t, k)
	const largest = 1e5
	var worst [2]struct{ ulps, at float64 }
	block := make([]float32, 0, 4096)
	values := make([]float32, 0, cap(block))
	bias, target, logit := []float32{0}, []float32{0}, []float32{0}
	see := func(i int, got, want, z float64) {
		if d := ulps(got, want); !(d <= worst[i].ulps) {
			worst[i].ulps, worst[i].at = d, z
		}
	}
	check := func() {
		values = append(values[:0], block...)
		kernel.BiasSigmoid(block, bias)
		for i, x := range values {
			z := float64(x)
			e := math.Exp(-math.Abs(z))
			want := 1 / (1 + e)
			if z < 0 {
				want = e / (1 + e)
			}
			see(0, float64(block[i]), want, z)
			logit[0] = x
			see(1, kernel.SigmoidBCE(logit, bias, target, 1), max(z, 0)+math.Log1p(e), z)
		}
		block = block[:0]
	}
	for bits := uint32(0); bits <= math.Float32bits(largest); bits += every {
		z := math.Float32frombits(bits)
		if block = append(block, z, -z); len(block) == cap(block) {
			check()
		}
	}
	check()
	report := fmt.Sprintf("sigmoid %.2f ulp at %g, loss %.2f ulp at %g", worst[0].ulps, worst[0].at, worst[1].ulps, worst[1].at)
	t.Log("largest errors: " + report)
	if !(worst[0].ulps <= 3) || !(worst[1].ulps <= 3) {
		t.Errorf("%s: want at most 3 ulp", report)
	}
}

// ulps returns the distance between got and want, in ulp of a float32 of want's
// magnitude.
func ulps(got, want float64) float64 {
	_, exponent := math.Frexp(want)
	return math.Abs(got-want) / math.Ldexp(1, max(exponent-24, -149))
}
