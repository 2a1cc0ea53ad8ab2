package webgpu

import "strconv"

// A tile is the part of a matrix product that a workgroup computes: rows × columns, with
// depth terms of the sum in workgroup memory at a time. A thread computes 4×4 of it.
type tile struct{ rows, columns, depth int }

func (t tile) threads() int { return t.rows * t.columns / 16 }

// A product is the text of a tiled matrix product C[m][n] = Σ A[m][k]·B[k][n]. A lies
// along k or, for the gradient of a kernel, along m. B lies along n or, for the gradient of
// an input, along k. The text around it declares
//
//	M, N                              rows and columns, multiples of 4
//	fn rowA(i: u32) -> u32            where row i of A begins, as it lies in memory
//	fn atA(i: u32) -> vec4f           the vec4f there; rowB and atB are the same for B
//	fn finish(m: u32, n4: u32, v: vec4f)
//
// and, before the body, t, m0, n0, k0 and k1: the thread, the first row and column of the
// tile, and the range of the sum, multiples of 4.
type product struct {
	tile
	a, b  operand
	partK bool // whether the tile's depth may exceed the range of the sum
	sums  bool // whether the body also sums B's columns, of four at a time, to a variable sum, which finish also takes
	short bool // whether it sums only rows 0 to SUM−1
}

// operand is how A or B of a product lies.
type operand struct {
	along bool // along k
	part  bool // whether the last tile exceeds M or N
}

// side is an operand with its place in the tile.
type side struct {
	operand
	name         string // A or B
	size         int    // of the tile: its rows or columns
	first, whole string // where the tile begins, and of how many
	at           int    // in workgroup memory, in vec4f
}

func (p product) sides() (a, b side) {
	a = side{operand: p.a, name: "A", size: p.rows, first: "m0", whole: "M"}
	return a, side{operand: p.b, name: "B", size: p.columns, first: "n0", whole: "N", at: p.room(a)}
}

// stride is the length of a row along k in workgroup memory, in vec4f. It is odd, so that
// neighbouring threads read from different banks.
func (p product) stride() int { return p.depth/4 + 1 }

// room is the workgroup memory that an operand takes, in vec4f.
func (p product) room(s side) int {
	if s.along {
		return s.size * p.stride()
	}
	return s.size * p.depth / 4
}

// memory is the workgroup memory that the product takes, in vec4f.
func (p product) memory() int {
	a, b := p.sides()
	return p.room(a) + p.room(b)
}

// fetches calls text for each vec4f of an operand that a thread fetches at a time.
func (p product) fetches(s side, text string) string {
	return each(s.size*p.depth/4/p.threads(), func(i int) string {
		across, put := s.size/4, wgsl("$at + row * $across + place", "at", s.at, "across", s.size/4)
		switch {
		case s.along && s.name == "A":
			across, put = p.depth/4, wgsl("row * $stride + place", "stride", p.stride())
		case s.along: // so that neighbouring threads, of neighbouring columns, read neighbours
			across, put = p.depth/4, wgsl("$at + ((row % 4u) * $quarter + row / 4u) * $stride + place", "at", s.at, "quarter", s.size/4, "stride", p.stride())
		}
		return "  { " + wgsl("let row = (t + $skip) / $across; let place = (t + $skip) % $across; ", "skip", i*p.threads(), "across", across) +
			wgsl(text, "x", s.name+strconv.Itoa(i), "put", put) + " }"
	})
}

// fetch reads the next part of an operand.
func (p product) fetch(s side) string {
	index, inside := "row"+s.name+"(4u * k4 + row) + "+s.first+" / 4u + place", s.first+" + 4u * place < "+s.whole
	inK := "4u * k4 + row < k1"
	if s.along {
		index, inside = "start$x + k4 + place", s.first+" + row < "+s.whole
		inK = "k4 + place < k1 / 4u"
	}
	condition := ""
	switch {
	case s.part && p.partK:
		condition = inside + " && " + inK
	case s.part:
		condition = inside
	case p.partK:
		condition = inK
	default:
		return p.fetches(s, "next$x = at"+s.name+"("+index+");")
	}
	return p.fetches(s, "next$x = vec4f(); if ("+condition+") { next$x = at"+s.name+"("+index+"); }")
}

// declare declares the variables of fetch: what comes next and, along k, where its row
// starts.
func (p product) declare(s side) string {
	text := "  " + joined(s.size*p.depth/4/p.threads(), " ", func(i int) string {
		return wgsl("var next$x = vec4f(); var start$x = 0u;", "x", s.name+strconv.Itoa(i))
	})
	if s.along {
		text += "\n" + p.fetches(s, "start$x = row"+s.name+"("+s.first+" + row);")
	}
	return text
}

// store puts what was fetched into workgroup memory.
func (p product) store(s side) string { return p.fetches(s, "tile[$put] = next$x;") }

// terms adds four terms of the sum to the thread's 4×4.
func (p product) terms() string {
	_, b := p.sides()
	across, down := p.columns/4, p.rows/4
	rows, lanes := []string{"x0", "x1", "x2", "x3"}, "xyzw"
	if p.a.along {
		text := each(4, func(i int) string {
			return wgsl("let "+rows[i]+" = tile[(ty + $i) * $stride + k];", "i", i*down, "stride", p.stride())
		}) + "\n"
		if p.b.along {
			text += each(4, func(j int) string {
				return wgsl("let z"+strconv.Itoa(j)+" = tile[$at + (tx + $j) * $stride + k];", "at", b.at, "j", j*across, "stride", p.stride())
			}) + "\n"
		}
		return text + each(4, func(q int) string {
			lane := lanes[q : q+1]
			y := wgsl("tile[$at + (4u * k + $q) * $across + tx]", "at", b.at, "q", q, "across", across)
			if p.b.along {
				y = "vec4f(z0." + lane + ", z1." + lane + ", z2." + lane + ", z3." + lane + ")"
			}
			return "{ let y = " + y + "; " + joined(4, " ", func(i int) string {
				c := "c" + strconv.Itoa(i)
				return c + " = fma(vec4f(" + rows[i] + "." + lane + "), y, " + c + ");"
			}) + " }"
		})
	}
	return each(4, func(q int) string {
		text := wgsl("{ let x = tile[(4u * k + $q) * $down + ty]; let y = tile[$at + (4u * k + $q) * $across + tx]; ", "q", q, "down", down, "at", b.at, "across", across) +
			joined(4, " ", func(i int) string {
				c := "c" + strconv.Itoa(i)
				return c + " = fma(vec4f(x." + lanes[i:i+1] + "), y, " + c + ");"
			})
		if p.sums {
			add := " sum += y;"
			if p.short {
				add = " if (counts) {" + add + " }"
			}
			text += add
		}
		return text + " }"
	})
}

// body returns the text that computes a tile and calls finish for each four of its
// elements. What is fetched waits in registers until the terms before it are added.
func (p product) body() string {
	a, b := p.sides()
	finish := each(4, func(i int) string {
		row := wgsl("m0 + ty + $i", "i", i*p.rows/4)
		if !p.a.along {
			row = wgsl("m0 + 4u * ty + $i", "i", i)
		}
		call := "finish(" + row + ", n0 / 4u + tx, c" + strconv.Itoa(i) + ");"
		if p.sums {
			call = call[:len(call)-2] + ", sum);"
		}
		switch {
		case p.a.part && p.b.part:
			call = "if (" + row + " < M && n0 + 4u * tx < N) { " + call + " }"
		case p.a.part:
			call = "if (" + row + " < M) { " + call + " }"
		case p.b.part:
			call = "if (n0 + 4u * tx < N) { " + call + " }"
		}
		return "  " + call
	})
	counts := ""
	if p.short {
		counts = " let counts = k4 <= SUM / 4u;"
	}
	return wgsl(`
  let tx = t % $across; let ty = t / $across;
  var c0 = vec4f(); var c1 = vec4f(); var c2 = vec4f(); var c3 = vec4f(); var sum = vec4f();
$declareA
$declareB
  var k4 = k0 / 4u;
$fetchA
$fetchB
  loop {
$storeA
$storeB
    workgroupBarrier();
    k4 += $depth;
    let more = k4 < k1 / 4u;$counts
    if (more) {
$fetchA
$fetchB
    }
    for (var k = 0u; k < $depth; k++) {
$terms
    }
    if (!more) { break; }
    workgroupBarrier();
  }
$finish
`, "across", p.columns/4, "depth", p.depth/4, "terms", p.terms(), "finish", finish, "counts", counts,
		"declareA", p.declare(a), "declareB", p.declare(b), "fetchA", p.fetch(a), "fetchB", p.fetch(b), "storeA", p.store(a), "storeB", p.store(b))
}
