//go:build !js

package ui

import (
	"encoding/json"

	"github.com/vugu/vugu/js"
)

// Outside a browser there is no DOM: components build, and draw nothing.

func announce(js.Value, string)            {}
func setVariable(js.Value, string, string) {}
func reveal(js.Value)                      {}
func nextFrame(func())                     {}
func readTheme() *theme                    { return &theme{} }

type canvas struct{}

func (*canvas) place(js.Value)   {}
func (*canvas) show(string) bool { return false }
func (*canvas) paint([]byte)     {}

type echart struct{}

func (*echart) place(js.Value)      {}
func (*echart) show(string) bool    { return false }
func (*echart) set(json.RawMessage) {}
