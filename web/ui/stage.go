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

// stage is what everything that draws by itself shares: the theme, and the
// drawings of each part. They are called after every pass over the page, also where
// their part is not rendered, and draw only what has changed. A chart, which takes
// ECharts several milliseconds, waits for a frame of its own, so that no task keeps
// the main thread for long.
type stage struct {
	theme      *theme              // nil while the tokens have to be read
	generation int                 // grows when all has to be drawn anew
	part       string              // that is being rendered
	drawings   map[string][]func() // by part
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

// begin forgets the drawings of a part, which is rendered next.
func (s *stage) begin(part string) {
	s.part = part
	s.leave(part)
}

// leave forgets the drawings of a part.
func (s *stage) leave(part string) { delete(s.drawings, part) }

// afterRender adds a drawing to the part that is being rendered.
func (s *stage) afterRender(draw func()) {
	if s.drawings == nil {
		s.drawings = map[string][]func(){}
	}
	s.drawings[s.part] = append(s.drawings[s.part], draw)
}

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

// draw draws what has changed.
func (s *stage) draw() {
	for _, drawings := range s.drawings {
		for _, draw := range drawings {
			draw()
		}
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
