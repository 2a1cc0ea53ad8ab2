package state

import (
	"slices"
	"testing"

	"sae/data"
	"sae/wasm/protocol"
)

// explored returns a page whose explorer has a code, with what its worker was told.
func explored(t *testing.T) (*Page, *[]protocol.Message) {
	t.Helper()
	var sent []protocol.Message
	page := New(func(m protocol.Message) { sent = append(sent, m) }, nil)
	page.Dataset.Dataset = protocol.Dataset{Name: "D", Train: 10, Validation: 20, Classes: []string{"a", "b"}, Labels: make([]byte, 20)}
	page.Settings.Latent = 4
	page.Timeline.setUnits(*unitsOf(0, 0, 0, 0))
	page.Explorer.Show(3)
	answer := func(body any) {
		reply := protocol.New(protocol.TypeReply, body)
		reply.ID = sent[len(sent)-1].ID
		page.Receive(reply)
	}
	answer(protocol.Pictures{Pixels: make([]byte, data.ImageSize)})
	answer(protocol.Codes{Codes: []float32{0, 3, 1, 2}})
	if !slices.Equal(page.Explorer.Code, []float32{0, 3, 1, 2}) {
		t.Fatalf("code %v", page.Explorer.Code)
	}
	return page, &sent
}

// A code that is drawn by lot, or the mean of all, is of no picture, and its own
// largest units have the sliders; the picture's code comes back.
func TestFreeCodes(t *testing.T) {
	page, _ := explored(t)
	e := &page.Explorer
	if got := e.Sliders(); !slices.Equal(got, []int{1, 3, 2, 0}) {
		t.Errorf("sliders of units %v", got)
	}
	page.Timeline.live.Units.Center = []float32{9, 0, 1, 2}
	e.MeanCode()
	if e.Free != "mean" || !slices.Equal(e.Sliders(), []int{0, 3, 2, 1}) {
		t.Errorf("a %q code with sliders of units %v, want the mean's", e.Free, e.Sliders())
	}
	e.SetUnit(0, 0.5)
	if e.Free != "mean" || !slices.Equal(e.Sliders(), []int{0, 3, 2, 1}) {
		t.Errorf("a slider was moved: a %q code with sliders of units %v", e.Free, e.Sliders())
	}
	page.Timeline.live.Units.Mean, page.Timeline.live.Units.Activity = []float32{1, 1, 1, 1}, []float32{1, 1, 1, 1}
	e.RandomCode()
	if e.Free != "random" || slices.Equal(e.Code, e.Encoded) {
		t.Errorf("a %q code %v", e.Free, e.Code)
	}
	e.Hold(2)
	if got := e.Sliders(); got[0] != 2 || len(got) != 4 {
		t.Errorf("with unit 2 in hand, sliders of units %v", got)
	}
	page.Press("Escape")
	e.AsEncoded()
	if e.Free != "" || !slices.Equal(e.Code, e.Encoded) || !slices.Equal(e.Sliders(), []int{1, 3, 2, 0}) {
		t.Errorf("a %q code %v with sliders of units %v, want the picture's", e.Free, e.Code, e.Sliders())
	}
}

// The reconstruction of a picture is built up once its code is there; an answer for an earlier
// picture is dropped.
func TestBuildUp(t *testing.T) {
	page, sent := explored(t)
	last := func(kind protocol.Type) protocol.Message {
		i := slices.IndexFunc(*sent, func(m protocol.Message) bool { return m.Type == kind })
		for j, m := range *sent {
			if m.Type == kind {
				i = j
			}
		}
		if i < 0 {
			t.Fatalf("no command %s", kind)
		}
		return (*sent)[i]
	}
	answer := func(to protocol.Message, body any) {
		reply := protocol.New(protocol.TypeReply, body)
		reply.ID = to.ID
		page.Receive(reply)
	}
	first := last(protocol.TypeBuildUp)
	page.Explorer.Show(4)
	other := make([]byte, data.ImageSize)
	other[0] = 1
	answer(last(protocol.TypeImages), protocol.Pictures{Pixels: other})
	answer(last(protocol.TypeEncode), protocol.Codes{Codes: []float32{0, 3, 1, 2}})
	answer(first, protocol.BuildUp{Counts: []int{0, 9}})
	if len(page.Explorer.Built.Counts) != 0 {
		t.Errorf("built up from %d units, of the picture before", page.Explorer.Built.Counts)
	}
	asked, err := protocol.Decode[protocol.Pictures](last(protocol.TypeBuildUp))
	if err != nil || !slices.Equal(asked.Pixels, other) {
		t.Fatalf("the worker builds up another picture than the one that is shown: %v", err)
	}
	answer(last(protocol.TypeBuildUp), protocol.BuildUp{Counts: []int{0, 3}})
	if e := page.Explorer; !slices.Equal(e.Built.Counts, []int{0, 3}) || !slices.Equal(e.BuiltOf, other) {
		t.Errorf("built up from %d units", e.Built.Counts)
	}
	page.Explorer.clear()
	if len(page.Explorer.Built.Counts) != 0 {
		t.Error("what was built up outlasts its run")
	}
}
