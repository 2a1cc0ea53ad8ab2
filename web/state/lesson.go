package state

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"sae/nn/experiment"
	"sae/wasm/protocol"
	"sae/web/lesson"
)

// Lesson is the lesson next to the demo. It observes the whole page.
type Lesson struct {
	page *Page

	Text   lesson.Text
	Open   bool
	Folded bool           // whether only its first line is shown where there is no room beside the demo
	Step   int            // shown, from 0
	Seen   map[string]int // epochs in which events happened, by "step/event"
}

// lessonStep is a step of the lesson: what it sets, and the events that it then observes.
type lessonStep struct {
	id     string
	set    map[string]string
	pca    bool              // whether it shows principal components
	first  map[string]string // settings of a run that it trains first; nil for none
	events []lessonEvent
}

type lessonEvent struct {
	name     string
	happened func(*Page) bool
}

// lessonSteps are the steps of the lesson; lesson.Text has their texts.
var lessonSteps = []lessonStep{
	{"autoencoder", map[string]string{"experiment": "1", "latent": "64"}, false, nil, []lessonEvent{
		{"mean", func(p *Page) bool {
			latest, _ := p.Latest()
			return p.Epoch > 0 && latest.ValBCE < p.Dataset.MeanBCE
		}},
		{"select", func(p *Page) bool { return p.Pictures.Selected != 0 }},
		{"done", finishedRun},
	}},
	{"sparse", map[string]string{"experiment": "2", "latent": "64", "lambda": "1e-5"}, false, nil, []lessonEvent{
		{"half", func(p *Page) bool {
			latest, _ := p.Latest()
			return p.Epoch > 0 && latest.Active < float64(p.Settings.Latent)/2
		}},
		{"done", finishedRun},
		{"overlay", func(p *Page) bool {
			return slices.ContainsFunc(p.Runs.Kept, func(r Run) bool { return r.Shown && r.Settings.Experiment == 1 })
		}},
	}},
	{"lambda", map[string]string{"experiment": "2", "latent": "64", "lambda": "1e-4"}, false, nil, []lessonEvent{
		{"done", finishedRun},
		{"fewer", func(p *Page) bool {
			return comparedWithSmallerLambda(p, func(now, before protocol.Evaluation) bool { return now.Active < before.Active })
		}},
		{"cost", func(p *Page) bool {
			return comparedWithSmallerLambda(p, func(now, before protocol.Evaluation) bool { return now.PSNR < before.PSNR })
		}},
	}},
	{"dead", map[string]string{"experiment": "2", "latent": "64", "lambda": "2e-4"}, false, nil, []lessonEvent{
		{"first", func(p *Page) bool {
			latest, _ := p.Latest()
			return p.Initial != nil && latest.Dead > p.Initial.Dead
		}},
		{"quarter", func(p *Page) bool {
			latest, _ := p.Latest()
			return p.Epoch > 0 && 4*latest.Dead >= p.Settings.Latent
		}},
		{"open", func(p *Page) bool { return opened(p, func(activity float32) bool { return activity == 0 }) }},
	}},
	{"features", map[string]string{"experiment": "3", "latent": "64", "lambda": "1e-5"}, false, nil, []lessonEvent{
		{"unit", func(p *Page) bool { return opened(p, func(activity float32) bool { return activity > 0 }) }},
		{"slider", func(p *Page) bool {
			return len(p.Explorer.Code) > 0 && !slices.Equal(p.Explorer.Code, p.Explorer.Encoded)
		}},
		{"map", func(p *Page) bool { return len(p.Map.Points) > 0 }},
	}},
	{"pca", map[string]string{"experiment": "4", "latent": "16"}, true, nil, []lessonEvent{
		{"line", func(p *Page) bool { _, ok := p.Loss.PCA(); return ok && p.Loss.ShowPCA }},
		{"below", func(p *Page) bool {
			quality, ok := p.Loss.PCA()
			latest, _ := p.Latest()
			return ok && p.Epoch > 0 && latest.ValBCE < quality.BCE
		}},
		{"dense", func(p *Page) bool {
			latest, _ := p.Latest()
			return p.Epoch > 0 && latest.Active > float64(p.Settings.Latent)-0.5
		}},
	}},
	{"topk", map[string]string{"experiment": "5", "sparsity": "topk", "latent": "128", "k": "32", "aux": "8", "batch": "64", "epochs": "6"}, false, nil, []lessonEvent{
		{"exact", func(p *Page) bool {
			latest, _ := p.Latest()
			return p.Epoch > 0 && math.Abs(latest.Active-float64(p.Settings.K)) < 0.01
		}},
		{"below", func(p *Page) bool {
			latest, _ := p.Latest()
			return p.Epoch > 0 && 2*latest.ValMSE < p.Dataset.MeanMSE
		}},
		{"built", func(p *Page) bool { return p.Epoch > 0 && p.View == ViewExplore && len(p.Explorer.Built.Counts) > 1 }},
	}},
	{"shrink", map[string]string{"experiment": "5", "sparsity": "l1", "latent": "128", "k": "0", "aux": "0", "lambda": "1e-3", "batch": "64", "epochs": "6"}, false, nil, []lessonEvent{
		{"sparse", func(p *Page) bool {
			latest, _ := p.Latest()
			return p.Epoch > 0 && latest.Active < float64(p.Settings.Latent)/2
		}},
		{"pale", func(p *Page) bool { return finishedRun(p) && p.Timeline.live.Samples.Contrast() < 0.9 }},
		{"error", func(p *Page) bool {
			latest, _ := p.Latest()
			return finishedRun(p) && slices.ContainsFunc(p.Runs.Kept, func(r Run) bool {
				return r.Settings.Sparsity == experiment.TopK && r.Settings.Patch == 0 && r.Settings.Latent == p.Settings.Latent && r.ValMSE < latest.ValMSE
			})
		}},
	}},
	{"cure", cure("8"), false, cure("0"), []lessonEvent{
		{"die", func(p *Page) bool {
			return comparedWithoutAux(p, func(_, before protocol.Evaluation) bool { return 4*before.Dead > p.Settings.Latent })
		}},
		{"cured", func(p *Page) bool {
			return comparedWithoutAux(p, func(now, before protocol.Evaluation) bool { return now.Dead < before.Dead })
		}},
		{"density", func(p *Page) bool { return finishedRun(p) && p.View == ViewFeatures }},
	}},
	{"patches", map[string]string{"experiment": "6", "patch": "8", "latent": "512", "k": "8", "aux": "0.03125", "batch": "256", "epochs": "3"}, false, nil, []lessonEvent{
		{"edges", func(p *Page) bool { return p.Epoch > 0 && p.View == ViewFeatures }},
		{"alive", func(p *Page) bool {
			latest, _ := p.Latest()
			return p.Epoch > 0 && 20*latest.Dead <= p.Settings.Latent
		}},
		{"unit", func(p *Page) bool { return opened(p, func(activity float32) bool { return activity > 0 }) }},
	}},
}

// cure returns the settings of the step about AuxK, whose first run is without it.
func cure(aux string) map[string]string {
	return map[string]string{"experiment": "5", "sparsity": "topk", "latent": "128", "k": "8", "aux": aux, "batch": "16", "epochs": "4"}
}

func finishedRun(p *Page) bool { return p.Status == protocol.StatusDone }

// comparedWithoutAux reports whether compares holds for the finished run and a kept run
// without AuxK that is otherwise the same.
func comparedWithoutAux(p *Page, compares func(now, before protocol.Evaluation) bool) bool {
	latest, ok := p.Latest()
	return ok && finishedRun(p) && slices.ContainsFunc(p.Runs.Kept, func(r Run) bool {
		same := r.Settings
		same.Aux, same.Experiment = p.Settings.Aux, p.Settings.Experiment
		return r.Settings.Aux == 0 && sameRun(same, p.Settings) && compares(latest, r.Evaluation)
	})
}

// comparedWithSmallerLambda reports whether compares holds for the finished run and a kept
// run that has a smaller λ and is otherwise the same.
func comparedWithSmallerLambda(p *Page, compares func(now, before protocol.Evaluation) bool) bool {
	latest, ok := p.Latest()
	return ok && finishedRun(p) && slices.ContainsFunc(p.Runs.Kept, func(r Run) bool {
		same := r.Settings
		same.Lambda, same.Experiment = p.Settings.Lambda, p.Settings.Experiment
		return r.Settings.Lambda < p.Settings.Lambda && sameRun(same, p.Settings) && compares(latest, r.Evaluation)
	})
}

// opened reports whether a unit is open whose activity, a share of the pictures, satisfies
// is.
func opened(p *Page, is func(activity float32) bool) bool {
	unit := p.Features.Unit
	return unit >= 0 && unit < len(p.Timeline.Units.Activity) && p.Epoch > 0 && is(p.Timeline.Units.Activity[unit])
}

// Speak sets the language by a tag such as "en-GB".
func (l *Lesson) Speak(tag string) { l.Text = lesson.For(tag) }

// Switch opens or closes the lesson.
func (l *Lesson) Switch() { l.Open = !l.Open }

// Fold shows the whole step, or only the first line of it.
func (l *Lesson) Fold() { l.Folded = !l.Folded }

// Turn shows another step of the lesson, from 0.
func (l *Lesson) Turn(step int) {
	l.Step, l.Folded = max(0, min(step, len(lessonSteps)-1)), false
}

// Contrast returns a dead unit and the one that is active most often, for the step about
// dead units; ok is false in other steps and while there are not both.
func (l *Lesson) Contrast() (dead, live int, ok bool) {
	activity := l.page.Timeline.Units.Activity
	if lessonSteps[l.Step].id != "dead" || !l.page.Trained() || len(activity) == 0 {
		return 0, 0, false
	}
	dead, live = slices.Index(activity, 0), slices.Index(activity, slices.Max(activity))
	return dead, live, dead >= 0 && activity[live] > 0
}

// SetUp applies the settings of the step, and trains. Where there is little room, it leaves
// that to the pictures.
func (l *Lesson) SetUp() {
	if l.page.Form.misfilled() {
		return
	}
	l.Folded = true
	step := lessonSteps[l.Step]
	if step.first != nil {
		l.page.Series.start([]map[string]string{step.first, step.set})
		return
	}
	l.page.Set(step.set, func(bool, error) {})
	if step.pca {
		l.page.Loss.SwitchPCA(true)
	}
	if l.page.Status == protocol.StatusIdle || l.page.Status == protocol.StatusPaused {
		l.page.Play(Ignore)
	}
}

// Observe records the events of the step. It is called before every render.
func (l *Lesson) Observe() {
	if !l.Open || l.page.Dataset.Train == 0 {
		return
	}
	step := lessonSteps[l.Step]
	if settings, err := l.page.Settings.With(step.set); err != nil || settings != l.page.Settings {
		return // the run is not that of the step
	}
	for _, event := range step.events {
		key := step.id + "/" + event.name
		if _, seen := l.Seen[key]; !seen && event.happened(l.page) {
			if l.Seen == nil {
				l.Seen = map[string]int{}
			}
			l.Seen[key] = l.page.Epoch
		}
	}
}

// Watched is an event that a step says to watch for.
type Watched struct {
	Text  string
	Seen  bool
	Epoch int // in which it happened
}

// Current returns the step that is shown, with numbers filled in, and its events.
func (l *Lesson) Current() (step lesson.Step, watched []Watched) {
	fill := l.filler()
	step = l.Text.Steps[l.Step]
	step.Text = slices.Clone(step.Text)
	for i, text := range step.Text {
		step.Text[i] = fill.Replace(text)
	}
	for _, event := range lessonSteps[l.Step].events {
		epoch, seen := l.Seen[step.ID+"/"+event.name]
		watched = append(watched, Watched{fill.Replace(step.Watch[event.name]), seen, epoch})
	}
	return step, watched
}

func (l *Lesson) filler() *strings.Replacer {
	mean := "–"
	if l.page.Dataset.MeanBCE > 0 {
		mean = strconv.FormatFloat(l.page.Dataset.MeanBCE, 'f', 3, 64)
	}
	gamma := "–"
	if contrast := l.page.Timeline.live.Samples.Contrast(); contrast > 0 && l.page.Epoch > 0 {
		gamma = strconv.FormatFloat(contrast, 'f', 2, 64)
	}
	names := []string{"{meanBce}", mean, "{gamma}", gamma}
	for name, value := range lessonSteps[l.Step].set {
		names = append(names, "{"+name+"}", value)
	}
	return strings.NewReplacer(names...)
}
