package data

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestCodeLengths checks that codes are complete and close to the entropy.
func TestCodeLengths(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for name, count := range map[string]func(symbol int) uint32{
		"equal":     func(int) uint32 { return 5 },
		"two":       func(symbol int) uint32 { return uint32(min(2, symbol)+1) % 3 },
		"geometric": func(symbol int) uint32 { return uint32(1e9 * math.Pow(0.9, float64(symbol))) },
		"steep":     func(symbol int) uint32 { return 1 << 31 >> symbol }, // 32 bits deep without a limit
		"random":    func(int) uint32 { return random.Uint32N(1000) },
		"sparse":    func(int) uint32 { return random.Uint32() * (random.Uint32() >> 30 / 3) },
	} {
		var counts [256]uint32
		for symbol := range counts {
			counts[symbol] = count(symbol)
		}
		lengths := codeLengths(&counts)
		total, bits, entropy := 0.0, 0.0, 0.0
		for _, n := range counts {
			total += float64(n)
		}
		for symbol, n := range counts {
			if (n > 0) != (lengths[symbol] > 0) || lengths[symbol] > maxLength {
				t.Errorf("%s: symbol %d occurs %d times and has a code of %d bits", name, symbol, n, lengths[symbol])
			}
			if n > 0 {
				bits += float64(n) * float64(lengths[symbol])
				entropy -= float64(n) * math.Log2(float64(n)/total)
			}
		}
		if _, used := canonical(&lengths); used != 1<<maxLength {
			t.Errorf("%s: the codes take %d of %d", name, used, 1<<maxLength)
		}
		if bits > 1.05*entropy && bits > entropy+0.1*total {
			t.Errorf("%s: %.3f bits for a symbol, entropy %.3f", name, bits/total, entropy/total)
		}
	}
}

func TestCodeLengthsOfLittle(t *testing.T) {
	var counts [256]uint32
	if lengths := codeLengths(&counts); lengths != [256]uint8{} {
		t.Errorf("nothing has the code %d", lengths)
	}
	for _, symbol := range []int{0, 7, 255} {
		clear(counts[:])
		counts[symbol] = 3
		lengths := codeLengths(&counts)
		if _, used := canonical(&lengths); lengths[symbol] != 1 || used != 1<<maxLength {
			t.Errorf("symbol %d alone has %d bits, in a code that takes %d of %d", symbol, lengths[symbol], used, 1<<maxLength)
		}
	}
}

// TestCanonical is the example of RFC 1951, section 3.2.2, bits reversed.
func TestCanonical(t *testing.T) {
	codes, used := canonical(&[256]uint8{'A': 3, 'B': 3, 'C': 3, 'D': 3, 'E': 3, 'F': 2, 'G': 4, 'H': 4})
	want := [256]uint16{'A': 0b010, 'B': 0b110, 'C': 0b001, 'D': 0b101, 'E': 0b011, 'F': 0b00, 'G': 0b0111, 'H': 0b1111}
	if codes != want || used != 1<<maxLength {
		t.Errorf("%b, %d used; want %b", codes['A':'I'], used, want['A':'I'])
	}
}

func TestZigzag(t *testing.T) {
	for symbol, want := range []int8{0, -1, 1, -2, 2} {
		if got := unzigzag(uint8(symbol)); got != want {
			t.Errorf("%d stands for %d, want %d", symbol, got, want)
		}
	}
	for residual := range 256 {
		if got := unzigzag(zigzag(uint8(residual))); got != int8(residual) {
			t.Errorf("%d becomes %d", int8(residual), got)
		}
	}
}
