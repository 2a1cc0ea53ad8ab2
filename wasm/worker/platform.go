package worker

import (
	"io"

	"sae/data"
	"sae/nn"
	"sae/nn/fit"
	"sae/wasm/pictures"
	"sae/wasm/protocol"
)

// Platform is what the worker needs from the browser.
type Platform struct {
	Page
	Storage
	Team
	Graphics
	Kernel string // name of the kernels in use
	Stride int    // of an nn.Trainer with these kernels; 0 for its default
	Cores  int    // number of workers that the machine can run in parallel
}

// Page is the page that the worker belongs to.
type Page interface {
	// Post sends a message to the page.
	Post(protocol.Message)
	// Turn lets the event loop deliver pending events, such as the page's messages.
	Turn()
}

// Storage reads data sets and users' files, and stores saved runs.
type Storage interface {
	// Open returns the data set of a load command. It ends with the error of progress.
	Open(load protocol.Load, file any, progress func(protocol.Loading) error) (Opened, error)
	// Forget deletes a data set that is stored for the next visit, unless another page has
	// stored another one since.
	Forget(*data.Dataset) error
	// NewFile returns a file, for a message, with what write writes.
	NewFile(write func(io.Writer) error) (file any, err error)
	// OpenFile returns the content of a message's file, and its size in bytes.
	OpenFile(file any) (content io.ReadCloser, size int64, err error)

	// Save stores what write writes under about.Slot. It replaces the slot's earlier
	// save, which stays if Save fails.
	Save(about protocol.Save, write func(io.Writer) error) error
	// Saved returns the saves of a slot, newest first.
	Saved(slot string) ([]SavedRun, error)
	// Left returns the saves of pages that are closed, newest first, and deletes the
	// oldest if there are too many. own is the slot of this page. Left may take
	// seconds, and is called in its own goroutine.
	Left(own string) []protocol.Save
	// Discard deletes the saves of a slot.
	Discard(slot string) error
}

// Opened is a data set that was opened.
type Opened struct {
	*data.Dataset
	File    any    // with it in the compact format; nil if it is not the user's
	Kept    bool   // whether it is stored for the next visit
	Unkept  string // as in protocol.Dataset
	Skipped pictures.List

	// Of a file that is read while its data set is in use; nil for others:
	Arrived func(images int) bool // whether More need not wait for that many; the worker is woken when more have arrived
	Close   func()                // ends the reading
}

// Graphics gives the worker the graphics card.
type Graphics interface {
	// Card opens the graphics card. An error says why there is none.
	Card() (Card, error)
}

// Card is a graphics card that can train.
type Card interface {
	// About returns the card's name, for people, its Kernel of a fit.Checkpoint, and
	// whether the processor only imitates it.
	About() (name, kernel string, software bool)
	// Engine returns an engine for the autoencoder, as nn.NewTrainer leaves it, on the card,
	// and a function that frees its memory. Engine and the engine's calls call yield, and
	// return its errors. Other errors of Engine say why the card cannot train the network.
	Engine(auto *nn.Autoencoder, adam nn.Adam, batch int, source fit.Source, yield func() error) (engine fit.Engine, free func(), err error)
}

// SavedRun is a saved run.
type SavedRun struct {
	protocol.Save
	File any // for OpenFile: a checkpoint
}

// Team is the team of which this worker is a member.
type Team interface {
	// Recruit starts or ends workers, so that there are n besides this one. It does
	// not wait until they are ready.
	Recruit(n int) error
	// Recruited reports whether all workers are ready. The worker is woken when that
	// changes.
	Recruited() bool
	// Lost returns why a recruited worker has ended, "" if none has.
	Lost() string
	// Assemble connects the workers with each other and with this one, which is the
	// first member, and makes them join the team.
	Assemble(join protocol.Join)

	// Connect sets the ports to the other members, which came with TypeJoin.
	Connect(ports any)
	// Send sends data to another member.
	Send(to int, data []byte)
	// Receive stores the next data from another member and reports whether they have
	// arrived. If not, the worker is woken when they do.
	Receive(from int, data []byte) bool
}
