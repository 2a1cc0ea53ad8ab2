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

// npz reads the model of an .npz.
func (u *unpacker) npz(names []string) (*model, error) {
	var arrays []array
	for _, name := range names {
		content, err := u.file(name)
		if err != nil {
			return nil, err
		}
		a, err := parseNPY(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		a.name = strings.TrimSuffix(path.Base(name), path.Ext(name))
		arrays = append(arrays, a)
	}
	inTurn(arrays)
	return stacked(arrays)
}

// stacked returns the model of arrays kernel, bias, kernel, bias, …, between which those of a
// whitening may be.
func stacked(arrays []array) (*model, error) {
	m := &model{}
	n := 0
	for _, a := range arrays {
		if slices.Contains(whiteningNames, a.name) {
			m.whitening = append(m.whitening, a)
		} else {
			arrays[n] = a
			n++
		}
	}
	arrays = arrays[:n]
	slices.SortStableFunc(m.whitening, func(a, b array) int {
		return slices.Index(whiteningNames, a.name) - slices.Index(whiteningNames, b.name)
	})
	if len(arrays) < 4 || len(arrays)%2 != 0 {
		return nil, fmt.Errorf("%d arrays: want a kernel and a bias for each of at least two layers", len(arrays))
	}
	for i := 0; i < len(arrays); i += 2 {
		m.layers = append(m.layers, layer{name: arrays[i].name, kernel: arrays[i], bias: arrays[i+1]})
	}
	return m, nil
}

// inTurn sorts arrays by the places that their names state, because repacking an archive
// changes the order of its files. If a name states none, all stay in their order, and it
// returns false.
func inTurn(arrays []array) bool {
	for _, a := range arrays {
		if _, ok := place(a.name); !ok {
			return false
		}
	}
	slices.SortStableFunc(arrays, func(a, b array) int {
		first, _ := place(a.name)
		second, _ := place(b.name)
		return slices.Compare(first, second)
	})
	return true
}

// place returns the position of an array that its name states: arr_3, as np.savez names it,
// or decoder_1_kernel, as writeNPZ does.
func place(name string) (place []int, ok bool) {
	if number, ok := strings.CutPrefix(name, "arr_"); ok {
		n, err := strconv.Atoi(number)
		return []int{n}, err == nil
	}
	if slices.Contains(whiteningNames, name) {
		return []int{4}, true // stacked has their order
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
