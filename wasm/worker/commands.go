package worker

import (
	"errors"
	"fmt"

	"sae/wasm/protocol"
)

// when says when a command runs that arrives while the worker computes.
type when int

const (
	atOnce    when = iota // during a step, but not while a model is exported or saved
	always                // even while a model is exported or saved
	afterStep             // after the step, because it needs the model
	instead               // at once, and aborts the step and its run
)

// commands are the page's commands.
var commands map[protocol.Type]command

func init() { // an initializer would refer to itself, because handlers call attend
	commands = map[protocol.Type]command{
		protocol.TypePing: on(always, (*Worker).ping),
		protocol.TypeSeen: on(always, (*Worker).seen),

		protocol.TypeLoad:      on(atOnce, (*Worker).load),
		protocol.TypeCancel:    on(always, (*Worker).cancel),
		protocol.TypeForget:    on(atOnce, (*Worker).forget),
		protocol.TypeConfigure: on(instead, (*Worker).configure),
		protocol.TypeAdjust:    on(atOnce, driving((*Worker).adjust)),
		protocol.TypePlay:      on(atOnce, driving((*Worker).play)),
		protocol.TypePause:     on(always, driving((*Worker).pause)),
		protocol.TypeStep:      on(atOnce, driving((*Worker).step)),
		protocol.TypePace:      on(always, (*Worker).setPace),
		protocol.TypeWatch:     on(atOnce, (*Worker).watch),

		protocol.TypeReconstruct: on(afterStep, (*Worker).reconstruct),
		protocol.TypeEncode:      on(afterStep, (*Worker).encode),
		protocol.TypeDecode:      on(afterStep, (*Worker).decode),
		protocol.TypeImages:      on(atOnce, (*Worker).images),
		protocol.TypeUnit:        on(afterStep, (*Worker).unit),
		protocol.TypeNote:        on(afterStep, (*Worker).note),
		protocol.TypeMap:         on(afterStep, (*Worker).codeMap),
		protocol.TypeUnusual:     on(afterStep, (*Worker).unusual),
		protocol.TypeBuildUp:     on(afterStep, (*Worker).buildUp),
		protocol.TypePCA:         on(afterStep, (*Worker).pca),
		protocol.TypePCACurve:    on(afterStep, (*Worker).pcaCurve),

		protocol.TypeExport:  on(afterStep, (*Worker).export),
		protocol.TypeImport:  on(afterStep, (*Worker).importModel),
		protocol.TypeKeep:    on(atOnce, (*Worker).keep),
		protocol.TypeSave:    on(atOnce, (*Worker).saveNow),
		protocol.TypeResume:  on(afterStep, (*Worker).resume),
		protocol.TypeDiscard: on(atOnce, (*Worker).discard),

		protocol.TypeBench: on(instead, (*Worker).bench),
		protocol.TypeJoin:  on(instead, (*Worker).join),
	}
}

// command says when and how a command runs.
type command struct {
	when   when
	handle func(*Worker, protocol.Message) (protocol.Message, error)
}

// nothing is the body of a command without one.
type nothing = struct{}

// on returns a command with the given type of body. handle receives the body and the
// message, and returns the reply, or unanswered.
func on[Body any](when when, handle func(*Worker, Body, protocol.Message) (protocol.Message, error)) command {
	return command{when, func(w *Worker, m protocol.Message) (protocol.Message, error) {
		var body Body
		if _, none := any(body).(nothing); !none {
			var err error
			if body, err = protocol.Decode[Body](m); err != nil {
				return protocol.Message{}, err
			}
		}
		return handle(w, body, m)
	}}
}

// unanswered is returned for a command that has no reply, or is answered later.
var unanswered = errors.New("worker: no reply yet")

// driving returns the handler of a command that controls the run. It is answered between
// batches, with the state of the run; a step is answered after its batch.
func driving[Body any](handle func(*Worker, Body, protocol.Message) error) func(*Worker, Body, protocol.Message) (protocol.Message, error) {
	return func(w *Worker, body Body, m protocol.Message) (protocol.Message, error) {
		if w.run == nil {
			return protocol.Message{}, fmt.Errorf("%s: there is no run yet", m.Type)
		}
		w.dirty = true
		if err := handle(w, body, m); err != nil {
			return w.news(), err
		}
		if m.Type != protocol.TypeStep {
			w.waiting = append(w.waiting, m.ID)
			w.answer()
		}
		return protocol.Message{}, unanswered
	}
}

// attend runs the commands in the inbox, up to the first that must wait, and answers pings
// wherever they are, because the page gives up on a worker that is silent. It returns
// errInterrupted if a command replaces the run.
func (w *Worker) attend() error {
	for _, ping := range w.takePings() {
		w.handle(ping)
	}
	run := w.run
	for {
		m, ok := w.peek()
		if !ok {
			return nil
		}
		when := commands[m.Type].when
		switch {
		case when == afterStep, w.exporting && when != always:
			return nil
		case when == instead:
			return errInterrupted
		}
		w.take()
		w.handle(m)
		if w.run != run {
			return errInterrupted
		}
	}
}

// handle runs a command and replies.
func (w *Worker) handle(m protocol.Message) {
	command, ok := commands[m.Type]
	if !ok {
		w.reply(m.ID, protocol.Message{}, fmt.Errorf("unknown command %q", m.Type))
		return
	}
	if reply, err := command.handle(w, m); err != unanswered {
		w.reply(m.ID, reply, err)
	}
}

// reply answers the command with the given id.
func (w *Worker) reply(id int, reply protocol.Message, err error) {
	reply.Type, reply.ID = protocol.TypeReply, id
	if err != nil {
		reply = protocol.Message{Type: protocol.TypeReply, ID: id, Error: err.Error(), Body: reply.Body}
	}
	w.Post(reply)
}
