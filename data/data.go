package data

import (
	"fmt"
	"slices"
)

// The shape of an image.
const (
	Width     = 32
	Height    = 32
	Channels  = 3
	ImageSize = Width * Height * Channels

	planeSize = Width * Height
)

// Split is a part of a data set: images and their classes.
type Split struct {
	Images []byte // [n, ImageSize], HWC
	Labels []byte // [n], indexes into Dataset.Classes
}

// Len returns the number of images.
func (s Split) Len() int { return len(s.Labels) }

// Image returns the pixels of image i, [ImageSize], not a copy.
func (s Split) Image(i int) []byte {
	return s.Images[i*ImageSize : (i+1)*ImageSize : (i+1)*ImageSize]
}

// Bytes converts values, such as reconstructions, to the bytes of an image. Those outside
// [0, 1] are clipped.
func Bytes(values []float32) []byte {
	bytes := make([]byte, len(values))
	for i, value := range values {
		bytes[i] = byte(min(max(value, 0), 1)*255 + 0.5)
	}
	return bytes
}

// Dataset is a set of images for training and validation.
type Dataset struct {
	Name       string   // "CIFAR-10"
	Provenance string   // where the images come from and how they were chosen, as a text for users
	Classes    []string // names of the classes
	Train      Split
	Validation Split

	there int               // training images that More has made
	rest  func(i int) error // makes training image i, for More; nil once all are there
}

// More makes the next n training images, or all that are left, of a data set of Sketch or
// Open. It reports whether all training images are there, as they are in other data sets.
// An error is that of [Read]; the data set is then of no use.
func (d *Dataset) More(n int) (all bool, err error) {
	for ; n > 0 && d.rest != nil; n-- {
		if err := d.rest(d.there); err != nil {
			return false, err
		}
		if d.there++; d.there == d.Train.Len() {
			d.rest = nil
		}
	}
	return d.rest == nil, nil
}

// Limits of a data set. They bound the memory for a file to about 300 MB per split.
const (
	maxImages  = 100_000 // per split
	MaxClasses = 256     // of a data set
	maxText    = 1000    // bytes of a name or provenance
)

// Validate returns an error for an invalid data set, such as one without images,
// with a label that has no class, or with counts that do not match.
func (d *Dataset) Validate() error {
	if n := len(d.Classes); n < 1 || n > MaxClasses {
		return fmt.Errorf("%d classes: want 1 to %d", n, MaxClasses)
	}
	for _, text := range slices.Concat([]string{d.Name, d.Provenance}, d.Classes) {
		if len(text) > maxText {
			return fmt.Errorf("a name of %d bytes: want at most %d", len(text), maxText)
		}
	}
	for _, part := range []struct {
		name string
		Split
	}{{"training", d.Train}, {"validation", d.Validation}} {
		n := part.Len()
		if n < 1 || n > maxImages {
			return fmt.Errorf("%d %s images: want 1 to %d", n, part.name, maxImages)
		}
		if len(part.Images) != n*ImageSize {
			return fmt.Errorf("%d bytes of %s images: want %d for each of %d labels", len(part.Images), part.name, ImageSize, n)
		}
		for i, label := range part.Labels {
			if int(label) >= len(d.Classes) {
				return fmt.Errorf("%s image %d has label %d: want less than %d", part.name, i, label, len(d.Classes))
			}
		}
	}
	return nil
}
