package data

import (
	"cmp"
	"math/bits"
	"slices"
)

// maxLength is the maximum length of a code, in bits. With longer codes, the decoding
// tables would not fit into the caches; with shorter ones, files would be larger.
const maxLength = 12

// codeLengths returns the code length in bits of each symbol that occurs, and 0
// for the others. It builds a Huffman code, and raises small counts until no code
// is longer than maxLength.
func codeLengths(counts *[256]uint32) (lengths [256]uint8) {
	var symbols []int
	total := uint64(0)
	for symbol, count := range counts {
		if count > 0 {
			symbols = append(symbols, symbol)
			total += uint64(count)
		}
	}
	n := len(symbols)
	if n == 0 {
		return lengths
	}
	if n == 1 { // a code needs at least one bit and two symbols
		lengths[symbols[0]], lengths[symbols[0]^1] = 1, 1
		return lengths
	}
	slices.SortStableFunc(symbols, func(a, b int) int { return cmp.Compare(counts[a], counts[b]) })
	// The leaves of the tree, then its inner nodes, each sorted by weight; the root
	// is last.
	nodes := make([]struct {
		weight uint64
		parent int
		depth  uint8
	}, 2*n-1)
	for floor := total >> maxLength; ; floor += floor/8 + 1 {
		for k, symbol := range symbols {
			nodes[k].weight = max(floor, uint64(counts[symbol]))
		}
		leaf, inner := 0, n
		for k := n; k < len(nodes); k++ {
			nodes[k].weight = 0
			for range 2 {
				lightest := &inner
				if leaf < n && (inner == k || nodes[leaf].weight <= nodes[inner].weight) {
					lightest = &leaf
				}
				nodes[k].weight += nodes[*lightest].weight
				nodes[*lightest].parent = k
				*lightest++
			}
		}
		for k := len(nodes) - 2; k >= 0; k-- {
			nodes[k].depth = nodes[nodes[k].parent].depth + 1
		}
		if nodes[0].depth <= maxLength { // the lightest leaf is the deepest
			break
		}
	}
	for k, symbol := range symbols {
		lengths[symbol] = nodes[k].depth
	}
	return lengths
}

// canonical returns the codes with the given lengths, numbered as in RFC 1951,
// with their first bit lowest, and how many of the 1<<maxLength bit strings start
// with a code.
func canonical(lengths *[256]uint8) (codes [256]uint16, used int) {
	for length := 1; length <= maxLength; length++ {
		for symbol := range lengths {
			if int(lengths[symbol]) == length {
				codes[symbol] = bits.Reverse16(uint16(used) << (16 - maxLength))
				used += 1 << (maxLength - length)
			}
		}
	}
	return codes, used
}

// zigzag numbers residuals 0, −1, 1, −2, 2 and so on.
func zigzag(residual uint8) uint8 { return residual<<1 ^ uint8(int8(residual)>>7) }

// unzigzag is the inverse of zigzag.
func unzigzag(symbol uint8) int8 { return int8(symbol>>1) ^ -int8(symbol&1) }
