package nn

import (
	"iter"
	"math/rand/v2"
	"slices"
)

// Batches yields the batches of one epoch: the indexes of n images, shuffled,
// batch at a time; the last batch may be short. The order depends on seed and
// epoch alone, so any epoch can be started anew.
func Batches(n, batch int, seed, epoch uint64) iter.Seq[[]int] {
	random := rand.New(rand.NewPCG(seed, shuffleStream+epoch))
	return slices.Chunk(random.Perm(n), batch)
}
