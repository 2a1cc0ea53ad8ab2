package state

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
	"sae/web/lesson"
)

// Every language has the text of every step and event, and settings are ones
// that there are.
func TestLessonIsComplete(t *testing.T) {
	files, err := filepath.Glob("../lesson/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no lesson: %v", err)
	}
	for _, file := range files {
		code := strings.TrimSuffix(filepath.Base(file), ".json")
		text := lesson.For(code)
		if text.Code != code || text.Language == "" || len(text.Steps) != len(lessonSteps) {
			t.Fatalf("%s: language %q, %d steps; want %d", file, text.Language, len(text.Steps), len(lessonSteps))
		}
		for i, step := range text.Steps {
			if step.ID != lessonSteps[i].id || step.Title == "" || len(step.Text) == 0 || step.Setup == "" || step.Hint == "" {
				t.Errorf("%s: step %d is %q and lacks something; want %q", file, i+1, step.ID, lessonSteps[i].id)
			}
			if len(step.Watch) != len(lessonSteps[i].events) {
				t.Errorf("%s: %s has %d things to watch for, want %d", file, step.ID, len(step.Watch), len(lessonSteps[i].events))
			}
			for _, event := range lessonSteps[i].events {
				if step.Watch[event.name] == "" {
					t.Errorf("%s: %s has no text for %q", file, step.ID, event.name)
				}
			}
		}
		page := New(nil, nil)
		page.Lesson.Text = text
		for i := range text.Steps {
			page.Lesson.Step = i
			step, watched := page.Lesson.Current()
			all := strings.Join(step.Text, " ") + step.Formula + step.Setup + step.Hint + step.Title
			for _, w := range watched {
				all += w.Text
			}
			if i := strings.IndexAny(all, "{}"); i >= 0 {
				t.Errorf("%s: unknown name at %q", file, all[i:min(len(all), i+20)])
			}
		}
	}
	for _, step := range lessonSteps {
		if _, err := experiment.Default().With(step.set); err != nil {
			t.Errorf("%s: %v", step.id, err)
		}
	}
	if text := lesson.For("xx-XX"); text.Code != "en" {
		t.Errorf("an unknown language has the lesson in %q, want en", text.Code)
	}
}

// Each event of the lesson happens in the state that its text describes, and not
// before.
func TestLessonEvents(t *testing.T) {
	page := func(step string) *Page {
		i := slices.IndexFunc(lessonSteps, func(s lessonStep) bool { return s.id == step })
		p := New(func(protocol.Message) {}, nil)
		p.Dataset.Dataset = protocol.Dataset{Train: 1000, MeanBCE: 0.69, MeanMSE: 0.05}
		settings, err := p.Settings.With(lessonSteps[i].set)
		if err != nil {
			t.Fatal(err)
		}
		p.Settings, p.Lesson.Open, p.Lesson.Step = settings, true, i
		p.Initial = &protocol.Evaluation{ValLoss: 0.7, ValBCE: 0.7, Active: 40, Dead: 1}
		return p
	}
	epoch := func(p *Page, e protocol.Evaluation) {
		p.Epoch++
		p.History = append(p.History, protocol.Epoch{Epoch: p.Epoch, Evaluation: e})
	}
	earlier := func(p *Page, lambda float64, e protocol.Evaluation) {
		settings := p.Settings
		settings.Lambda = lambda
		p.Runs.Kept = append(p.Runs.Kept, Run{Result: fit.Result{Settings: settings, Evaluation: e}})
	}
	done := func(p *Page) { p.Status = protocol.StatusDone }
	withoutAux := func(p *Page, dead int) {
		settings := p.Settings
		settings.Aux = 0
		p.Runs.Kept = append(p.Runs.Kept, Run{Result: fit.Result{Settings: settings, Evaluation: protocol.Evaluation{Dead: dead}}})
	}
	for _, c := range []struct {
		step, event string
		happen      func(*Page)
	}{
		{"autoencoder", "mean", func(p *Page) { epoch(p, protocol.Evaluation{ValLoss: 0.68}) }},
		{"autoencoder", "select", func(p *Page) { p.Pictures.Selected = 3 }},
		{"autoencoder", "done", done},
		{"sparse", "half", func(p *Page) { epoch(p, protocol.Evaluation{Active: 31}) }},
		{"sparse", "done", done},
		{"sparse", "overlay", func(p *Page) {
			run := Run{Shown: true}
			run.Settings.Experiment = 1
			p.Runs.Kept = append(p.Runs.Kept, run)
		}},
		{"lambda", "done", done},
		{"lambda", "fewer", func(p *Page) {
			earlier(p, 1e-5, protocol.Evaluation{Active: 30})
			epoch(p, protocol.Evaluation{Active: 12})
			done(p)
		}},
		{"lambda", "cost", func(p *Page) {
			earlier(p, 1e-5, protocol.Evaluation{PSNR: 18})
			epoch(p, protocol.Evaluation{PSNR: 16})
			done(p)
		}},
		{"dead", "first", func(p *Page) { epoch(p, protocol.Evaluation{Dead: 2}) }},
		{"dead", "quarter", func(p *Page) { epoch(p, protocol.Evaluation{Dead: 16}) }},
		{"dead", "open", func(p *Page) { p.Epoch, p.Timeline.Units.Activity, p.Features.Unit = 1, []float32{0.5, 0}, 1 }},
		{"features", "unit", func(p *Page) { p.Epoch, p.Timeline.Units.Activity, p.Features.Unit = 1, []float32{0.5, 0}, 0 }},
		{"features", "slider", func(p *Page) { p.Explorer.Code, p.Explorer.Encoded = []float32{1}, []float32{2} }},
		{"features", "map", func(p *Page) { p.Map.Points = []float32{1, 2} }},
		{"pca", "line", func(p *Page) { p.Loss.ShowPCA = true }},
		{"pca", "below", func(p *Page) { epoch(p, protocol.Evaluation{ValBCE: 0.56}) }},
		{"pca", "dense", func(p *Page) { epoch(p, protocol.Evaluation{Active: 64}) }},
		{"topk", "exact", func(p *Page) { epoch(p, protocol.Evaluation{Active: 32}) }},
		{"topk", "below", func(p *Page) { epoch(p, protocol.Evaluation{ValMSE: 0.02}) }},
		{"topk", "built", func(p *Page) { p.Epoch, p.View, p.Explorer.Built.Counts = 1, ViewExplore, []int{0, 32} }},
		{"shrink", "sparse", func(p *Page) { epoch(p, protocol.Evaluation{Active: 40}) }},
		{"shrink", "pale", func(p *Page) {
			p.Timeline.live.Samples.Samples = protocol.Samples{Images: []int{0}, Originals: []byte{0, 200}, Reconstructions: []byte{20, 180}}
			done(p)
		}},
		{"shrink", "error", func(p *Page) {
			topk, err := p.Settings.With(map[string]string{"sparsity": "topk", "k": "32"})
			if err != nil {
				t.Fatal(err)
			}
			p.Runs.Kept = append(p.Runs.Kept, Run{Result: fit.Result{Settings: topk, Evaluation: protocol.Evaluation{ValMSE: 0.008}}})
			epoch(p, protocol.Evaluation{ValMSE: 0.017})
			done(p)
		}},
		{"cure", "die", func(p *Page) { withoutAux(p, 40); epoch(p, protocol.Evaluation{}); done(p) }},
		{"cure", "cured", func(p *Page) { withoutAux(p, 40); epoch(p, protocol.Evaluation{Dead: 20}); done(p) }},
		{"cure", "density", func(p *Page) { p.View = ViewFeatures; done(p) }},
		{"patches", "edges", func(p *Page) { p.Epoch, p.View = 1, ViewFeatures }},
		{"patches", "alive", func(p *Page) { epoch(p, protocol.Evaluation{Dead: 25}) }},
		{"patches", "unit", func(p *Page) { p.Epoch, p.Timeline.Units.Activity, p.Features.Unit = 1, []float32{0.5, 0}, 0 }},
	} {
		p := page(c.step)
		if c.step == "pca" {
			quality := p.Loss.pcas[p.Loss.pcaSize()]
			quality.BCE = 0.57
			p.Loss.pcas[p.Loss.pcaSize()] = quality
		}
		key := c.step + "/" + c.event
		p.Lesson.Observe()
		if _, seen := p.Lesson.Seen[key]; seen {
			t.Errorf("%s is seen before it happens", key)
		}
		c.happen(p)
		settings := p.Settings
		p.Settings.Seed++ // still the same experiment
		p.Settings.Lambda += 0.5
		p.Lesson.Observe()
		if _, seen := p.Lesson.Seen[key]; seen {
			t.Errorf("%s is seen with other settings than those of the step", key)
		}
		p.Settings = settings
		p.Lesson.Observe()
		if _, seen := p.Lesson.Seen[key]; !seen {
			t.Errorf("%s is not seen", key)
		}
	}
}

// The contrast of reconstructions is 1 where no factor would improve them, whatever else is wrong
// with them, and less where they are pale.
func TestContrast(t *testing.T) {
	for want, reconstruction := range map[float64][]byte{1: {0, 200, 0, 200}, 0.5: {50, 150, 50, 150}, 0: {100, 100, 100, 100}} {
		s := Samples{Samples: protocol.Samples{Images: []int{0, 1}, Originals: []byte{0, 200, 0, 200}, Reconstructions: reconstruction}}
		if got := s.Contrast(); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v have a contrast of %g, want %g", reconstruction, got, want)
		}
	}
	// Detail that is missing is no lack of contrast: the means of pairs are a projection.
	s := Samples{Samples: protocol.Samples{Images: []int{0}, Originals: []byte{0, 40, 160, 200}, Reconstructions: []byte{20, 20, 180, 180}}}
	if got := s.Contrast(); math.Abs(got-1) > 1e-9 {
		t.Errorf("a projection has a contrast of %g, want 1", got)
	}
	if got := (Samples{}).Contrast(); got != 0 {
		t.Errorf("no pictures have a contrast of %g", got)
	}
}

// The step about AuxK trains a run without it first.
func TestLessonTrainsTwice(t *testing.T) {
	var configured []experiment.Settings
	p := New(func(m protocol.Message) {
		if configure, err := protocol.Decode[protocol.Configure](m); err == nil && m.Type == protocol.TypeConfigure {
			configured = append(configured, configure.Settings)
		}
	}, nil)
	p.Dataset.Dataset = protocol.Dataset{Train: 1000}
	p.Status = protocol.StatusIdle
	p.Lesson.Turn(slices.IndexFunc(lessonSteps, func(s lessonStep) bool { return s.id == "cure" }))
	p.Lesson.SetUp()
	p.Series.next()
	if len(configured) != 2 || configured[0].Aux != 0 || configured[1].Aux != 8 {
		t.Fatalf("trained %+v, want without AuxK, then with it", configured)
	}
	if configured[0].Aux = 8; configured[0] != configured[1] {
		t.Errorf("%+v and %+v differ in more than AuxK", configured[0], configured[1])
	}
}
