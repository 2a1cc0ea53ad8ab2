package fit_test

import (
	"testing"

	"sae/nn/fit/enginetest"
)

func TestCPUEngine(t *testing.T) { enginetest.Run(t, enginetest.CPU, false) }
