package data

import (
	"bytes"
	"testing"
)

// BenchmarkRead decodes synthetic images; MB/s are of decoded images.
func BenchmarkRead(b *testing.B) {
	var file bytes.Buffer
	if err := Synthetic(1000, 200, 1).Write(&file); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(1200 * ImageSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(file.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSynthetic draws ten images, one of each class.
func BenchmarkSynthetic(b *testing.B) {
	for b.Loop() {
		Synthetic(10, 0, 1)
	}
}
