package main

import (
	"bytes"
	"os"
	"testing"
)

func TestModulesAreFresh(t *testing.T) {
	for _, v := range variants {
		committed, err := os.ReadFile("../" + v.file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(committed, v.module()) {
			t.Errorf("%s is not what the generator writes; run: go generate ./wasm/simd", v.file)
		}
	}
}
