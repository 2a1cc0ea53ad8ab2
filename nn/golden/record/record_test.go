package main

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// The gradients agree with finite differences of the loss.
func TestGradients(t *testing.T) {
	r := record()
	x := input(r.BatchesUint8[0])
	loss := func() float64 {
		bce, penalty, _ := backward(r.Initial, x)
		return bce + penalty
	}
	for i, want := range r.Expected["f64.keras"].FirstGrads {
		weights := r.Initial[i/2].Kernel
		if i%2 == 1 {
			weights = r.Initial[i/2].Bias
		}
		for j := range weights {
			const h = 1e-6
			weight := weights[j]
			weights[j] = weight + h
			above := loss()
			weights[j] = weight - h
			below := loss()
			weights[j] = weight
			if got := (above - below) / (2 * h); math.Abs(got-want[j]) > 1e-8 {
				t.Errorf("array %d: the derivative of weight %d is %g, by differences %g", i, j, want[j], got)
			}
		}
	}
}

func TestTraceIsFresh(t *testing.T) {
	text, err := os.ReadFile("../testdata/mirrored.json")
	if err != nil {
		t.Fatal(err)
	}
	var committed, fresh any
	if err := json.Unmarshal(text, &committed); err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(record()); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &fresh); err != nil {
		t.Fatal(err)
	}
	if !same(committed, fresh) {
		t.Error("the committed trace is not what record writes; run: go run ./nn/golden/record >nn/golden/testdata/mirrored.json")
	}
}

// same compares JSON values. Numbers may differ in their last digits between machines.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && math.Abs(a-b) <= 1e-12
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name := range a {
			if !same(a[name], b[name]) {
				return false
			}
		}
		return true
	}
	return a == b
}
