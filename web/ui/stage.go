package ui

import "sae/web/chart"

// rgb is a colour of a canvas.
type rgb [3]byte

// theme holds the colours from style.css that canvases and charts use.
type theme struct {
	chart chart.Theme
	// diverging map of differences: too dark, equal, too light
	darker, equal, lighter rgb
	// sequential map of activations, from none to the largest
	act [3]rgb
}

// stage is shared by everything that draws: the theme and the queue of drawings.
// Pictures wait for the end of the render. A chart takes ECharts several
// milliseconds, so it waits for its own frame, which keeps tasks short.
type stage struct {
	theme      *theme // nil while the tokens have to be read
	generation int    // grows when all has to be drawn anew
	rendered   []func()
	frames     []func()
	change     func(func()) // changes the page's state from outside of an event of vugu's; may be nil
	quietly    func(func()) // the same, without a render at once; may be nil
	save       func(file any, name string)
	saveText   func(text, name string)
	copied     func(what string, err error) // tells the user how it went to copy something
	unsaved    func(what string, err error) // tells the user why something was not saved
	answer     func()                       // draws what the explorer's decoder has answered; may be nil
}

// quiet changes the page's state where what shows it is drawn by hand.
func (s *stage) quiet(change func()) {
	if s.quietly != nil {
		s.quietly(change)
	}
}

// do changes the page's state.
func (s *stage) do(change func()) {
	if s.change != nil {
		s.change(change)
	}
}

// afterRender queues a drawing for the end of the render.
func (s *stage) afterRender(draw func()) { s.rendered = append(s.rendered, draw) }

// inFrame queues a drawing for a frame of its own.
func (s *stage) inFrame(draw func()) {
	s.frames = append(s.frames, draw)
	if len(s.frames) == 1 {
		nextFrame(s.frame)
	}
}

func (s *stage) frame() {
	s.frames[0]()
	if s.frames = s.frames[1:]; len(s.frames) > 0 {
		nextFrame(s.frame)
	}
}

// draw draws what waits for the end of the render.
func (s *stage) draw() {
	rendered := s.rendered
	s.rendered = nil
	for _, draw := range rendered {
		draw()
	}
}

// forget makes everything be drawn anew, in the colours of then.
func (s *stage) forget() {
	s.theme = nil
	s.generation++
}

// colors returns the theme of now.
func (s *stage) colors() *theme {
	if s.theme == nil {
		s.theme = readTheme()
	}
	return s.theme
}
