package state

import (
	"testing"

	"sae/wasm/protocol"
)

// The map of a small data set is drawn when the explorer is first shown, and not before.
func TestMapIsDrawn(t *testing.T) {
	page, sent := explored(t)
	maps := func() (n int) {
		for _, m := range *sent {
			if m.Type == protocol.TypeMap {
				n++
			}
		}
		return n
	}
	if maps() != 0 {
		t.Error("the map is drawn before the explorer is shown")
	}
	page.Visit(ViewExplore)
	page.Visit(ViewExplore)
	if maps() != 1 {
		t.Errorf("the map was asked for %d times, want once", maps())
	}
	large, sent2 := explored(t)
	large.Dataset.Labels = make([]byte, maxMap+1)
	sent = sent2
	large.Visit(ViewExplore)
	if maps() != 0 {
		t.Error("a map of many pictures is drawn unasked")
	}
}

// The thumbnail is that of the image under the pointer, even if the answers come late.
func TestThumbnail(t *testing.T) {
	page, worker := open(t)
	worker.silent = true
	ask := func(image int) protocol.Message {
		page.Map.Hover(image)
		return worker.last(t, protocol.TypeImages)
	}
	answer := func(command protocol.Message, pixel byte) {
		reply := protocol.New(protocol.TypeReply, protocol.Pictures{Pixels: []byte{pixel}})
		reply.ID = command.ID
		page.Receive(reply)
	}
	first, second := ask(3), ask(4)
	if answer(first, 30); page.Map.Thumbnail != nil {
		t.Error("there is a thumbnail of an image that the pointer has left")
	}
	if answer(second, 40); len(page.Map.Thumbnail) != 1 || page.Map.Thumbnail[0] != 40 {
		t.Errorf("thumbnail %v, want that of the second image", page.Map.Thumbnail)
	}
	if page.Map.Hover(-1); page.Map.Thumbnail != nil || page.Map.Hovered != -1 {
		t.Error("there is a thumbnail without an image under the pointer")
	}
}
