package state

import (
	"strings"
	"testing"
	"time"

	"sae/wasm/protocol"
)

// Each command gets its own reply, once, and none is left waiting when the worker dies.
func TestReplies(t *testing.T) {
	var posted []protocol.Message
	worker := Worker{post: func(m protocol.Message) { posted = append(posted, m) }, pending: map[int]func(protocol.Message){}}
	var got []string
	ask := func(name string) {
		worker.command(protocol.New(protocol.TypeMap, nil), func(reply protocol.Message) { got = append(got, name+" "+reply.Error) })
	}
	ask("a")
	ask("b")
	worker.Ping()
	worker.replied(protocol.Message{ID: posted[1].ID, Error: "1"})
	worker.replied(protocol.Message{ID: posted[1].ID, Error: "2"})
	worker.replied(protocol.Message{ID: posted[2].ID, Error: "3"})
	worker.died("struck by lightning")
	worker.replied(protocol.Message{ID: posted[0].ID, Error: "4"})
	if want := "b 1, a the training worker stopped: struck by lightning"; strings.Join(got, ", ") != want {
		t.Errorf("replies %q, want %q", got, want)
	}
	worker.Gone = true
	if ask("c"); len(posted) != 3 || !strings.Contains(got[len(got)-1], "reload the page") {
		t.Errorf("%d commands, replies %q: want no command to a worker that is gone", len(posted), got)
	}
}

func TestDisplayTimeIsAcknowledged(t *testing.T) {
	var posted protocol.Message
	worker := Worker{post: func(m protocol.Message) { posted = m }}
	worker.Displayed(12500 * time.Microsecond)
	worker.acknowledge()
	if seen, err := protocol.Decode[protocol.Seen](posted); err != nil || posted.Type != protocol.TypeSeen || seen.DisplayMS != 12.5 {
		t.Errorf("acknowledged %s %+v, %v: want 12.5 ms", posted.Type, seen, err)
	}
}
