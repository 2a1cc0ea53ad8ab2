package nn

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"
)

// Slices is the number of parts into which the units of every layer are cut:
// the most that a team can share. The gradients by a layer's input are summed
// over its slices in a fixed order, so that a team of any size, one worker
// included, computes the same bits.
const Slices = 8

// Team is a worker's place among those that train one autoencoder together.
// Each member owns some of the units of every layer, with the columns of the
// kernel, the biases and Adam's moments that belong to them, and sees every
// batch as a whole. What they exchange are activations and their gradients,
// which are much smaller than the kernels. Small hidden layers they all have
// whole.
type Team struct {
	Rank int // of this member, from 0
	Size int // 1, 2, 4 or 8

	// Send hands data to another member, without waiting for it. The data may
	// be changed as soon as it returns.
	Send func(to int, data []byte)
	// Receive fills data with what another member sent next, and waits for it.
	// It returns an error where that will never come.
	Receive func(from int, data []byte) error
}

// alone is the team of one.
var alone = Team{Size: 1}

// validate reports a place that there is not.
func (t Team) validate() error {
	if t.Size < 1 || t.Size > Slices || Slices%t.Size != 0 {
		return fmt.Errorf("nn: team of %d: want 1, 2, 4 or 8", t.Size)
	}
	if t.Rank < 0 || t.Rank >= t.Size {
		return fmt.Errorf("nn: rank %d in a team of %d: want 0 to %d", t.Rank, t.Size, t.Size-1)
	}
	return nil
}

// sliceStart returns the first unit of a slice of a layer with the given
// number of units. Slice Slices would start where the layer ends.
func sliceStart(slice, units int) int { return slice * units / Slices }

// slices returns the slices that a member owns, up to and without the last.
func (t Team) slices(rank int) (first, last int) {
	return rank * Slices / t.Size, (rank + 1) * Slices / t.Size
}

// units returns the units that a member owns of a layer of that many, up to
// and without the last.
func (t Team) units(rank, units int) (first, last int) {
	first, last = t.slices(rank)
	return sliceStart(first, units), sliceStart(last, units)
}

// others yields the ranks of the other members, the next one first, so that
// not all send to the same.
func (t Team) others(yield func(rank int) bool) {
	for i := 1; i < t.Size; i++ {
		if !yield((t.Rank + i) % t.Size) {
			return
		}
	}
}

// bytesOf returns the memory of the numbers. Members run the same program on
// the same machine, so its byte order does not matter.
func bytesOf[T float32 | float64](values []T) []byte {
	var value T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(value)))
}

// operation is what the first member asks the others to take part in.
type operation uint32

const (
	opStep operation = iota
	opEvaluate
	opReconstruct
	opCollect
)

// callSize is the length of a call: the operation, then a number.
const callSize = 8

// call makes the other members take part in an operation on images or, for
// opCollect, on the first n of the shard's arrays.
func (t Team) call(op operation, n int, images []byte) {
	if t.Size == 1 {
		return
	}
	var call [callSize]byte
	binary.LittleEndian.PutUint32(call[:], uint32(op))
	binary.LittleEndian.PutUint32(call[4:], uint32(n))
	for rank := range t.others {
		t.Send(rank, call[:])
		if len(images) > 0 {
			t.Send(rank, images)
		}
	}
}

// Serve takes part in the training of an autoencoder as a member of a team
// other than the first, whose [Trainer.Spread] sends it its part. It returns
// the error with which the team's Receive or yield, which may be nil and is
// called as Trainer.Yield is, ends it.
func Serve(architecture Architecture, adam Adam, batch int, team Team, yield func() error) error {
	if err := architecture.Validate(); err != nil {
		return err
	}
	if err := adam.Validate(); err != nil {
		return err
	}
	if err := team.validate(); err != nil {
		return err
	}
	s := newShard(architecture, adam, batch, team)
	s.yield = orNone(yield)
	if err := s.receiveState(); err != nil {
		return err
	}
	var call [callSize]byte
	images := make([]byte, s.batch*architecture.InputDims)
	for {
		if err := team.Receive(0, call[:]); err != nil {
			return err
		}
		op, n := operation(binary.LittleEndian.Uint32(call[:])), int(binary.LittleEndian.Uint32(call[4:]))
		if op == opCollect {
			s.sendArrays(0, n)
			continue
		}
		if err := team.Receive(0, images[:n*architecture.InputDims]); err != nil {
			return err
		}
		s.load(images[:n*architecture.InputDims])
		var err error
		switch op {
		case opStep:
			_, err = s.step(n)
		case opEvaluate:
			_, err = s.evaluate(n)
		case opReconstruct:
			if err = s.reconstruct(n); err == nil {
				team.Send(0, bytesOf(s.output().own[:n*s.output().width()]))
			}
		}
		if err != nil {
			return err
		}
	}
}

// sums are what the members add up over the output's units, by slice, so that
// they are the same bits for any team.
type sums struct{ bce, squares [Slices]float64 }

// sumOf adds up the slices.
func sumOf(slices [Slices]float64) (total float64) {
	for _, sum := range slices {
		total += sum
	}
	return total
}

// report sends a member's sums to the first.
func (s *shard) report(own sums) {
	if s.team.Rank > 0 {
		s.team.Send(0, bytesOf(slices.Concat(own.bce[:], own.squares[:])))
	}
}

// totals returns to the first member the sums of all, given its own.
func (s *shard) totals(own sums) (sums, error) {
	if s.team.Rank > 0 {
		return own, nil
	}
	for rank := range s.team.others {
		var part [2 * Slices]float64
		if err := s.team.Receive(rank, bytesOf(part[:])); err != nil {
			return own, err
		}
		first, last := s.team.slices(rank)
		copy(own.bce[first:last], part[first:])
		copy(own.squares[first:last], part[Slices+first:])
	}
	return own, nil
}

// Arrays of parameters are laid out as those of the whole autoencoder: layer
// by layer, kernel and bias. A shard's hold its own units' part of each.

// arrays returns the shard's arrays.
func (s *shard) arrays() [][]float32 {
	return [][]float32{s.parameters, s.moments1, s.moments2}
}

// sendArrays sends the first n arrays, layer by layer.
func (s *shard) sendArrays(to, n int) {
	for _, array := range s.arrays()[:n] {
		for _, layer := range s.layers {
			if !layer.whole { // else all have it
				s.team.Send(to, bytesOf(layer.of(array)))
			}
		}
	}
}

// receiveState receives the number of steps done and the arrays.
func (s *shard) receiveState() error {
	var steps [8]byte
	if err := s.team.Receive(0, steps[:]); err != nil {
		return err
	}
	s.steps = int(binary.LittleEndian.Uint64(steps[:]))
	for _, array := range s.arrays() {
		for _, layer := range s.layers {
			if err := s.team.Receive(0, bytesOf(layer.of(array))); err != nil {
				return err
			}
		}
	}
	return nil
}

// Spread moves the training onto a team of which the trainer is member 0; the
// other members have called Serve with the same architecture, Adam and batch.
// Team{Size: 1} moves it back. The trained weights do not depend on it. Until
// [Trainer.Collect], the autoencoder keeps the parameters that it had before.
func (t *Trainer) Spread(team Team) error {
	if err := team.validate(); err != nil {
		return err
	}
	if team.Rank != 0 {
		return fmt.Errorf("nn: the trainer has rank %d in its team: want 0", team.Rank)
	}
	if team.Size == 1 && t.shard.team.Size == 1 {
		return nil
	}
	whole, err := t.collect(3)
	if err != nil {
		return err
	}
	steps := t.shard.steps
	t.shard = nil // no more of it than its arrays is needed while there are two
	shard := newShard(t.auto.Architecture, t.adam, t.batch, team)
	shard.steps = steps
	if team.Size == 1 {
		shard.adopt(whole)
	} else {
		for i, array := range shard.arrays() {
			for _, layer := range shard.layers {
				layer.cut(layer.of(array), whole[i], team, 0)
			}
		}
		for rank := range team.others {
			team.Send(rank, binary.LittleEndian.AppendUint64(nil, uint64(steps)))
			for _, array := range whole {
				for _, layer := range shard.layers {
					first, last := layer.units(team, rank)
					part := make([]float32, (layer.in+1)*(last-first))
					layer.cut(part, array, team, rank)
					team.Send(rank, bytesOf(part))
				}
			}
		}
	}
	t.shard = shard
	return nil
}

// Collect brings the autoencoder's parameters up to date with training by a
// team.
func (t *Trainer) Collect() error {
	_, err := t.collect(1)
	return err
}

// collect returns the first n arrays of the whole autoencoder. The parameters
// are those of the autoencoder itself.
func (t *Trainer) collect(n int) (whole [][]float32, err error) {
	s := t.shard
	if s.team.Size == 1 {
		return s.arrays(), nil
	}
	s.team.call(opCollect, n, nil)
	whole = [][]float32{t.auto.parameters}
	for len(whole) < n {
		whole = append(whole, make([]float32, len(t.auto.parameters)))
	}
	for i, array := range s.arrays()[:n] {
		for _, layer := range s.layers {
			layer.paste(whole[i], layer.of(array), s.team, 0)
		}
	}
	for rank := range s.team.others {
		for _, array := range whole {
			for _, layer := range s.layers {
				if layer.whole {
					continue
				}
				first, last := layer.units(s.team, rank)
				part := make([]float32, (layer.in+1)*(last-first))
				if err := s.team.Receive(rank, bytesOf(part)); err != nil {
					return whole, err
				}
				layer.paste(array, part, s.team, rank)
			}
		}
	}
	return whole, nil
}

// cut sets part to a member's part of the layer in an array of the whole
// autoencoder.
func (l *shardLayer) cut(part, whole []float32, team Team, rank int) {
	first, last := l.units(team, rank)
	for row := range l.in + 1 { // the last is the bias
		copy(part[row*(last-first):(row+1)*(last-first)], whole[l.start+row*l.out+first:])
	}
}

// paste does the opposite.
func (l *shardLayer) paste(whole, part []float32, team Team, rank int) {
	first, last := l.units(team, rank)
	for row := range l.in + 1 {
		copy(whole[l.start+row*l.out+first:][:last-first], part[row*(last-first):])
	}
}
