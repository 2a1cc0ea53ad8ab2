package ui

import (
	"slices"

	"sae/web/chart"
)

// rgb is a colour of a canvas.
type rgb [3]byte

// theme holds the colours from style.css that canvases and charts use.
type theme struct {
	chart chart.Theme
	// diverging map of differences: too dark, equal, too light
	darker, equal, lighter rgb
	plain                  rgb // what is not active, or not known
	// sequential map of activations, from none to the largest
	act [3]rgb
}

// stage is shared by everything that is drawn without vugu. It has the theme, and the drawing
// functions of each part, which are called after every pass over the page and draw only what
// has changed. A chart takes ECharts several milliseconds, so each is drawn in a frame of its
// own, which keeps tasks short.
type stage struct {
	theme      *theme              // nil if it has to be read again
	generation int                 // grows when everything has to be drawn again
	part       string              // being rendered
	drawings   map[string][]func() // by part
	frames     []func()
	charts     bool         // whether charts are due
	change     func(func()) // changes the page's state outside of vugu's events; may be nil
	quietly    func(func()) // the same with a later render; may be nil
	save       func(file any, name string)
	saveText   func(text, name string)
	copied     func(what string, err error) // tells the user whether something was copied
	unsaved    func(what string, err error) // tells the user why something was not saved
	printing   bool                         // whether to draw everything at once, also what is not in view
	answer     func()                       // draws the decoder's answer to the explorer; may be nil
}

// quiet changes the page's state and renders it later: for what is drawn by hand.
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

// begin discards the drawing functions of the part that is rendered next.
func (s *stage) begin(part string) {
	s.part = part
	s.leave(part)
}

// leave discards the drawing functions of a part.
func (s *stage) leave(part string) { delete(s.drawings, part) }

// afterRender adds a drawing function to the part that is being rendered.
func (s *stage) afterRender(draw func()) {
	if s.drawings == nil {
		s.drawings = map[string][]func(){}
	}
	s.drawings[s.part] = append(s.drawings[s.part], draw)
}

// inFrame calls draw in a frame of its own.
func (s *stage) inFrame(draw func()) {
	s.frames = append(s.frames, draw)
	if len(s.frames) == 1 {
		nextFrame(s.frame)
	}
}

func (s *stage) frame() {
	if len(s.frames) == 0 { // drawn for the printer
		return
	}
	s.next()
	if len(s.frames) > 0 {
		nextFrame(s.frame)
	}
}

// next calls the first drawing function of those that wait for a frame.
func (s *stage) next() {
	s.frames[0]()
	s.frames = slices.Delete(s.frames, 0, 1) // forgets its chart
}

// print draws everything at once in the current theme, for the printer.
func (s *stage) print() {
	s.printing = true
	s.forget()
	s.draw()
	for len(s.frames) > 0 {
		s.next()
	}
	s.printing = false
}

// draw draws what has changed.
func (s *stage) draw() {
	s.colors() // takes long: best read when the page opens, before there is much to draw
	for _, drawings := range s.drawings {
		for _, draw := range drawings {
			draw()
		}
	}
}

// forget has everything drawn again, in the current theme.
func (s *stage) forget() {
	s.theme = nil
	s.generation++
}

// colors returns the current theme.
func (s *stage) colors() *theme {
	if s.theme == nil {
		s.theme = readTheme()
	}
	return s.theme
}
