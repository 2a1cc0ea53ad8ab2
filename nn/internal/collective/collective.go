// Package collective implements the operations by which the members of a team
// exchange results, named as in MPI. In a team of one, they exchange nothing.
//
// Each member owns some units of a layer: columns of its activations, [rows, units],
// and of its kernel and bias. All members must call the same operations in the same
// order.
package collective

import (
	"unsafe"

	"gonum.org/v1/gonum/blas/blas32"
)

// Slices is the number of slices into which the units of every layer are divided, and
// so the largest team. [Group.ReduceTree] sums over them in a fixed order.
const Slices = 1 << depth

const depth = 3 // of the tree

// Group is a member's place in a team.
type Group struct {
	rank, size int
	send       func(to int, data []byte)
	receive    func(from int, data []byte) error

	message []float32
	parts   [Slices][]float32 // of a sum, one from each member
	terms   [depth][]float32  // of a sum, one for each level of the tree
	sums    Sums              // being sent or received
}

// New returns the place of a member with a rank from 0 in a team of 1, 2, 4 or 8. send
// sends data to another member and does not retain it. receive waits for the next data
// from another member and stores it in data.
func New(rank, size int, send func(to int, data []byte), receive func(from int, data []byte) error) *Group {
	return &Group{rank: rank, size: size, send: send, receive: receive}
}

// Size returns the number of members.
func (g *Group) Size() int { return g.size }

// Range is a half-open range of units or slices, [First, Last).
type Range struct{ First, Last int }

// Len returns the length of the range.
func (r Range) Len() int { return r.Last - r.First }

// Split says how the units of a layer are divided: into slices among the members, or,
// if it is Whole, not at all, so that every member has all units.
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

// others yields the ranks of the other members, starting with the next, so that not
// all send to the same member first.
func (g *Group) others(yield func(rank int) bool) {
	for i := 1; i < g.size; i++ {
		if !yield((g.rank + i) % g.size) {
			return
		}
	}
}

// Broadcast sends the first member's data to all others.
func (g *Group) Broadcast(data []byte) error {
	if g.rank > 0 {
		return g.receive(0, data)
	}
	for rank := range g.others {
		g.send(rank, data)
	}
	return nil
}

// BroadcastFloats is Broadcast for numbers.
func (g *Group) BroadcastFloats(values []float32) error { return g.Broadcast(bytesOf(values)) }

// AllGather assembles all, [rows, units], in every member from the members' parts own,
// [rows, own units]. If the split is Whole, own and all are the same slice.
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

// Gather assembles all, [rows, units], in the first member from the members' parts own,
// [rows, own units].
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

// Scatter stores in own, [rows, own units], each member's part of all, [rows, units],
// which only the first member has.
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

// place copies a part to its columns, units, of all.
func place(all, part []float32, rows int, s Split, units Range) {
	for row := range rows {
		copy(all[row*s.Units+units.First:][:units.Len()], part[row*units.Len():])
	}
}

// cut copies the columns units of all to a part.
func cut(part, all []float32, rows int, s Split, units Range) {
	for row := range rows {
		copy(part[row*units.Len():][:units.Len()], all[row*s.Units+units.First:])
	}
}

// Term stores in dst, [rows, of.Len()], what the given units of one layer contribute to
// the units of another.
type Term func(dst []float32, units, of Range) error

// ReduceTree stores in dst, [rows, own units of to], the sum of the terms of all units
// of from. It sums them by slices, as a binary tree: (0+1)+(2+3) and so on. Each member
// computes the branch of its slices, so the sum is the same, bit for bit, in a team of
// any size. meanwhile runs while the branches are being sent.
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

// Sums has a sum for each slice of a layer's units, so that their total is the same,
// bit for bit, in a team of any size.
type Sums [Slices]float64

// Total returns the sum over all slices.
func (s *Sums) Total() (total float64) {
	for _, sum := range s {
		total += sum
	}
	return total
}

// SendSums sends the sums of the own slices to the first member.
func (g *Group) SendSums(s *Sums) {
	if g.rank > 0 {
		g.sums = *s
		g.send(0, bytesOf(g.sums[:]))
	}
}

// ReceiveSums fills in the sums of the other members' slices, in the first member.
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

// bytesOf returns the memory of the numbers. All members run on the same machine, so
// byte order does not matter.
func bytesOf[T float32 | float64](values []T) []byte {
	var value T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(value)))
}

// grow returns a slice of length n, which reuses the given one if that is large enough.
func grow(values []float32, n int) []float32 {
	if cap(values) < n {
		return make([]float32, n)
	}
	return values[:n]
}
