// Package collective has the operations by which the members of a team exchange
// what each of them computes, named as in MPI. In a team of one, nothing is
// exchanged.
//
// Members own units of a layer: columns of its activations, [rows, units], and of
// its kernel and bias. All call the same operations in the same order.
package collective

import (
	"unsafe"

	"gonum.org/v1/gonum/blas/blas32"
)

// Slices is the number of parts into which the units of every layer are cut: the
// most that a team can share. [Group.ReduceTree] sums over them in a fixed order.
const Slices = 1 << depth

const depth = 3 // of the tree

// Group is a member's place in a team.
type Group struct {
	rank, size int
	send       func(to int, data []byte)
	receive    func(from int, data []byte) error

	message []float32
	parts   [Slices][]float32 // of a sum, by the member that computes it
	terms   [depth][]float32  // of a sum, by the level of the tree
	sums    Sums              // on their way
}

// New returns a member's place in a team of 1, 2, 4 or 8. send hands data to
// another member and keeps none of it; receive waits for what that one sent next.
func New(rank, size int, send func(to int, data []byte), receive func(from int, data []byte) error) *Group {
	return &Group{rank: rank, size: size, send: send, receive: receive}
}

// Size returns the number of members.
func (g *Group) Size() int { return g.size }

// Range is a half-open range of units or slices: First is in it, Last is not.
type Range struct{ First, Last int }

// Len returns the length of the range.
func (r Range) Len() int { return r.Last - r.First }

// Split says how the units of a layer are divided: among the members by slices or,
// where it is Whole, every member has all of them.
type Split struct {
	Units int
	Whole bool
}

// Slice returns the units of a slice.
func (s Split) Slice(slice int) Range {
	return Range{slice * s.Units / Slices, (slice + 1) * s.Units / Slices}
}

// Slices returns the slices that the member owns.
func (g *Group) Slices() Range { return g.slices(g.rank) }

func (g *Group) slices(rank int) Range {
	return Range{rank * Slices / g.size, (rank + 1) * Slices / g.size}
}

// Units returns the units that the member owns.
func (g *Group) Units(s Split) Range { return g.units(s, g.rank) }

func (g *Group) units(s Split, rank int) Range {
	if s.Whole {
		return Range{0, s.Units}
	}
	slices := g.slices(rank)
	return Range{s.Slice(slices.First).First, s.Slice(slices.Last - 1).Last}
}

// others yields the ranks of the other members, the next one first, so that not
// all send to the same.
func (g *Group) others(yield func(rank int) bool) {
	for i := 1; i < g.size; i++ {
		if !yield((g.rank + i) % g.size) {
			return
		}
	}
}

// Broadcast gives all members the data of the first.
func (g *Group) Broadcast(data []byte) error {
	if g.rank > 0 {
		return g.receive(0, data)
	}
	for rank := range g.others {
		g.send(rank, data)
	}
	return nil
}

// AllGather gives every member all, [rows, units], of which own, [rows, own units],
// is its part. Of a whole layer, own and all are the same.
func (g *Group) AllGather(all, own []float32, rows int, s Split) error {
	if s.Whole {
		return nil
	}
	for rank := range g.others {
		g.send(rank, bytesOf(own))
	}
	place(all, own, rows, s, g.Units(s))
	return g.receiveParts(all, rows, s)
}

// Gather gives the first member all, [rows, units], of which own, [rows, own units],
// is each member's part.
func (g *Group) Gather(all, own []float32, rows int, s Split) error {
	if g.rank == 0 {
		place(all, own, rows, s, g.Units(s))
	}
	switch {
	case s.Whole:
		return nil
	case g.rank > 0:
		g.send(0, bytesOf(own))
		return nil
	}
	return g.receiveParts(all, rows, s)
}

func (g *Group) receiveParts(all []float32, rows int, s Split) error {
	for rank := range g.others {
		units := g.units(s, rank)
		g.message = grow(g.message, rows*units.Len())
		if err := g.receive(rank, bytesOf(g.message)); err != nil {
			return err
		}
		place(all, g.message, rows, s, units)
	}
	return nil
}

// Scatter gives every member its part own, [rows, own units], of all, [rows, units],
// which only the first has.
func (g *Group) Scatter(own, all []float32, rows int, s Split) error {
	if g.rank > 0 {
		return g.receive(0, bytesOf(own))
	}
	cut(own, all, rows, s, g.Units(s))
	for rank := range g.others {
		units := g.units(s, rank)
		g.message = grow(g.message, rows*units.Len())
		cut(g.message, all, rows, s, units)
		g.send(rank, bytesOf(g.message))
	}
	return nil
}

// place copies a part, some columns, to its place.
func place(all, part []float32, rows int, s Split, units Range) {
	for row := range rows {
		copy(all[row*s.Units+units.First:][:units.Len()], part[row*units.Len():])
	}
}

// cut does the opposite.
func cut(part, all []float32, rows int, s Split, units Range) {
	for row := range rows {
		copy(part[row*units.Len():][:units.Len()], all[row*s.Units+units.First:])
	}
}

// Term stores in dst, [rows, of.Len()], what some units of a layer add to the values
// of some units of another, of.
type Term func(dst []float32, units, of Range) error

// ReduceTree stores in dst, [rows, own units of to], the sum of the terms of all
// units of from. They are summed up by slices, as a binary tree: (0+1)+(2+3) and so
// on. So the sum is the same, bit for bit, in a team of any size: each member
// computes the branch of its slices. While the branches travel, meanwhile runs.
func (g *Group) ReduceTree(dst []float32, rows int, from, to Split, term Term, meanwhile func() error) error {
	own := g.Units(to)
	if from.Whole {
		if err := g.branch(dst, Range{0, Slices}, from, own, term, 0); err != nil {
			return err
		}
		return meanwhile()
	}
	for rank := range g.size {
		g.parts[rank] = grow(g.parts[rank], len(dst))
	}
	for rank := range g.others {
		if to.Whole {
			break // all get the same branch
		}
		of := g.units(to, rank)
		g.message = grow(g.message, rows*of.Len())
		if err := g.branch(g.message, g.Slices(), from, of, term, 0); err != nil {
			return err
		}
		g.send(rank, bytesOf(g.message))
	}
	if err := g.branch(g.parts[g.rank], g.Slices(), from, own, term, 0); err != nil {
		return err
	}
	for rank := range g.others {
		if to.Whole {
			g.send(rank, bytesOf(g.parts[g.rank]))
		}
	}
	if err := meanwhile(); err != nil {
		return err
	}
	for rank := range g.others {
		if err := g.receive(rank, bytesOf(g.parts[rank])); err != nil {
			return err
		}
	}
	for distance := 1; distance < g.size; distance *= 2 {
		for rank := 0; rank < g.size; rank += 2 * distance {
			add(g.parts[rank], g.parts[rank+distance])
		}
	}
	copy(dst, g.parts[0])
	return nil
}

// branch stores in dst the sum of the terms of some slices.
func (g *Group) branch(dst []float32, slices Range, from Split, of Range, term Term, level int) error {
	if slices.Len() == 1 {
		units := from.Slice(slices.First)
		if units.Len() == 0 {
			clear(dst)
			return nil
		}
		return term(dst, units, of)
	}
	middle := (slices.First + slices.Last) / 2
	if err := g.branch(dst, Range{slices.First, middle}, from, of, term, level+1); err != nil {
		return err
	}
	g.terms[level] = grow(g.terms[level], len(dst))
	if err := g.branch(g.terms[level], Range{middle, slices.Last}, from, of, term, level+1); err != nil {
		return err
	}
	add(dst, g.terms[level])
	return nil
}

// add adds x to dst.
func add(dst, x []float32) {
	if len(dst) > 0 {
		blas32.Axpy(1, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(dst), Inc: 1, Data: dst})
	}
}

// Sums has a sum for each slice of a layer's units, so that it is the same, bit for
// bit, in a team of any size.
type Sums [Slices]float64

// Total adds up the slices.
func (s *Sums) Total() (total float64) {
	for _, sum := range s {
		total += sum
	}
	return total
}

// SendSums sends the first member the sums of the own slices.
func (g *Group) SendSums(s *Sums) {
	if g.rank > 0 {
		g.sums = *s
		g.send(0, bytesOf(g.sums[:]))
	}
}

// ReceiveSums completes the sums of the first member by what the others have sent.
func (g *Group) ReceiveSums(s *Sums) error {
	if g.rank > 0 {
		return nil
	}
	for rank := range g.others {
		if err := g.receive(rank, bytesOf(g.sums[:])); err != nil {
			return err
		}
		slices := g.slices(rank)
		copy(s[slices.First:slices.Last], g.sums[slices.First:])
	}
	return nil
}

// bytesOf returns the memory of the numbers. Members run the same program on the
// same machine, so its byte order does not matter.
func bytesOf[T float32 | float64](values []T) []byte {
	var value T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(value)))
}

// grow returns a slice of length n, the given one where it is large enough.
func grow(values []float32, n int) []float32 {
	if cap(values) < n {
		return make([]float32, n)
	}
	return values[:n]
}
