package state

import (
	"testing"

	"sae/wasm/protocol"
)

func TestKeys(t *testing.T) {
	page, worker := open(t)
	worker.frame(protocol.Frame{Workers: 1, Samples: samples([]float32{1, 2}, 3, 4)})
	worker.types()
	for _, test := range []struct {
		key string
		ok  func() bool
	}{
		{" ", func() bool { return page.Status == protocol.StatusTraining }},
		{" ", func() bool { return page.Status == protocol.StatusPaused }},
		{"ArrowRight", func() bool { return page.Pictures.Selected == 1 }},
		{"ArrowRight", func() bool { return page.Pictures.Selected == 1 }},
		{"ArrowLeft", func() bool { return page.Pictures.Selected == 0 }},
		{"3", func() bool { return page.Settings.Experiment == 3 }},
		{"m", func() bool { return page.Form.Open }},
		{"?", func() bool { return page.Help }},
		{"l", func() bool { return page.Lesson.Open }},
		{"Escape", func() bool { return !page.Help && !page.Form.Open && page.Lesson.Open }},
		{"Escape", func() bool { return !page.Lesson.Open }},
	} {
		if !page.Press(test.key) || !test.ok() {
			t.Errorf("key %q does not do what it should", test.key)
		}
	}
	if page.Press("q") || page.Press("7") {
		t.Error("a key without a meaning is taken")
	}
}
