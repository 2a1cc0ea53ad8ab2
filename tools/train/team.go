package main

import (
	"errors"
	"slices"
	"sync"

	"sae/nn"
	"sae/nn/fit"
)

// errApart ends the members of a team.
var errApart = errors.New("the team is no more")

// stride lets nn compute each product at once, because nothing interrupts a step.
const stride = 1 << 40

// pending is more than the number of messages that one member sends another before it
// waits: a few for each layer.
const pending = 1024

// spread trains a run by a team of goroutines, as many as there are cores, 1, 2, 4 or 8. Its
// result does not depend on their number. together makes the run whole again, and must be
// called.
func spread(r *fit.Run, cores int) (together func() error, err error) {
	size := 1
	for 2*size <= min(cores, nn.Slices) {
		size *= 2
	}
	var channels [nn.Slices][nn.Slices]chan []byte // by sender and receiver
	for from := range size {
		for to := range size {
			channels[from][to] = make(chan []byte, pending)
		}
	}
	apart := make(chan struct{})
	end := sync.OnceFunc(func() { close(apart) })
	place := func(rank int) nn.Team {
		return nn.Team{
			Rank: rank,
			Size: size,
			Send: func(to int, data []byte) { channels[rank][to] <- slices.Clone(data) },
			Receive: func(from int, data []byte) error {
				select {
				case message := <-channels[from][rank]:
					copy(data, message)
					return nil
				case <-apart:
					return errApart
				}
			},
		}
	}
	var members sync.WaitGroup
	for rank := 1; rank < size; rank++ {
		members.Go(func() {
			defer end() // if one ends early, the first member does not wait for it
			nn.Serve(r.Auto.Architecture, r.Adam, r.Settings.Batch, place(rank), nil, stride)
		})
	}
	together = func() error {
		err := r.Trainer.Spread(nn.Team{Size: 1})
		end()
		members.Wait()
		return err
	}
	r.Trainer.Stride = stride
	if err := r.Trainer.Spread(place(0)); err != nil {
		return nil, errors.Join(err, together())
	}
	return together, nil
}
