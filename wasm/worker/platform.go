package worker

import (
	"io"

	"sae/data"
	"sae/wasm/protocol"
)

// Platform is what the worker needs from the browser.
type Platform struct {
	Page
	Storage
	Team
	Kernel string // name of the kernels in use
	Stride int    // of an nn.Trainer with them
	Cores  int    // workers that the machine can run at once
}

// Page is what the worker works for.
type Page interface {
	// Post sends it a message.
	Post(protocol.Message)
	// Turn lets waiting events be delivered, such as its messages.
	Turn()
}

// Storage holds data sets, files of the user and runs that are saved.
type Storage interface {
	// Open returns the data set that a load command asks for, and whether
	// the browser keeps it for the next visit.
	Open(load protocol.Load, file any, progress func(protocol.Loading)) (dataset *data.Dataset, kept bool, err error)
	// NewFile returns a file with what write writes, to be posted.
	NewFile(write func(io.Writer) error) (file any, err error)
	// OpenFile returns the content of a file that was posted, and its size in bytes.
	OpenFile(file any) (content io.ReadCloser, size int64, err error)

	// Save stores what write writes under the slot that about names, in the place
	// of what was there, which stays where that fails.
	Save(about protocol.Save, write func(io.Writer) error) error
	// Saved returns what is saved under a slot, the newest first.
	Saved(slot string) ([]SavedRun, error)
	// Left returns the runs that pages which are gone have left, the newest first,
	// and forgets those that there are too many. own is the slot of this page. It
	// may take a second and is called from a goroutine of its own.
	Left(own string) []protocol.Save
	// Discard forgets what is saved under a slot.
	Discard(slot string) error
}

// SavedRun is what is saved under a slot.
type SavedRun struct {
	protocol.Save
	File any // for OpenFile: a checkpoint
}

// Team is the workers that train with this one, or that it trains with.
type Team interface {
	// Recruit starts workers, or ends those that there are too many, so that
	// there are n beside this one, and all of them alive. It does not wait for
	// them: Recruited tells whether all are ready, Wake that to ask again.
	Recruit(n int) error
	Recruited() bool
	// Lost returns why a worker that was recruited has ended, "" where all live.
	Lost() string
	// Assemble connects the workers that are ready with each other and with this
	// one, the first of the team, and has them join it.
	Assemble(join protocol.Join)

	// Connect makes the ports that came with TypeJoin those to the other members.
	Connect(ports any)
	// Send hands data to another member.
	Send(to int, data []byte)
	// Receive fills data with what another member sent next and reports
	// whether that is there. If not, it arranges for Wake when it is.
	Receive(from int, data []byte) bool
}
