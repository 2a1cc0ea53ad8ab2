package state

import (
	"math/rand/v2"
	"slices"

	"sae/wasm/protocol"
)

// PictureCount is how many validation images the page shows.
const PictureCount = 8

// Pictures are the validation images on show, and which of them is selected.
type Pictures struct {
	Selected int   // whose code is shown, an index into Samples.Images
	Shuffled bool  // whether they are others than the fixed ones
	watched  []int // that the worker is to show

	worker   *Worker
	dataset  *Dataset
	timeline *Timeline
	explorer *Explorer
	changed  func(event string)
}

// fix shows the first validation image of each class in turn: the
// same ones on every visit.
func (s *Pictures) fix() {
	s.Shuffled = false
	s.choose(func(candidates []int) int { return candidates[0] })
}

// First goes back to the fixed pictures.
func (s *Pictures) First() {
	s.fix()
	s.watch()
}

// Others shows other validation images, again of different classes.
func (s *Pictures) Others() {
	s.Shuffled = true
	s.choose(func(candidates []int) int { return candidates[rand.IntN(len(candidates))] })
	s.watch()
}

// choose fills the pictures with images of different classes as far
// as there are, each picked among its class's images that are not yet shown.
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

func (s *Pictures) watch() {
	s.worker.command(protocol.New(protocol.TypeWatch, protocol.Watch{Images: s.watched}), nil)
	s.changed("state")
}

// Select shows the code of the picture at the given position, there and in the
// explorer.
func (s *Pictures) Select(position int) {
	if position >= 0 && position < len(s.timeline.Samples.Labels) {
		s.Selected = position
		s.explorer.Show(s.timeline.Samples.Images[position])
	}
}

// ClassName names the class of the picture at the given position.
func (s *Pictures) ClassName(position int) string {
	if position >= len(s.timeline.Samples.Labels) {
		return ""
	}
	label := s.timeline.Samples.Labels[position]
	if label >= len(s.dataset.Classes) {
		return "" // the pictures are still those of the data set before
	}
	return s.dataset.Classes[label]
}
