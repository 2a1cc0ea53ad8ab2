//go:build openblas

package main

/*
#cgo LDFLAGS: -lopenblas
void openblas_set_num_threads(int);
*/
import "C"

import (
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/netlib/blas/netlib"
)

// blasName is the library that multiplies matrices.
const blasName = "OpenBLAS"

func init() {
	C.openblas_set_num_threads(1) // each member of the team has a core
	blas32.Use(netlib.Implementation{})
}
