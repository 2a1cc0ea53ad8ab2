package state

import (
	"slices"

	"sae/nn/experiment"
	"sae/wasm/protocol"
)

// Series trains a series of runs, one after the other. Training.queue has the rest of it.
type Series struct {
	training *Training
	form     *Form
	messages *Messages
	changed  func(event string)
}

// Sweep trains a run for each value of λ, or of k with TopK, from the largest to the
// smallest. The current value comes last, so that its model stays. A change of the settings,
// the data set or the run ends the series.
func (s *Series) Sweep() {
	name, settings := s.training.Sparsity(), s.training.Settings
	field, _ := experiment.Lookup(name)
	current := field.Format(settings)
	var runs []map[string]string
	for _, notch := range slices.Backward(field.Notches) {
		value := experiment.FormatLambda(notch)
		if value != current && (name != "k" || int(notch) <= settings.Latent) {
			runs = append(runs, map[string]string{name: value})
		}
	}
	s.start(append(runs, map[string]string{name: current}))
}

// Experiments trains experiments 1, 2 and 3 one after the other.
func (s *Series) Experiments() {
	s.start([]map[string]string{{"experiment": "1"}, {"experiment": "2"}, {"experiment": "3"}})
}

func (s *Series) start(runs []map[string]string) {
	if s.training.Status == StatusLoading || s.form.misfilled() {
		return
	}
	s.training.queue = &protocol.Queue{Runs: runs, Total: len(runs)}
	s.next()
}

// Stop ends the series; the run under way stays.
func (s *Series) Stop() {
	s.training.queue = nil
	s.training.adjust(Ignore)
	s.changed("state")
}

// At returns the number of the current run, from 1, and the total; 0 without a series.
func (s *Series) At() (run, total int) {
	if s.training.queue == nil {
		return 0, 0
	}
	return s.training.queue.Total - len(s.training.queue.Runs), s.training.queue.Total
}

// next starts the next run of the series.
func (s *Series) next() {
	q := s.training.queue
	if q == nil || len(q.Runs) == 0 {
		s.training.queue = nil
		return
	}
	settings, asked, err := s.training.with(q.Runs[0])
	q.Runs = q.Runs[1:]
	if err != nil { // another version of this page saved the series
		s.training.queue = nil
		s.messages.tell(aboutRun, "The series of runs ended", err.Error()+". Start it again under Compare.")
		return
	}
	s.messages.over(aboutRun, aboutSettings)
	s.training.fit(settings, asked)
	s.training.Status = protocol.StatusIdle
	s.training.newRun(Ignore)
	s.training.Play(Ignore)
}
