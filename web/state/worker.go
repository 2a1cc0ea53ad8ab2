package state

import (
	"errors"
	"time"

	"sae/wasm/protocol"
)

// Worker is the connection to the training worker.
type Worker struct {
	Kernel string // matrix kernels that it computes with
	Gone   bool   // whether it died and is not replaced

	post      func(protocol.Message)
	lastID    int                            // of a command
	pending   map[int]func(protocol.Message) // handlers of replies, by ID of their commands
	displayMS float64                        // that showing the last frame took
}

// Done is called when a command has ended: with nil when it succeeded.
type Done func(error)

// Ignore is the Done of commands whose errors the page shows anyway.
func Ignore(error) {}

// command sends a command. done gets the reply; it may be nil.
func (w *Worker) command(m protocol.Message, done func(reply protocol.Message)) {
	w.lastID++
	m.ID = w.lastID
	if w.Gone {
		if done != nil {
			done(protocol.Message{Type: protocol.TypeReply, Error: "there is no training worker any more; reload the page"})
		}
		return
	}
	if done != nil {
		w.pending[m.ID] = done
	}
	w.post(m)
}

// replied takes a reply to a command.
func (w *Worker) replied(m protocol.Message) {
	if done, ok := w.pending[m.ID]; ok {
		delete(w.pending, m.ID)
		done(m)
	}
}

// died ends all pending commands.
func (w *Worker) died(reason string) {
	pending := w.pending
	w.pending = map[int]func(protocol.Message){}
	for _, done := range pending {
		done(protocol.Message{Type: protocol.TypeReply, Error: "the training worker stopped: " + reason})
	}
}

// replyError returns why a command failed, nil if it succeeded.
func replyError(reply protocol.Message) error {
	if reply.Error == "" {
		return nil
	}
	return errors.New(reply.Error)
}

// answer returns the body of a reply, or why the command failed.
func answer[T any](reply protocol.Message) (T, error) {
	if err := replyError(reply); err != nil {
		var none T
		return none, err
	}
	return protocol.Decode[T](reply)
}

// Ping asks the worker for a sign of life.
func (w *Worker) Ping() { w.command(protocol.New(protocol.TypePing, nil), nil) }

// Displayed takes how long the page has worked to show the last frame, with all that it
// asked of the worker because of that. The worker spaces its frames by that.
func (w *Worker) Displayed(took time.Duration) {
	w.displayMS = float64(took.Microseconds()) / 1000
}

// acknowledge asks for the next frame.
func (w *Worker) acknowledge() {
	w.post(protocol.New(protocol.TypeSeen, protocol.Seen{DisplayMS: w.displayMS}))
}

var versions int

// nextVersion returns a larger number on each call, for components that draw what has
// changed.
func nextVersion() int {
	versions++
	return versions
}
