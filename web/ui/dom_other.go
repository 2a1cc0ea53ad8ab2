//go:build !js

package ui

import (
	"encoding/json"

	"github.com/vugu/vugu/js"

	"sae/nn/experiment"
)

// Outside a browser there is no DOM: components build but draw nothing.

func announce(js.Value, string)               {}
func setVariable(js.Value, string, string)    {}
func placeDemo(js.Value, []experiment.Change) {}
func reveal(js.Value)                         {}
func showOutput(js.Value, string)             {}
func nextFrame(func())                        {}
func readTheme() *theme                       { return &theme{} }
func loadECharts(*stage) bool                 { return false }

type canvas struct{}

func (*canvas) place(js.Value)    {}
func (*canvas) show(string) bool  { return false }
func (*canvas) paint([]byte, int) {}

type echart struct{}

func (*echart) enter(js.Value) bool       { return false }
func (*echart) place(bool) bool           { return false }
func (*echart) describe(string)           {}
func (*echart) picture(func(any, error))  {}
func (*echart) copy(func(error))          {}
func (*echart) seen(*stage) bool          { return false }
func (*echart) show(string) bool          { return false }
func (*echart) steps() int                { return 0 }
func (*echart) step(json.RawMessage, int) {}
func (*echart) set(json.RawMessage)       {}
func (*echart) flush()                    {}

type tiles struct{}

func (*tiles) place(js.Value, func(int)) {}
func (*tiles) seen(*stage) bool          { return false }
func (*tiles) show(string) bool          { return true }
func (*tiles) update([]tile)             {}
func (*tiles) paint(int, int, []tile)    {}

type sliders struct{}

func (*sliders) place(js.Value, func(int, float64))          {}
func (*sliders) focus(int)                                   {}
func (*sliders) update([]unitSlider, float64, float64, bool) {}
