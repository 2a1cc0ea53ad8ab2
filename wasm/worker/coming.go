package worker

import (
	"errors"
	"fmt"
	"time"

	"sae/nn/baseline"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// coming is the rest of a data set whose training images come while it is in use: they are
// read from its file, or drawn, when there is nothing else to do, or between batches. The
// images, their order and their number are known from the start; a run waits for those that
// it trains on. So what it gives does not depend on when they come.
type coming struct {
	Opened
	there  int // training images that are there
	summed int // those that are in the mean and in the checksum
	mean   *baseline.Mean
	told   time.Time // when the page was last told
}

// close ends the reading of the file, if any.
func (c *coming) close() {
	if c.Close != nil {
		c.Close()
	}
}

// sum adds the next n images to the mean and to the checksum.
func (c *coming) sum(d fit.Data, n int) {
	n = min(n, c.there-c.summed)
	c.mean.Add(d.Train[c.summed*d.Dims:][:n*d.Dims])
	c.summed += n
	d.Digest(c.summed)
}

// arrived tells what is there.
func (c *coming) arrived(d fit.Data) protocol.Arrived {
	arrived := protocol.Arrived{Images: c.there}
	if c.summed*d.Dims == len(d.Train) {
		quality := c.mean.Quality()
		arrived.All, arrived.MeanBCE, arrived.MeanMSE, arrived.Checksum = true, quality.BCE, quality.MSE, d.Fingerprint().Checksum
	}
	return arrived
}

// lacks reports whether some of the first n training images are yet to come.
func (w *Worker) lacks(n int) bool { return w.coming.Dataset != nil && w.coming.there < n }

// more makes more of the data set, if its rest is yet to come, for about moreTime. It reports
// whether it did: not while the file has yet to arrive.
func (w *Worker) more() (did bool) {
	c := &w.coming
	for start := time.Now(); c.Dataset != nil && time.Since(start) < moreTime; did = true {
		if n := min(moreAtOnce, c.Train.Len()-c.there); n > 0 {
			if c.Arrived != nil && !c.Arrived(n) {
				break
			}
			if _, err := c.More(n); err != nil {
				w.spoilt(err)
				return true
			}
			c.there += n
		} else {
			c.sum(w.data, moreAtOnce)
		}
		if all := c.summed == c.Train.Len(); all || time.Since(c.told) >= frameInterval {
			c.told = time.Now()
			w.Post(protocol.New(protocol.TypeArrived, c.arrived(w.data)))
			if all {
				c.close()
				*c = coming{}
			}
		}
	}
	return did
}

// spoilt ends the use of a data set whose rest cannot be read.
func (w *Worker) spoilt(err error) {
	w.coming.close()
	w.coming, w.dataset = coming{}, nil
	w.endRun(errors.New("step: the data set could not be read"))
	w.Post(protocol.New(protocol.TypeArrived, protocol.Arrived{Error: fmt.Sprintf("%s: %v", w.loaded.Name, err)}))
}

// sign is how often the page hears of a worker that waits for a file.
const sign = 5 * time.Second

// complete waits until the whole data set is there.
func (w *Worker) complete() error {
	return w.wait(func() bool { return w.coming.Dataset != nil })
}

// wait waits while a data set lacks something that is yet to come. Pings and pauses work
// meanwhile.
func (w *Worker) wait(lacking func() bool) error {
	for lacking() {
		if !w.more() {
			select {
			case <-w.wake:
			case <-time.After(sign):
				w.Post(protocol.New(protocol.TypeArrived, w.coming.arrived(w.data)))
			}
		}
		w.turn()
		w.attend()
	}
	if w.dataset == nil {
		return errors.New("the data set could not be read")
	}
	return nil
}
