package exchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// npz reads the layers of an .npz: kernel, bias, kernel, bias, ….
func (u *unpacker) npz(names []string) ([]layer, error) {
	if len(names) < 4 || len(names)%2 != 0 {
		return nil, fmt.Errorf("%d arrays: want a kernel and a bias for each of at least two layers", len(names))
	}
	inTurn(names)
	var layers []layer
	for i := 0; i < len(names); i += 2 {
		var arrays [2]array
		for j, name := range names[i : i+2] {
			content, err := u.file(name)
			if err != nil {
				return nil, err
			}
			if arrays[j], err = parseNPY(content); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			arrays[j].name = arrayName(name)
		}
		layers = append(layers, layer{name: arrays[0].name, kernel: arrays[0], bias: arrays[1]})
	}
	return layers, nil
}

// arrayName returns the name of the array in a .npy file.
func arrayName(file string) string { return strings.TrimSuffix(path.Base(file), path.Ext(file)) }

// inTurn sorts the names by the places that they state, because repacking an archive
// changes the order of its files. If a name states none, all stay in their order.
func inTurn(names []string) {
	for _, name := range names {
		if _, ok := place(arrayName(name)); !ok {
			return
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		first, _ := place(arrayName(a))
		second, _ := place(arrayName(b))
		return slices.Compare(first, second)
	})
}

// place returns the position of an array that its name states: arr_3, as np.savez names
// it, or decoder_1_kernel, as writeNPZ does.
func place(name string) (place []int, ok bool) {
	if number, ok := strings.CutPrefix(name, "arr_"); ok {
		n, err := strconv.Atoi(number)
		return []int{n}, err == nil
	}
	which := slices.IndexFunc([]string{"_kernel", "_bias"}, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
	for i, part := range []string{"encoder_", "latent", "decoder_", "output"} {
		rest, ok := strings.CutPrefix(name, part)
		if !ok || which < 0 {
			continue
		}
		number, _, _ := strings.Cut(rest, "_")
		n, err := strconv.Atoi(number)
		return []int{i, n, which}, err == nil || number == ""
	}
	return nil, false
}

// npyEntry returns the text after a key in the header of a .npy file, which is a Python
// dictionary; "" without the key.
func npyEntry(header, key string) string {
	_, rest, _ := strings.Cut(header, "'"+key+"':")
	return strings.TrimLeft(rest, " ")
}

// parseNPY reads a .npy file of float32 or float64.
func parseNPY(content []byte) (array, error) {
	if len(content) < len(npyMagic)+2 || !bytes.HasPrefix(content, []byte(npyMagic)) {
		return array{}, errors.New("header of another format: want .npy version 1.0")
	}
	length := int(binary.LittleEndian.Uint16(content[len(npyMagic):]))
	rest := content[len(npyMagic)+2:]
	if length > len(rest) {
		return array{}, errors.New("the file is truncated in its header")
	}
	header, data := string(rest[:length]), rest[length:]
	descr, _, hasDescr := strings.Cut(strings.TrimPrefix(npyEntry(header, "descr"), "'"), "'")
	shape, _, hasShape := strings.Cut(strings.TrimPrefix(npyEntry(header, "shape"), "("), ")")
	if !hasDescr || !hasShape {
		return array{}, errors.New("header without descr or shape: want both")
	}
	var a array
	for _, text := range strings.Split(shape, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return array{}, fmt.Errorf("shape (%s): %w", shape, err)
		}
		a.shape = append(a.shape, n)
	}
	switch descr {
	case "<f4":
		a.values = floats(data)
	case "<f8":
		a.values = make([]float32, len(data)/8)
		for i := range a.values {
			a.values[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:])))
		}
	default:
		return array{}, fmt.Errorf("numbers of type %q: want '<f4' or '<f8'", descr)
	}
	if err := a.check(); err != nil {
		return array{}, err
	}
	if strings.HasPrefix(npyEntry(header, "fortran_order"), "True") && len(a.shape) > 1 { // column-major
		if len(a.shape) > 2 {
			return array{}, fmt.Errorf("shape %v: want a kernel or a bias", a.shape)
		}
		slices.Reverse(a.shape)
		a = a.transposed()
	}
	return a, nil
}
