package data

import (
	"bytes"
	"io"
	"os"
	"testing"
)

// batch returns all 932 records of a batch of CIFAR-10, the last one for validation.
func batch(tb testing.TB) *Dataset {
	file, err := os.ReadFile(shared(tb, "cifar-10-batches-bin/data_batch_1.bin"))
	if err != nil {
		tb.Fatal(err)
	}
	var all Split
	for ; len(file) >= recordSize; file = file[recordSize:] {
		all.Labels = append(all.Labels, file[0])
		all.Images = append(all.Images, make([]byte, ImageSize)...)
		interleave(all.Image(all.Len()-1), file[1:recordSize])
	}
	n := all.Len() - 1
	return &Dataset{
		Name: "CIFAR-10", Classes: cifarClasses,
		Train:      Split{all.Images[:n*ImageSize], all.Labels[:n]},
		Validation: Split{all.Images[n*ImageSize:], all.Labels[n:]},
	}
}

// BenchmarkRead reads CIFAR-10 in the compact format; MB/s are of decoded images.
func BenchmarkRead(b *testing.B) {
	d := batch(b)
	n := d.Train.Len() + d.Validation.Len()
	file := compact(b, d)
	b.SetBytes(int64(n * ImageSize))
	for b.Loop() {
		if _, err := Read(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(file))/float64(n), "bytes/image")
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkWrite is the inverse.
func BenchmarkWrite(b *testing.B) {
	d := batch(b)
	n := d.Train.Len() + d.Validation.Len()
	b.SetBytes(int64(n * ImageSize))
	for b.Loop() {
		if err := d.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkSynthetic draws ten images, one of each class.
func BenchmarkSynthetic(b *testing.B) {
	for b.Loop() {
		Synthetic(10, 0, 1)
	}
}
