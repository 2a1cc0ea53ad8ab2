package state

import (
	"math/rand/v2"
	"slices"
	"strings"

	"sae/data"
	"sae/wasm/protocol"
)

// PictureCount is how many validation images the page shows.
const PictureCount = 8

// Pictures are the validation images that the page shows.
type Pictures struct {
	Selected int   // position of the picture whose code is shown
	Shuffled bool  // whether they are random
	watched  []int // the images that the worker sends

	worker   *Worker
	dataset  *Dataset
	timeline *Timeline
	explorer *Explorer
	changed  func(event string)
}

// fix chooses the first image of each class in turn, the same on every visit.
func (s *Pictures) fix() {
	s.Shuffled = false
	s.choose(func(candidates []int) int { return candidates[0] })
}

// First shows the first image of each class.
func (s *Pictures) First() {
	s.fix()
	s.watch()
}

// Others shows random images.
func (s *Pictures) Others() {
	s.Shuffled = true
	s.choose(func(candidates []int) int { return candidates[rand.IntN(len(candidates))] })
	s.watch()
}

// choose picks images of each class in turn, each among those of its class that are not yet
// picked.
func (s *Pictures) choose(pick func(candidates []int) int) {
	byClass := make([][]int, len(s.dataset.Classes))
	for i, label := range s.dataset.Labels {
		byClass[label] = append(byClass[label], i)
	}
	var images []int
	wanted := min(PictureCount, len(s.dataset.Labels))
	for class := 0; len(images) < wanted; class = (class + 1) % len(byClass) {
		candidates := byClass[class]
		if len(candidates) == 0 {
			continue
		}
		image := pick(candidates)
		images = append(images, image)
		byClass[class] = slices.DeleteFunc(candidates, func(i int) bool { return i == image })
	}
	s.watched = images
	s.Selected = min(s.Selected, max(0, len(images)-1))
}

// watch tells the worker which images to send.
func (s *Pictures) watch() {
	s.worker.command(protocol.New(protocol.TypeWatch, protocol.Watch{Images: s.watched}), nil)
	s.changed("state")
}

// Select shows the code of the picture at a position, and opens the picture in the explorer.
func (s *Pictures) Select(position int) {
	if position >= 0 && position < len(s.timeline.Samples.Labels) {
		s.Selected = position
		s.explorer.Show(s.timeline.Samples.Images[position])
	}
}

// ClassName names the class of the picture at a position.
func (s *Pictures) ClassName(position int) string {
	if position >= len(s.timeline.Samples.Labels) {
		return ""
	}
	label := s.timeline.Samples.Labels[position]
	if label >= len(s.dataset.Classes) {
		return "" // the pictures are still of the data set before
	}
	return s.dataset.Classes[label]
}

// PictureFormat names the format of a file by its name and its media type: "HEIC". It is
// "" if the file is no picture.
func PictureFormat(name, mediaType string) string {
	if format := data.PictureFormat(name); format != "" {
		return format
	}
	format, ok := strings.CutPrefix(mediaType, "image/")
	if !ok {
		return ""
	}
	return strings.ToUpper(format)
}

// Unreadable says that the browser cannot open a picture, and what to do.
func Unreadable(name, format string) string {
	switch format {
	case "JPEG", "PNG", "GIF", "WebP", "BMP", "video": // which every browser opens
		return name + " is damaged or empty. Try another picture."
	}
	return "This browser can't open " + format + ". Try JPEG or PNG."
}
