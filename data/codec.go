package data

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// MaxCoded is the size of the largest encoded image, with its label and the bytes that the
// decoder reads after its last code.
const MaxCoded = 1 + ImageSize*maxLength/8 + 8

// codes is the number of Huffman codes: one per plane and context.
const codes = Channels * len(contexts)

// encoder encodes the images that it was built for.
type encoder struct {
	contextOf *[maxActivity]uint8
	symbols   [ImageSize]symbol // of the current image
	lengths   [codes][256]uint8
	bits      [codes][256]uint16
	tables    []byte // the code lengths, in the format of a file
	coded     []byte
}

func newEncoder(splits ...Split) *encoder {
	e := &encoder{contextOf: contextOf()}
	counts := new([codes][256]uint32)
	for _, split := range splits {
		for i := range split.Len() {
			predict(split.Image(i), e.contextOf, &e.symbols)
			for _, s := range e.symbols {
				counts[s.code][s.residual]++
			}
		}
	}
	for code := range counts {
		lengths := codeLengths(&counts[code])
		e.lengths[code] = lengths
		e.bits[code], _ = canonical(&lengths)
		n := len(lengths) / 2
		for n > 0 && lengths[2*n-2]|lengths[2*n-1] == 0 {
			n--
		}
		e.tables = append(e.tables, byte(n))
		for k := range n {
			e.tables = append(e.tables, lengths[2*k]|lengths[2*k+1]<<4)
		}
	}
	return e
}

// image returns an encoded image, valid until the next call.
func (e *encoder) image(image []byte) []byte {
	predict(image, e.contextOf, &e.symbols)
	e.coded = e.coded[:0]
	bits, n := uint64(0), 0
	for _, s := range e.symbols {
		bits |= uint64(e.bits[s.code][s.residual]) << n
		n += int(e.lengths[s.code][s.residual])
		for ; n >= 8; n -= 8 {
			e.coded = append(e.coded, byte(bits))
			bits >>= 8
		}
	}
	if n > 0 {
		e.coded = append(e.coded, byte(bits))
	}
	return e.coded
}

// decoder is the inverse of encoder.
type decoder struct {
	contextOf *[maxActivity]uint8

	// A plane has a table for each context, with an entry for every value of the
	// next maxLength bits.
	tables [Channels][32 << maxLength]int16
}

// newDecoder reads the code tables.
func newDecoder(r *bufio.Reader) (*decoder, error) {
	d := &decoder{contextOf: contextOf()}
	for code := range codes {
		plane, context := code/len(contexts), code%len(contexts)
		n, err := r.ReadByte()
		if err != nil {
			return nil, truncated("codes", err)
		}
		if n == 0 { // an unused code
			continue
		}
		var pairs [256 / 2]byte
		if int(n) > len(pairs) {
			return nil, fmt.Errorf("code %d of %d lengths: want at most 256: the file is damaged", code, 2*int(n))
		}
		if _, err := io.ReadFull(r, pairs[:n]); err != nil {
			return nil, truncated("codes", err)
		}
		var lengths [256]uint8
		for k, pair := range pairs {
			lengths[2*k], lengths[2*k+1] = pair&15, pair>>4
		}
		if !fill(d.tables[plane][context<<maxLength:][:1<<maxLength], &lengths) {
			return nil, fmt.Errorf("code %d: its lengths do not make a Huffman code: the file is damaged", code)
		}
	}
	return d, nil
}

// fill builds the table of a code and reports whether the lengths are those of
// a Huffman code.
func fill(table []int16, lengths *[256]uint8) bool {
	bits, used := canonical(lengths)
	if slices.Max(lengths[:]) > maxLength || used != len(table) {
		return false
	}
	for residual, length := range lengths {
		if length == 0 {
			continue
		}
		for k := int(bits[residual]); k < len(table); k += 1 << length {
			table[k] = int16(unzigzag(uint8(residual)))<<8 | int16(length)
		}
	}
	return true
}

// image decodes an image and returns the number of encoded bytes that it used. Reading
// spends its time here: a loop over the planes would take 1.5 times as long in
// WebAssembly.
func (d *decoder) image(image *[ImageSize]byte, coded *[MaxCoded]byte) int {
	a := newAbove()
	bit := 0
	for y := range Height {
		row := (*[Width * Channels]byte)(image[y*Width*Channels:])
		byValue, byResidual := weights(y)
		prediction := byValue * a.values[1]
		missed := int64(0)
		for x := range Width {
			bits := binary.LittleEndian.Uint64(coded[bit>>3:]) >> (bit & 7)
			p, activity := prediction+a.predictions[x], missed+a.activities[x]

			entry := d.entry(0, activity, bits)
			length, r0 := entry&15, entry>>8
			green := (clamped(p, 0) + r0) & 255

			entry = d.entry(1, activity>>16, bits>>length)
			length += entry & 15
			r1 := entry >> 8
			m1 := 2 * magnitude(r1)
			red := (clamped(p>>16, green) + r1) & 255

			entry = d.entry(2, activity>>32+m1, bits>>length)
			length += entry & 15
			r2 := entry >> 8
			blue := (clamped(p>>32, green) + r2) & 255

			bit += int(length)
			*(*[Channels]byte)(row[x*Channels:]) = [Channels]byte{byte(red), byte(green), byte(blue)}
			value := green + (red-green)<<16 + (blue-green)<<32
			residual := r0 + r1<<16 + r2<<32
			miss := 2*magnitude(r0) + m1<<16 + 2*magnitude(r2)<<32
			prediction = byValue*value + byResidual*residual
			missed = miss + missed>>1&halve
			a.values[1+x], a.residuals[1+x] = value, residual
			a.missed[x] = miss + a.missed[x]>>1&halve
		}
		a.descend()
	}
	return (bit + 7) / 8
}

// entry looks up a code: the residual, times 256, plus the code's length.
func (d *decoder) entry(plane int, activity int64, bits uint64) int64 {
	context := int(d.contextOf[activity&(maxActivity-1)]) & 31
	return int64(d.tables[plane][context<<maxLength|int(bits&(1<<maxLength-1))])
}
