package nn

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"
)

// serial computes products by summing in the order of the definition. As with the SIMD
// kernels, an element depends only on its row and column. gonum's order depends on the
// sizes of the matrices.
type serial struct{ gonum.Implementation }

func (serial) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	stride := func(t blas.Transpose, ld int) (row, col int) {
		if t == blas.NoTrans {
			return ld, 1
		}
		return 1, ld
	}
	aRow, aCol := stride(tA, lda)
	bRow, bCol := stride(tB, ldb)
	for i := range m {
		for j := range n {
			var sum float32
			for p := range k {
				sum += a[i*aRow+p*aCol] * b[p*bRow+j*bCol]
			}
			old := float32(0)
			if beta != 0 {
				old = beta * c[i*ldc+j]
			}
			c[i*ldc+j] = alpha*sum + old
		}
	}
}

func useSerial(t *testing.T) {
	blas32.Use(serial{})
	t.Cleanup(func() { blas32.Use(gonum.Implementation{}) })
}

var errLost = errors.New("lost")

// goroutines is a team of goroutines.
type goroutines struct {
	size     int
	channels [Slices][Slices]chan []byte // by sender and receiver
	lost     chan struct{}               // closed when the team breaks up
	done     sync.WaitGroup
}

func newGoroutines(size int) *goroutines {
	g := &goroutines{size: size, lost: make(chan struct{})}
	for from := range size {
		for to := range size {
			g.channels[from][to] = make(chan []byte, 1000)
		}
	}
	return g
}

func (g *goroutines) team(rank int) Team {
	return Team{
		Rank: rank,
		Size: g.size,
		Send: func(to int, data []byte) { g.channels[rank][to] <- slices.Clone(data) },
		Receive: func(from int, data []byte) error {
			select {
			case message := <-g.channels[from][rank]:
				if len(message) != len(data) {
					panic(fmt.Sprintf("%d bytes sent from %d to %d, %d expected", len(message), from, rank, len(data)))
				}
				copy(data, message)
				return nil
			case <-g.lost:
				return errLost
			}
		},
	}
}

// serve starts the members other than the first.
func (g *goroutines) serve(t *testing.T, a Architecture, batch int) {
	for rank := 1; rank < g.size; rank++ {
		g.done.Add(1)
		go func() {
			defer g.done.Done()
			if err := Serve(a, DefaultAdam, batch, g.team(rank), nil, 0); !errors.Is(err, errLost) {
				t.Errorf("member %d of %d: %v", rank, g.size, err)
			}
		}()
	}
}

func (g *goroutines) stop() {
	close(g.lost)
	g.done.Wait()
}

// A team of any size trains the same weights and reports the same losses as one worker,
// bit for bit, even if its size changes during training.
func TestTeams(t *testing.T) {
	useSerial(t)
	for _, size := range []int{0, 500, 1000, wholeSize} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			defer func(size int) { wholeSize = size }(wholeSize)
			wholeSize = size
			testTeams(t)
		})
	}
}

func testTeams(t *testing.T) {
	for _, a := range []Architecture{
		{InputDims: 64, EncoderHidden: []int{40, 24}, LatentDims: 16, DecoderHidden: []int{24, 40}, Lambda: 1e-3},
		{InputDims: 30, EncoderHidden: []int{20}, LatentDims: 3, Lambda: 1e-2}, // slices without units
		{InputDims: 64, EncoderHidden: []int{40}, LatentDims: 16, DecoderHidden: []int{40}, Latent: Linear, Lambda: 1e-2},
		{InputDims: 64, EncoderHidden: []int{40}, LatentDims: 20, DecoderHidden: []int{40}, K: 3, Unit: true, Lambda: 1e-2},
		{InputDims: 64, LatentDims: 50, K: 3, Loss: MSE, Unit: true, Aux: 0.5, DeadSteps: 1, Center: true},
		{InputDims: 5, LatentDims: 50, K: 3, Loss: MSE, Aux: 0.5, DeadSteps: 1}, // members without outputs
		{InputDims: 5, LatentDims: 1, DecoderHidden: []int{7}},
	} {
		const batch, steps = 9, 12
		images := randomImages(steps*batch, a.InputDims, 1)
		type outcome struct {
			losses        []Loss
			parameters    []float32
			evaluation    Evaluation
			codes, output []float32
		}
		train := func(sizes ...int) (o outcome) {
			auto := build(t, a)
			trainer := newTrainer(t, auto, batch)
			if a.Loss == MSE {
				trainer.Input = centered
			}
			for i, size := range sizes {
				g := newGoroutines(size)
				g.serve(t, a, batch)
				if err := trainer.Spread(g.team(0)); err != nil {
					t.Fatal(err)
				}
				end := (i + 1) * steps / len(sizes)
				of := func(step int) []byte {
					n := batch - step%3 // also short batches
					return images[step*batch*a.InputDims:][:n*a.InputDims]
				}
				for step := i * steps / len(sizes); step < end; step++ {
					loss, err := trainer.Step(of(step))
					if err != nil {
						t.Fatal(err)
					}
					o.losses = append(o.losses, loss)
				}
				if i == len(sizes)-1 {
					evaluation, err := trainer.Evaluate(images)
					if err != nil {
						t.Fatal(err)
					}
					o.evaluation = *evaluation
					codes, output, err := trainer.Reconstruct(slices.Repeat(images, 2))
					if err != nil {
						t.Fatal(err)
					}
					o.codes, o.output = slices.Clone(codes), slices.Clone(output)
					if err := trainer.Collect(); err != nil {
						t.Fatal(err)
					}
				} else if err := trainer.Spread(alone); err != nil {
					t.Fatal(err)
				}
				g.stop()
			}
			o.parameters = auto.Params()
			return o
		}
		want := train(1)
		for _, sizes := range [][]int{{2}, {4}, {8}, {1, 2, 8, 4, 1}} {
			got := train(sizes...)
			if !slices.Equal(got.parameters, want.parameters) {
				t.Errorf("%v: teams of %v train other weights than one worker", a.Widths(), sizes)
			}
			if !slices.Equal(got.codes, want.codes) || !slices.Equal(got.output, want.output) {
				t.Errorf("%v: teams of %v reconstruct other images than one worker", a.Widths(), sizes)
			}
			if !slices.Equal(got.losses, want.losses) {
				t.Errorf("%v: teams of %v: losses %v, want %v", a.Widths(), sizes, got.losses, want.losses)
			}
			if e, w := got.evaluation, want.evaluation; e.Loss != w.Loss || e.MSE != w.MSE || e.Dead != w.Dead || !slices.Equal(e.Codes, w.Codes) {
				t.Errorf("%v: teams of %v: evaluation %v, want %v", a.Widths(), sizes, e, w)
			}
		}
	}
}

// centered is a Trainer.Input whose numbers are not between 0 and 1.
func centered(dst []float32, images []byte) {
	for i, value := range images {
		dst[i] = (float32(value) - 128) / 50
	}
}

// A trainer reads and reconstructs the numbers that its Input makes of images, also where
// it explains a step.
func TestInput(t *testing.T) {
	a := Architecture{InputDims: 24, LatentDims: 9, Loss: MSE}
	images := randomImages(6, a.InputDims, 1)
	x := make([]float32, len(images))
	centered(x, images)
	auto := build(t, a)
	trainer := newTrainer(t, auto, 6)
	trainer.Input = centered
	var want float64
	for i, y := range auto.Reconstruct(nil, x) {
		want += float64(y-x[i]) * float64(y-x[i]) / float64(len(x))
	}
	active := 0
	codes := auto.Encode(nil, x)
	for _, activation := range codes {
		if activation != 0 {
			active++
		}
	}
	explanation, err := trainer.Explain(images)
	if err != nil {
		t.Fatal(err)
	}
	if got := explanation.Before.MSE; math.Abs(got-want) > 1e-6*want {
		t.Errorf("MSE %g, want %g", got, want)
	}
	if got := explanation.Active * 6; math.Abs(got-float64(active)) > 1e-9 {
		t.Errorf("%g activations are explained, want %d", got, active)
	}
}

// If a member is lost, the others end with an error instead of waiting for ever.
func TestLostMember(t *testing.T) {
	a := small
	g := newGoroutines(4)
	g.serve(t, a, 8)
	trainer := newTrainer(t, build(t, a), 8)
	if err := trainer.Spread(g.team(0)); err != nil {
		t.Fatal(err)
	}
	images := randomImages(8, a.InputDims, 1)
	if _, err := trainer.Step(images); err != nil {
		t.Fatal(err)
	}
	g.stop()
	if _, err := trainer.Step(images); !errors.Is(err, errLost) {
		t.Errorf("step: %v, want %v", err, errLost)
	}
	if _, err := trainer.Evaluate(images); !errors.Is(err, errLost) {
		t.Errorf("evaluation: %v, want %v", err, errLost)
	}
	if err := trainer.Spread(alone); !errors.Is(err, errLost) {
		t.Errorf("spread: %v, want %v", err, errLost)
	}
}

func TestBadTeams(t *testing.T) {
	trainer := newTrainer(t, build(t, small), 8)
	for _, test := range []struct {
		team Team
		want string
	}{
		{Team{Size: 0}, "team of 0: want 1, 2, 4 or 8"},
		{Team{Size: 3}, "team of 3: want 1, 2, 4 or 8"},
		{Team{Size: 16}, "team of 16: want 1, 2, 4 or 8"},
		{Team{Size: 2, Rank: 2}, "rank 2 in a team of 2: want 0 to 1"},
		{Team{Size: 2, Rank: 1}, "rank 1 in its team: want 0"},
	} {
		if err := trainer.Spread(test.team); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %q", test.team, err, test.want)
		}
	}
	if err := Serve(small, DefaultAdam, 8, Team{Size: 5}, nil, 0); err == nil || !strings.Contains(err.Error(), "team of 5") {
		t.Errorf("member of a team of 5: error %v", err)
	}
	if err := Serve(small, DefaultAdam, 8, Team{Size: 2}, nil, 0); err == nil || !strings.Contains(err.Error(), "has rank 0") {
		t.Errorf("member of rank 0: error %v", err)
	}
}
