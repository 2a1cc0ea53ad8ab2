package worker

import (
	"errors"
	"fmt"
	"io"
	"time"

	"sae/nn/fit"
	"sae/wasm/protocol"
)

const (
	// A run that changes is saved at this interval, or at a longer one if saving would
	// take more than saveShare of the time. A failed save is retried after saveRetry.
	saveInterval = 3 * time.Second
	saveShare    = 0.1
	saveRetry    = 30 * time.Second
	// maxSave is the size of the largest save, in bytes. A larger one would take
	// seconds, and much of the browser's storage quota.
	maxSave = 256 << 20
)

// position identifies a state of a run, to tell whether it was saved.
type position struct {
	epoch, batch, epochs int
	queue                *protocol.Queue
	notes                int
}

func (r *run) position() position {
	return position{r.Epoch, r.Batch, r.settings.Epochs, r.queue, r.noted}
}

// unsaved reports whether the run has changed since its last save. The page stores
// completed runs itself.
func (r *run) unsaved() bool {
	return r.Run != nil && !r.broken && r.status != protocol.StatusDone && r.Epoch+r.Batch > 0 && r.saved != r.position()
}

// toSave reports whether the run is to be saved, now or at nextSave.
func (w *Worker) toSave() bool {
	return w.slot != "" && w.run != nil && w.run.unsaved() && w.coming.Dataset == nil
}

// save saves the run if that is due, and reports whether it was.
func (w *Worker) save() bool {
	r := w.run
	if !w.toSave() || time.Now().Before(w.nextSave) {
		return false
	}
	start := time.Now()
	w.exporting = true
	defer func() { w.exporting = false }()
	var checkpoint *fit.Checkpoint
	err := r.Check() // a diverged model must not replace a good save
	if err == nil {
		checkpoint, err = r.Checkpoint(r.kernel)
	}
	if err != nil {
		r.fail(w, err)
		return true
	}
	saved := protocol.Saved{Run: r.number, Epoch: r.Epoch, Batch: r.Batch}
	if err := w.write(checkpoint); err != nil {
		saved.Error = err.Error()
		w.nextSave = time.Now().Add(saveRetry)
	} else {
		r.saved = r.position()
		now := time.Now()
		w.nextSave = now.Add(max(saveInterval, time.Duration(float64(now.Sub(start))/saveShare)))
	}
	w.Post(protocol.New(protocol.TypeSaved, saved))
	return true
}

// write saves a checkpoint of the run.
func (w *Worker) write(c *fit.Checkpoint) error {
	if size := 12 * len(c.Parameters); size > maxSave {
		return fmt.Errorf("the save would take %d MB: want a network of at most %d MB", size>>20, maxSave>>20)
	}
	return w.Save(protocol.Save{
		Slot:         w.slot,
		Time:         time.Now().UnixMilli(),
		Load:         w.loaded,
		Data:         c.Data,
		Settings:     c.Settings,
		Kernel:       c.Kernel,
		Epoch:        c.Epoch,
		Batch:        c.Batch,
		TrainSeconds: w.run.time.Seconds(),
		Queue:        w.run.queue,
	}, func(file io.Writer) error { return c.Write(attending{file, w}) })
}

// attending is a file that a model is exported or saved to. The worker attends to commands
// between two writes: a large model takes seconds.
type attending struct {
	io.Writer
	w *Worker
}

func (a attending) Write(buffer []byte) (int, error) {
	a.w.yield() // what replaces the run waits until the model is written
	return a.Writer.Write(buffer)
}

// wakeToSave makes the worker wake when saving is due.
func (w *Worker) wakeToSave() {
	if w.toSave() {
		w.saveTimer.Reset(time.Until(w.nextSave))
	}
}

// keep makes the worker save runs under a slot from now on.
func (w *Worker) keep(keep protocol.Keep, m protocol.Message) (protocol.Message, error) {
	if keep.Slot == "" {
		return protocol.Message{}, errors.New("keep: want the name of a slot")
	}
	w.slot = keep.Slot
	go func() { w.reply(m.ID, protocol.New("", protocol.Left{Saves: w.Left(keep.Slot)}), nil) }()
	return protocol.Message{}, unanswered
}

// saveNow makes saving due now.
func (w *Worker) saveNow(nothing, protocol.Message) (protocol.Message, error) {
	w.nextSave = time.Time{}
	return protocol.Message{}, unanswered
}

// discard deletes the saves of a slot.
func (w *Worker) discard(keep protocol.Keep, _ protocol.Message) (protocol.Message, error) {
	return protocol.Message{}, w.Discard(keep.Slot)
}

// resume replaces the run by a slot's newest save that is not damaged.
func (w *Worker) resume(command protocol.Resume, _ protocol.Message) (protocol.Message, error) {
	if w.dataset == nil {
		return protocol.Message{}, errors.New("resume: there is no data set; load one first")
	}
	if err := w.complete(); err != nil {
		return protocol.Message{}, fmt.Errorf("resume: %w", err)
	}
	runs, err := w.Saved(command.Slot)
	if err != nil {
		return protocol.Message{}, fmt.Errorf("resume: %w", err)
	}
	damage := errors.New("its save no longer exists")
	for _, saved := range runs {
		checkpoint, err := w.readCheckpoint(saved.File)
		if err != nil {
			damage = err
			continue
		}
		if checkpoint.Data != w.data.Fingerprint() {
			return protocol.Message{}, fmt.Errorf("resume: the data set in use is another: want %s with %d images, which it was trained on", checkpoint.Data.Name, checkpoint.Data.Train)
		}
		if command.LR > 0 {
			checkpoint.Settings.LR = command.LR
			checkpoint.Kernel = fit.Mixed
		}
		reply, err := w.adopt(checkpoint, command.Run, time.Duration(saved.TrainSeconds*float64(time.Second)))
		if err == nil {
			w.run.queue = command.Queue
			if command.Slot == w.slot && command.LR == 0 {
				w.run.saved = w.run.position()
			}
		}
		return reply, err
	}
	return protocol.Message{}, fmt.Errorf("resume: %w", damage)
}

func (w *Worker) readCheckpoint(file any) (*fit.Checkpoint, error) {
	content, _, err := w.OpenFile(file)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return fit.ReadCheckpoint(content)
}
