package data_test

import (
	"bytes"
	"fmt"
	"io"
	"log"

	"sae/data"
)

func ExampleSynthetic() {
	d := data.Synthetic(50, 10, 1)
	fmt.Println(d.Name, d.Train.Len(), d.Validation.Len())
	fmt.Println("image 3 is a", d.Classes[d.Train.Labels[3]])
	fmt.Println(len(d.Train.Image(3)), "bytes")
	// Output:
	// Synthetic 50 10
	// image 3 is a triangle
	// 3072 bytes
}

func ExampleRead() {
	var file bytes.Buffer
	if err := data.Synthetic(50, 10, 1).Write(&file); err != nil {
		log.Fatal(err)
	}
	d, err := data.Read(&file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Name, d.Train.Len(), d.Validation.Len())

	_, err = data.Read(bytes.NewReader([]byte("SAEDATA\n\x03\x00\x01\x00\x00\x00\x00\x00")))
	fmt.Println(err)
	// Output:
	// Synthetic 50 10
	// data: version 3 of the compact format: this program reads versions 1 to 2; update it
}

func ExampleReadInfo() {
	var file bytes.Buffer
	if err := data.Synthetic(50, 10, 1).Write(&file); err != nil {
		log.Fatal(err)
	}
	info, err := data.ReadInfo(&file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d + %d images of %d×%d×%d\n", info.Name, info.Train, info.Validation, info.Height, info.Width, info.Channels)
	// Output: Synthetic: 50 + 10 images of 32×32×3
}

// A batch of CIFAR's binary version: records of a label and three planes.
func ExampleImport() {
	batch := make([]byte, 20*(1+data.ImageSize))
	for i := range 20 {
		record := batch[i*(1+data.ImageSize):]
		record[0] = byte(i % 10)
		record[1] = byte(i) // red of the first pixel, to make the images different
	}
	source := data.Source{
		Name: "data_batch_1.bin",
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(batch)), nil },
		Size: int64(len(batch)),
	}
	d, err := data.Import([]data.Source{source}, data.ImportOptions{Classes: []string{"cat", "dog"}, Train: 100, AtMost: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Classes, d.Train.Len(), d.Validation.Len())
	fmt.Println(d.Provenance)
	// Output:
	// [cat dog] 3 1
	// data_batch_1.bin: 3 training and 1 validation images, stratified, seed 0, validation held out of the training batches
}

// Outputs without a sigmoid can lie outside [0, 1].
func ExampleBytes() {
	fmt.Println(data.Bytes([]float32{-0.1, 0, 0.5, 1, 1.2}))
	// Output: [0 0 128 255 255]
}
