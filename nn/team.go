package nn

import (
	"encoding/binary"
	"errors"
	"fmt"

	"sae/nn/internal/collective"
	"sae/nn/kernel"
)

// Slices is the number of slices into which the units of every layer are divided, and
// so the largest team.
const Slices = collective.Slices

// Team is a worker's place among those that train one autoencoder together. Each
// member owns some units of every layer, with their columns of the kernel, biases and
// Adam's moments, and sees every batch as a whole. Members exchange activations and
// their gradients, which are much smaller than the kernels. Every member has all units
// of small hidden layers.
type Team struct {
	Rank int // of this member, from 0
	Size int // number of members: 1, 2, 4 or 8

	// Send sends data to another member and returns at once. The caller may then
	// change the data.
	Send func(to int, data []byte)
	// Receive waits for the next data from another member and stores it in data. It
	// returns an error if none will come.
	Receive func(from int, data []byte) error
}

func (t Team) group() *collective.Group { return collective.New(t.Rank, t.Size, t.Send, t.Receive) }

// validate returns an error for an impossible size or rank.
func (t Team) validate() error {
	if t.Size < 1 || t.Size > Slices || Slices%t.Size != 0 {
		return fmt.Errorf("nn: team of %d: want 1, 2, 4 or 8", t.Size)
	}
	if t.Rank < 0 || t.Rank >= t.Size {
		return fmt.Errorf("nn: rank %d in a team of %d: want 0 to %d", t.Rank, t.Size, t.Size-1)
	}
	return nil
}

// operation is what the first member asks the others to do with it.
type operation uint32

const (
	opStep operation = iota
	opEvaluate
	opReconstruct
	opCollect

	// converted is added to an operation whose images come as float32: see Trainer.Input.
	converted operation = 1 << 8
)

// call makes the other members start an operation on n images, or, for opCollect, on
// the first n arrays.
func (s *network) call(op operation, n int) {
	binary.LittleEndian.PutUint32(s.message[:], uint32(op))
	binary.LittleEndian.PutUint32(s.message[4:], uint32(n))
	s.team.Broadcast(s.message[:]) // has no error, because the first member only sends
}

// called waits for the first member's next call.
func (s *network) called() (op operation, n int, err error) {
	err = s.team.Broadcast(s.message[:])
	return operation(binary.LittleEndian.Uint32(s.message[:])), int(binary.LittleEndian.Uint32(s.message[4:])), err
}

// begin starts an operation of the whole team on images.
func (t *Trainer) begin(op operation, images []byte) *network {
	s := t.network
	s.pace = newPace(t.Stride, t.Yield)
	n, input := len(images)/s.InputDims, s.input[:len(images)]
	if t.Input == nil {
		s.call(op, n)
		s.team.Broadcast(images) // a quarter of the bytes of the input, which all convert at once
		t.convert(input, images)
	} else {
		t.convert(input, images)
		s.call(op|converted, n)
		s.team.BroadcastFloats(input)
	}
	s.setTarget(n)
	return s
}

// convert stores what the autoencoder reads of images, [n, InputDims] bytes, in dst.
func (t *Trainer) convert(dst []float32, images []byte) {
	if t.Input == nil {
		kernel.FromBytes(dst, images)
		return
	}
	t.Input(dst, images)
}

// receive receives the n images of an operation.
func (s *network) receive(op operation, n int, images []byte) error {
	size := n * s.InputDims
	if op&converted != 0 {
		if err := s.team.BroadcastFloats(s.input[:size]); err != nil {
			return err
		}
	} else {
		if err := s.team.Broadcast(images[:size]); err != nil {
			return err
		}
		kernel.FromBytes(s.input[:size], images[:size])
	}
	s.setTarget(n)
	return nil
}

// Serve runs a member of a team other than the first, whose [Trainer.Spread] sends it
// its part of the autoencoder. yield, which may be nil, and stride are like a Trainer's.
// Serve returns only with an error: an invalid argument, or that of Receive or yield.
func Serve(architecture Architecture, adam Adam, batch int, team Team, yield func() error, stride int) error {
	if err := architecture.Validate(); err != nil {
		return err
	}
	if err := adam.Validate(); err != nil {
		return err
	}
	if err := team.validate(); err != nil {
		return err
	}
	if team.Rank == 0 {
		return errors.New("nn: a member that serves has rank 0, the trainer's: want at least 1")
	}
	s := newNetwork(architecture, adam, max(batch, evaluationBatch), team.group())
	s.pace = newPace(stride, yield)
	s.lay([][]float32{make([]float32, s.size()), make([]float32, s.size()), make([]float32, s.size())})
	if err := s.scatter(nil); err != nil {
		return err
	}
	images := make([]byte, len(s.input))
	for {
		op, n, err := s.called()
		if err != nil {
			return err
		}
		if op != opCollect {
			if err := s.receive(op, n, images); err != nil {
				return err
			}
		}
		switch op &^ converted {
		case opCollect:
			err = s.gather(make([][]float32, n))
		case opStep:
			_, err = s.step(n)
		case opEvaluate:
			_, _, err = s.evaluate(n)
		case opReconstruct:
			err = s.reconstruct(nil, n)
		}
		if err != nil {
			return err
		}
	}
}

// Spread moves the training to a team in which the trainer has rank 0. The other
// members call [Serve] with the same architecture, Adam and batch. Team{Size: 1} moves
// it back. The autoencoder's parameters are out of date until [Trainer.Collect]. An
// error reports an invalid team or is one of the team's Receive.
func (t *Trainer) Spread(team Team) error {
	if err := team.validate(); err != nil {
		return err
	}
	if team.Rank != 0 {
		return fmt.Errorf("nn: the trainer has rank %d in its team: want 0", team.Rank)
	}
	if team.Size == 1 && t.network.team.Size() == 1 {
		return nil
	}
	whole, err := t.collect(3)
	if err != nil {
		return err
	}
	steps, idle := t.network.steps, t.network.aux.idle
	t.network = nil // frees its buffers before the new network's are allocated
	s := t.newNetwork(team)
	s.steps = steps
	copy(s.aux.idle, idle)
	if t.network = s; team.Size == 1 {
		s.lay(whole)
		return nil
	}
	s.lay([][]float32{make([]float32, s.size()), make([]float32, s.size()), make([]float32, s.size())})
	return s.scatter(whole)
}

// Collect updates the autoencoder's parameters with those trained by a team. An error
// is one of the team's Receive.
func (t *Trainer) Collect() error {
	_, err := t.collect(1)
	return err
}

// collect returns the first n of the whole autoencoder's arrays: parameters, m and v. The
// first is the autoencoder's own.
func (t *Trainer) collect(n int) (whole [][]float32, err error) {
	s := t.network
	if s.team.Size() == 1 {
		return s.arrays, nil
	}
	whole = [][]float32{t.auto.params}
	for len(whole) < n {
		whole = append(whole, make([]float32, len(t.auto.params)))
	}
	s.call(opCollect, n)
	return whole, s.gather(whole)
}

// scatter gives each member the number of completed steps, since when each latent unit has
// been idle, and its part of the whole autoencoder's arrays, which are nil in all members
// but the first.
func (s *network) scatter(whole [][]float32) error {
	binary.LittleEndian.PutUint64(s.message[:], uint64(s.steps))
	if err := s.team.Broadcast(s.message[:]); err != nil {
		return err
	}
	s.steps = int(binary.LittleEndian.Uint64(s.message[:]))
	idle := make([]byte, 8*len(s.aux.idle))
	for unit, steps := range s.aux.idle {
		binary.LittleEndian.PutUint64(idle[8*unit:], uint64(steps))
	}
	if err := s.team.Broadcast(idle); err != nil {
		return err
	}
	for unit := range s.aux.idle {
		s.aux.idle[unit] = int(binary.LittleEndian.Uint64(idle[8*unit:]))
	}
	if whole == nil {
		whole = make([][]float32, len(s.arrays))
	}
	return s.eachLayer(whole, s.team.Scatter)
}

// gather stores the whole autoencoder's first arrays in whole, which has nil arrays in
// all members but the first.
func (s *network) gather(whole [][]float32) error {
	return s.eachLayer(whole, func(own, all []float32, rows int, split collective.Split) error {
		return s.team.Gather(all, own, rows, split)
	})
}

// eachLayer calls move for each layer of each array, with this member's part of the
// layer, [In+1, own units], and all of it, [In+1, units], or nil if whole has nil.
func (s *network) eachLayer(whole [][]float32, move func(own, all []float32, rows int, split collective.Split) error) error {
	for i, rest := range whole {
		own := s.arrays[i]
		for _, l := range s.layers {
			rows := l.In + 1
			all := rest
			if rest != nil {
				all, rest = rest[:rows*l.split.Units], rest[rows*l.split.Units:]
			}
			if err := move(own[:rows*l.Out], all, rows, l.split); err != nil {
				return err
			}
			own = own[rows*l.Out:]
		}
	}
	return nil
}
