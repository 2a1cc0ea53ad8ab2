package state

import "sae/wasm/protocol"

// Map is the map of the codes: the validation images as points of a plane.
type Map struct {
	Points  []float32 // [n, 2]; nil until the map is drawn
	Version int       // changes with Points

	Hovered          int    // image under the pointer; -1 for none
	Thumbnail        []byte // its pixels
	ThumbnailVersion int    // changes with Thumbnail

	waiting bool // for Points

	worker   *Worker
	dataset  *Dataset
	training *Training
}

func newMap(p *Page) Map {
	return Map{worker: &p.Worker, dataset: &p.Dataset, training: &p.Training, Hovered: -1}
}

// maxMap is the largest number of validation images for which the map is drawn unasked.
const maxMap = 2000

// first draws the map unless it has been drawn.
func (m *Map) first() {
	if m.Points == nil && len(m.dataset.Labels) <= maxMap {
		m.Draw()
	}
}

// refresh draws the map of a changed model, if it has been drawn.
func (m *Map) refresh() {
	if m.Points != nil {
		m.Draw()
	}
}

// Draw asks the worker for the points.
func (m *Map) Draw() {
	if m.waiting {
		return
	}
	m.waiting = true
	run := m.training.run
	m.worker.command(protocol.New(protocol.TypeMap, nil), func(reply protocol.Message) {
		m.waiting = false
		plane, err := answer[protocol.Map](reply)
		if err != nil || m.training.run != run {
			return
		}
		m.Points, m.Version = plane.Points, nextVersion()
	})
}

// Hover shows the image under the pointer; -1 for none.
func (m *Map) Hover(image int) {
	m.Hovered, m.Thumbnail = image, nil
	if image < 0 || image >= len(m.dataset.Labels) {
		return
	}
	m.worker.command(protocol.New(protocol.TypeImages, protocol.Images{Images: []int{image}}), func(reply protocol.Message) {
		pictures, err := answer[protocol.Pictures](reply)
		if err == nil && m.Hovered == image {
			m.Thumbnail, m.ThumbnailVersion = pictures.Pixels, nextVersion()
		}
	})
}
