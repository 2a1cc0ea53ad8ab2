package nn

import (
	"iter"
	"math/rand/v2"
	"slices"
)

// Batches yields the batches of one epoch: the shuffled indexes of n images, batch
// at a time. The last batch may be shorter. The order depends only on seed and epoch,
// so a run can resume in any epoch.
func Batches(n, batch int, seed, epoch uint64) iter.Seq[[]int] {
	random := rand.New(rand.NewPCG(seed, shuffleStream+epoch))
	return slices.Chunk(random.Perm(n), batch)
}
