package worker

import (
	"errors"
	"fmt"

	"sae/wasm/protocol"
)

// when tells when a command is carried out that arrives while the worker computes.
type when int

const (
	atOnce    when = iota // in the middle of a step, but not of exporting or saving a model
	always                // in the middle of that too
	afterStep             // when the step is over: it needs the model as it is then
	instead               // the step, and its run, end for it
)

// commands are those of the page, by name: when each is carried out, and how.
var commands map[protocol.Type]command

func init() { // handlers attend to other commands
	commands = map[protocol.Type]command{
		protocol.TypePing: on(always, (*Worker).ping),
		protocol.TypeSeen: on(always, (*Worker).seen),

		protocol.TypeLoad:      on(atOnce, (*Worker).load),
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
		protocol.TypeMap:         on(afterStep, (*Worker).codeMap),
		protocol.TypeUnusual:     on(afterStep, (*Worker).unusual),
		protocol.TypePCA:         on(afterStep, (*Worker).pca),

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

// command is how a command is carried out.
type command struct {
	when   when
	handle func(*Worker, protocol.Message) (protocol.Message, error)
}

// nothing is the body of a command that has none.
type nothing = struct{}

// on returns a command whose body is a Body. handle gets that and the message, and
// returns the reply, or unanswered.
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

// unanswered is returned for a command that has no reply, or gets it later.
var unanswered = errors.New("worker: no reply yet")

// driving returns the handler of a command that changes what the run does. It is
// answered when the run rests, and tells where the run is then; but that of a step when
// its batch is done.
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

// attend carries out the waiting commands up to the first that interrupts or
// has to wait.
func (w *Worker) attend() error {
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

// handle carries out a command and replies.
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
