package exchange

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// npyMagic starts a .npy file of version 1.0 (NEP 1).
const npyMagic = "\x93NUMPY\x01\x00"

func writeNPZ(z *zip.Writer, model source) error {
	for _, a := range layerArrays(model.Layers(), model.whitening) {
		if err := add(z, a.name+".npy", npy(a.values, a.shape...)); err != nil {
			return err
		}
	}
	return nil
}

// npy returns a .npy file of float32 in one or two dimensions.
func npy(values []float32, shape ...int) []byte {
	dims := fmt.Sprintf("%d,", shape[0])
	if len(shape) == 2 {
		dims = fmt.Sprintf("%d, %d", shape[0], shape[1])
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", dims)
	const alignment = 64 // of the values
	length := len(npyMagic) + 2 + len(header) + 1
	header += strings.Repeat(" ", (alignment-length%alignment)%alignment) + "\n"
	file := append([]byte(npyMagic), 0, 0)
	binary.LittleEndian.PutUint16(file[len(npyMagic):], uint16(len(header)))
	file = append(file, header...)
	return appendFloats(file, values)
}

// appendFloats appends little-endian float32s.
func appendFloats(buffer []byte, values []float32) []byte {
	for _, x := range values {
		buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
	}
	return buffer
}
