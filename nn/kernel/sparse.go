package kernel

import "math"

// The functions of this file have no faster implementation. In WebAssembly they are
// Go's, and so give the same bits with all kernels.

// BiasSquares adds a bias to each row of z, [rows, len(bias)], and replaces the resulting
// outputs y by the gradient of half their squared error, times scale. It returns the sum
// of the squared errors over all targets x:
//
//	y   = z[i][j] + bias[j]
//	sum += (y − x)²
//	z[i][j] = scale · (y − x)
//
// The sum is not finite if an output is not.
func BiasSquares(z, bias, targets []float32, scale float32) (sum float64) {
	checkRows("BiasSquares", len(z), len(bias))
	checkEqual("BiasSquares", len(targets), len(z))
	for len(z) > 0 {
		row, x := z[:len(bias)], targets[:len(bias)]
		for j, b := range bias {
			e := row[j] + b - x[j]
			sum += float64(e) * float64(e)
			row[j] = scale * e
		}
		z, targets = z[len(bias):], targets[len(bias):]
	}
	return sum
}

// TopK keeps the k largest of each row of x, [rows, columns], which must not be negative,
// and sets the others to 0. Of equal numbers, it keeps those with the lowest index. NaN
// counts as larger than any number, so that divergence does not go unnoticed. scratch
// has at least columns elements.
func TopK(x []float32, columns, k int, scratch []uint32) {
	checkRows("TopK", len(x), columns)
	for ; len(x) > 0; x = x[columns:] {
		row := x[:columns]
		// The bits of numbers that are not negative have the order of the numbers.
		n := 0
		for _, value := range row {
			if value != 0 {
				scratch[n] = math.Float32bits(value)
				n++
			}
		}
		if n <= k {
			continue
		}
		least, equal := largest(scratch[:n], k)
		for j, value := range row {
			switch bits := math.Float32bits(value); {
			case bits > least:
			case bits == least && equal > 0:
				equal--
			default:
				row[j] = 0
			}
		}
	}
}

// largest returns the least of the k largest numbers, and how many of these are equal to
// it. It reorders the numbers. k is at least 1.
func largest(numbers []uint32, k int) (least uint32, equal int) {
	first, last, want := 0, len(numbers)-1, k-1
	for first < last { // quickselect
		a, pivot, b := numbers[first], numbers[(first+last)/2], numbers[last]
		pivot = max(min(a, pivot), min(max(a, pivot), b)) // the median
		i, j := first, last
		for i <= j {
			for numbers[i] > pivot {
				i++
			}
			for numbers[j] < pivot {
				j--
			}
			if i <= j {
				numbers[i], numbers[j] = numbers[j], numbers[i]
				i++
				j--
			}
		}
		if want <= j {
			last = j
		} else if want >= i {
			first = i
		} else {
			break
		}
	}
	least = numbers[want]
	for _, number := range numbers[:k] {
		if number == least {
			equal++
		}
	}
	return least, equal
}

// RowSquares sums the squares of each row of a matrix, whose rows are stride apart:
//
//	dst[i] = Σ_j x[i·stride + j]²   for j < columns
func RowSquares(dst, x []float32, columns, stride int) {
	for i := range dst {
		var sums [4]float32 // shorter chains of additions
		row := x[i*stride:][:columns]
		for ; len(row) >= 4; row = row[4:] {
			sums[0] += row[0] * row[0]
			sums[1] += row[1] * row[1]
			sums[2] += row[2] * row[2]
			sums[3] += row[3] * row[3]
		}
		for _, value := range row {
			sums[0] += value * value
		}
		dst[i] = (sums[0] + sums[1]) + (sums[2] + sums[3])
	}
}
