package ui

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/staticrender"

	"sae/nn"
	"sae/nn/analysis"
	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
	"sae/web/chart"
	"sae/web/state"
)

// session is a page with what its worker was told.
type session struct {
	*state.Page
	sent []protocol.Message
}

// begin returns a page whose worker has started and was asked for a data set.
func begin(sites ...string) *session {
	s := &session{}
	s.Page = state.New(func(m protocol.Message) { s.sent = append(s.sent, m) }, sites)
	s.Receive(protocol.New(protocol.TypeReady, protocol.Ready{Kernel: "go"}))
	return s
}

// last returns the last command of a type.
func (s *session) last(t protocol.Type) protocol.Message {
	for _, m := range slices.Backward(s.sent) {
		if m.Type == t {
			return m
		}
	}
	return protocol.Message{}
}

// visit returns a page with a data set and the untrained model.
func visit(source string) *session {
	s := begin()
	labels := make([]byte, 40)
	for i := range labels {
		labels[i] = byte(i % 10)
	}
	reply := protocol.New(protocol.TypeReply, protocol.Dataset{
		Name: "CIFAR-10", Provenance: "cifar-10-binary.tar.gz", Source: source, Train: 3728, Validation: len(labels),
		Classes: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
		MeanBCE: 0.6894, MeanMSE: 0.0617, Floor: 0.547, Labels: labels,
	})
	reply.ID = s.last(protocol.TypeLoad).ID
	s.Receive(reply)
	s.frame(protocol.Frame{Workers: 1,
		Status: protocol.StatusIdle, Batches: 30,
		Initial: &protocol.Evaluation{ValLoss: 0.6931, ValBCE: 0.693, ValMSE: 0.0724, FVU: 0.99, PSNR: 11.4, Active: 40.5},
	})
	return s
}

// frame sends a frame of the run under way with the pictures on show.
func (s *session) frame(frame protocol.Frame) {
	configure, _ := protocol.Decode[protocol.Configure](s.last(protocol.TypeConfigure))
	watch, _ := protocol.Decode[protocol.Watch](s.last(protocol.TypeWatch))
	n, latent := len(watch.Images), configure.Settings.Latent
	var labels []int
	for _, image := range watch.Images {
		labels = append(labels, image%10)
	}
	codes := make([]float32, n*latent)
	activity := make([]float32, latent)
	for unit := range latent - 1 { // the last unit is dead
		codes[unit], activity[unit] = 1, 0.5
	}
	classes := make([]float32, 10*latent)
	for unit := range latent - 1 {
		classes[10*unit+unit%10] = activity[unit] // each prefers one class
	}
	frame.Run = configure.Run
	frame.Samples = &protocol.Samples{
		Images: watch.Images, Labels: labels,
		Originals: make([]byte, 3072*n), Reconstructions: bytes.Repeat([]byte{51}, 3072*n), Codes: codes,
	}
	frame.Units = &analysis.Units{Images: 40,
		Mean: activity, Activity: activity, Center: activity, ByClass: classes,
		Histogram: analysis.Histogram{Shares: make([]float32, analysis.Bins), Zero: 0.587, Max: 3.4},
		Atoms:     bytes.Repeat([]byte{128}, 3072*latent),
	}
	s.Receive(protocol.New(protocol.TypeFrame, frame))
}

// train returns a page in the middle of its eighth epoch.
func train() *session {
	s := visit(protocol.SourceSite)
	s.Play(state.Ignore)
	var history []protocol.Epoch
	for epoch := range 7 {
		history = append(history, protocol.Epoch{Epoch: epoch + 1, Loss: 0.6, Evaluation: protocol.Evaluation{ValLoss: 0.5925, ValBCE: 0.5913, ValMSE: 0.01288, FVU: 0.19, PSNR: 18.9, Active: 26.4, Dead: 1}})
	}
	s.frame(protocol.Frame{Workers: 1,
		Status: protocol.StatusTraining, Epoch: 7, Batch: 18, Batches: 30, ImagesPerSecond: 1639.6, SecondsLeft: 75,
		Points: []protocol.Point{{Epoch: 7.5, Loss: 0.5869}}, Epochs: history,
	})
	return s
}

// slow returns a page that has trained on one batch, slowly.
func slow() *session {
	s := visit(protocol.SourceSite)
	layers := []nn.LayerStep{
		{Name: "encoder_1", Activation: nn.ReLU, Share: 0.5, Weights: 20, Gradient: 0.03, Update: 0.2},
		{Name: "encoder_2", Activation: nn.ReLU, Share: 0.75, Weights: 10, Gradient: 0.02, Update: 0.2},
		{Name: "latent", Activation: nn.ReLU, Share: 0.25, Weights: 10, Gradient: 0.06, Update: 0.3},
		{Name: "output", Activation: nn.Sigmoid, Share: 1, Weights: 30, Gradient: 0.01, Update: 0.1},
	}
	for i, units := range []int{512, 128, 64, 3072} {
		layers[i].Activations, layers[i].Updates = make([]float32, units), make([]float32, units)
	}
	configure, _ := protocol.Decode[protocol.Configure](s.last(protocol.TypeConfigure))
	s.Receive(protocol.New(protocol.TypeFrame, protocol.Frame{
		Run: configure.Run, Status: protocol.StatusPaused, Batch: 1, Batches: 30,
		Explained: &protocol.Explained{Epoch: 1, Batch: 1, Step: &nn.Explanation{
			Images: 128, Before: nn.Loss{BCE: 0.6931, L1: 0.001}, After: nn.Loss{BCE: 0.692, L1: 0.0009}, Active: 16, Rate: 0.001, Layers: layers,
		}},
	}))
	return s
}

// build builds the parts of the page, also those that are not shown.
func build(t *testing.T, root *Root) []*vugu.BuildResults {
	t.Helper()
	var results []*vugu.BuildResults
	for _, part := range root.Parts() {
		env, err := vugu.NewBuildEnv()
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, env.RunBuild(part.Root))
	}
	return results
}

func render(t *testing.T, root *Root) string {
	t.Helper()
	var html bytes.Buffer
	for _, results := range build(t, root) {
		if err := staticrender.New(&html).Render(results); err != nil {
			t.Fatal(err)
		}
	}
	return html.String()
}

// walk calls visit with every node of the page.
func walk(parts []*vugu.BuildResults, visit func(*vugu.VGNode)) {
	for _, results := range parts {
		var descend func(*vugu.VGNode)
		descend = func(n *vugu.VGNode) {
			for ; n != nil; n = n.NextSibling {
				if n.Component != nil {
					descend(results.ResultFor(n.Component).Out[0])
					continue
				}
				visit(n)
				descend(n.FirstChild)
			}
		}
		descend(results.Out.Out[0])
	}
}

// attribute returns an attribute of a node, or a property that stands for
// one, as text.
func attribute(n *vugu.VGNode, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	for _, p := range n.Prop {
		if p.Key == name {
			return strings.Trim(string(p.JSONVal), `"`)
		}
	}
	return ""
}

// find returns the first node with the given attribute, which must exist.
func find(t *testing.T, root *Root, name, value string) *vugu.VGNode {
	t.Helper()
	var found *vugu.VGNode
	walk(build(t, root), func(n *vugu.VGNode) {
		if found == nil && attribute(n, name) == value {
			found = n
		}
	})
	if found == nil {
		t.Fatalf("no element with %s=%q", name, value)
	}
	return found
}

// fire calls the handlers of a node for an event whose target has the given
// properties.
func fire(t *testing.T, n *vugu.VGNode, event string, target map[string]any) {
	t.Helper()
	for _, handler := range n.DOMEventHandlerSpecList {
		if handler.EventType == event {
			handler.Func(vugu.NewDOMEvent(nil, map[string]any{"target": target}))
			return
		}
	}
	t.Fatalf("<%s> does not listen to %s", n.Data, event)
}

// labelText returns the text of an element and its children.
func labelText(n *vugu.VGNode) (text string) {
	if n.InnerHTML != nil {
		text = *n.InnerHTML
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		text += child.Data + labelText(child)
	}
	return text
}

// press clicks the button with the given text.
func press(t *testing.T, root *Root, label string) {
	t.Helper()
	var button *vugu.VGNode
	walk(build(t, root), func(n *vugu.VGNode) {
		if n.Data == "button" && (n.FirstChild != nil && n.FirstChild.Data == label || n.InnerHTML != nil && *n.InnerHTML == label) {
			button = n
		}
	})
	if button == nil {
		t.Fatalf("no button %q", label)
	}
	fire(t, button, "click", nil)
}

// text strips the tags of HTML and joins what is left by single spaces.
func text(html string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(html, " ")), " ")
}

func TestStates(t *testing.T) {
	reading := func() *session {
		s := train()
		s.Dataset.UseFile("cifar-10-binary.tar.gz", nil, state.Ignore)
		s.Receive(protocol.New(protocol.TypeLoading, protocol.Loading{Stage: "Reading cifar-10-binary.tar.gz", Done: 41, Total: 100}))
		return s
	}
	paused := func() *session {
		s := train()
		s.Pause(state.Ignore)
		return s
	}
	done := func() *session {
		s := train()
		s.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Batches: 30})
		return s
	}
	failed := func() *session {
		s := train()
		for s.Status != protocol.StatusError { // it gives up after some
			s.frame(protocol.Frame{Workers: 1, Status: protocol.StatusError, Epoch: 7, Batch: 19, Batches: 30, Failure: "a worker was lost"})
		}
		return s
	}
	diverged := func() *session {
		s := train()
		s.frame(protocol.Frame{Workers: 1, Status: protocol.StatusError, Epoch: 7, Batch: 19, Batches: 30, Failure: "the loss is not a number after batch 229", Diverged: true})
		return s
	}
	unsaved := func() *session {
		s := train()
		s.Receive(protocol.New(protocol.TypeSaved, protocol.Saved{Run: 1, Error: "the disk is full"}))
		return s
	}
	offered := func() *session {
		s := begin()
		s.Saves.Under("slot")
		s.Receive(protocol.New(protocol.TypeReady, protocol.Ready{Kernel: "go"}))
		reply := protocol.New(protocol.TypeReply, protocol.Left{Saves: []protocol.Save{{
			Slot: "other", Time: time.Now().Add(-3 * time.Hour).UnixMilli(), Settings: experiment.Default(),
			Data: fit.Fingerprint{Name: "Synthetic"}, Kernel: "relaxed-simd", Epoch: 6, Batch: 12,
			Queue: &protocol.Queue{Runs: []map[string]string{{"lambda": "1e-5"}, {"lambda": "1e-6"}}, Total: 6},
		}}})
		reply.ID = s.last(protocol.TypeKeep).ID
		s.Receive(reply)
		return s
	}
	refused := func() *session {
		s := train()
		s.Form.Open = true
		s.Form.Edit("hidden", "512,,x")
		return s
	}
	excess := func() *session {
		s := train()
		s.Loss.ShowLog(true)
		return s
	}
	shuffled := func() *session {
		s := train()
		s.Pictures.Others()
		return s
	}
	for _, test := range []struct {
		name       string
		page       *session
		want, lack []string // of the page's text
		attributes []string // of its elements
	}{
		{
			"loading", begin(),
			[]string{"Epoch 0 of 20 batch –", "– images/s", "Opening", "3,072 in 512 hidden 128 hidden 64 code 3,072 out", "Loading the data set"},
			[]string{"The network and the"},
			[]string{`disabled aria-label="Step"`, `disabled aria-label="Show the code of picture 1"`},
		},
		{
			"first visit", visit(protocol.SourceSite),
			[]string{"1 Base 2 L1 sparsity 3 Mirrored decoder 4 Tuned", "Train Lesson Epoch 0 of 20 batch 0 of 30", "1 worker · plain Go", "grey before training",
				"from the first batch on", "Validation 0.6931 Training – Above lowest 0.1460 MSE 0.0724 FVU 0.990 PSNR 11.4 dB", "The network and the airplane", "63 of 64 units active",
				"How the 64 units of the latent layer respond to the 40 validation pictures.", "3,728", "0.5470 nats", "make data"},
			[]string{"Pause", "Opening"},
			[]string{`hidden class="badge"`, `hidden aria-label="First pictures"`, `hidden class="notice"`},
		},
		{
			"synthetic", visit(protocol.SourceSynthetic),
			[]string{"Built-in pictures · use CIFAR-10 validation pictures, never trained on"},
			nil,
			[]string{`href="#data" class="badge"`},
		},
		{
			"training", train(),
			[]string{"Pause Lesson Epoch 7 of 20 batch 18 of 30", "1,640 images/s 1:15 left", "Validation 0.5925 Training 0.5869 Above lowest 0.0443 MSE 0.0129 FVU 0.190 PSNR 18.9 dB",
				"too dark −0.5 +0.5 too light", "14.0 dB 14.0 14.0", "× 1 unit dead: active on no validation picture", "Active (L0) 26.4 of 64 Dead 1 unit Zero 58.7 %"},
			[]string{"grey before training", "from the first batch on"},
			[]string{`data-training class="button play"`, `value="0.3800" aria-label="Training progress"`, `aria-pressed="true" aria-label="Show the code of picture 1, airplane"`},
		},
		{"paused", paused(), []string{"Train Lesson Epoch 7 of 20"}, []string{"Pause"}, nil},
		{"done", done(), []string{"Continue Lesson Epoch 20 of 20", "images/s done"}, nil, []string{`type="button" title="Train for 20 more epochs"`}},
		{
			"stopped", failed(),
			[]string{"Training stopped a worker was lost; reset to start again", "stopped; reset to start over"},
			nil,
			[]string{`disabled title="Training stopped; reset to start over"`},
		},
		{
			"diverged", diverged(),
			[]string{"Training diverged the loss is not a number after batch 229. The run is back at its start: lower the learning rate under More settings."},
			[]string{"stopped"},
			nil,
		},
		{
			"unsaved", unsaved(),
			[]string{"batch 18 of 30 · not saved", "The current run is not saved: the disk is full."},
			nil,
			nil,
		},
		{
			"offered", offered(),
			[]string{"Your run stopped at epoch 7 of 20. 2 L1 sparsity on Synthetic, 3 hours ago. The rest of its series follows: 2 runs. It was trained with other kernels (relaxed-simd)", "Resume Discard"},
			nil,
			nil,
		},
		{
			"refused", refused(),
			[]string{"Want at most 6 widths from 1 to 4096 separated by commas, such as 512,128.", "3,072 in 512 hidden 128 hidden 64"},
			[]string{"Widths of the encoder"},
			[]string{`aria-invalid="true" id="setting-hidden"`, `data-error id="setting-hidden-help"`, `aria-expanded="true" aria-controls="settings"`},
		},
		{
			"reading", reading(),
			[]string{"Reading cifar-10-binary.tar.gz, 41 %", "Pause"},
			[]string{"validation pictures, never trained on"},
			[]string{`value="0.410" aria-label="Loading the data set"`},
		},
		{"excess", excess(), []string{"Validation 0.0455 Training 0.0399"}, nil, nil},
		{"shuffled", shuffled(), []string{"First pictures"}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			shown := text(render(t, &Root{Page: test.page.Page}))
			for _, want := range test.want {
				if !strings.Contains(shown, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
			for _, lack := range test.lack {
				if strings.Contains(shown, lack) {
					t.Errorf("the page says %q", lack)
				}
			}
			if t.Failed() {
				t.Log(shown)
			}
			hasAttributes(t, test.page.Page, test.attributes)
			leavesControlsAlone(t, test.page.Page)
		})
	}
}

// hasAttributes checks that the element with the last attribute of each
// description, as HTML writes it, has the first one too.
func hasAttributes(t *testing.T, page *state.Page, descriptions []string) {
	t.Helper()
	for _, description := range descriptions {
		first, last, _ := strings.Cut(description, " ")
		name, value, _ := strings.Cut(last, "=")
		element := find(t, &Root{Page: page}, name, strings.Trim(value, `"`))
		name, value, valued := strings.Cut(first, "=")
		if !valued {
			value = name
		}
		if got := attribute(element, name); got != strings.Trim(value, `"`) {
			t.Errorf("%s is %q where %s", name, got, last)
		}
	}
}

// leavesControlsAlone checks that vugu sets no HTML with something in it
// that can be focused or clicked: it would do so again on every render.
func leavesControlsAlone(t *testing.T, page *state.Page) {
	t.Helper()
	control := regexp.MustCompile(`<(a|button|input|select|option|label|progress)\b`)
	walk(build(t, &Root{Page: page}), func(n *vugu.VGNode) {
		if n.InnerHTML != nil && control.MatchString(*n.InnerHTML) {
			t.Errorf("a render replaces %s", *n.InnerHTML)
		}
	})
}

func TestButtons(t *testing.T) {
	s := visit(protocol.SourceSite)
	themes, files := 0, 0
	root := &Root{Page: s.Page, ToggleTheme: func() { themes++ }, PickFile: func() { files++ }}
	click := func(name, value string) {
		t.Helper()
		fire(t, find(t, root, name, value), "click", nil)
	}
	click("class", "button play")
	if s.Status != protocol.StatusTraining {
		t.Errorf("status %s after Train, want training", s.Status)
	}
	click("class", "button play")
	if s.Status != protocol.StatusPaused {
		t.Errorf("status %s after Pause, want paused", s.Status)
	}
	click("aria-label", "Step")
	if s.last(protocol.TypeStep).ID == 0 {
		t.Error("Step sent no command")
	}
	click("aria-label", "Reset")
	if s.Status != protocol.StatusIdle || s.Initial != nil {
		t.Errorf("status %s after Reset, want idle with an unknown model", s.Status)
	}
	click("aria-label", "Switch between light and dark")
	click("aria-controls", "settings")
	if !s.Form.Open {
		t.Error("More settings opened nothing")
	}
	click("aria-label", "Close the settings")
	if s.Form.Open {
		t.Error("the settings did not close")
	}
	click("aria-controls", "settings")
	s.Form.Edit("lr", "1x")
	if click("aria-controls", "settings"); s.Form.Open || len(s.Form.Draft)+len(s.Form.Errors) > 0 {
		t.Errorf("closed by the button that opened them, settings keep the texts %v and the errors %v", s.Form.Draft, s.Form.Errors)
	}
	click("aria-label", "Show the code of picture 3, bird")
	if s.Pictures.Selected != 2 {
		t.Errorf("picture %d is selected, want 2", s.Pictures.Selected)
	}
	click("aria-label", "Other pictures")
	click("aria-label", "First pictures")
	if s.Pictures.Shuffled {
		t.Error("the first pictures did not come back")
	}
	s.Messages.Notify("Title", "Text")
	click("aria-label", "Dismiss")
	if s.Messages.Notice != nil {
		t.Error("the notice stayed")
	}
	press(t, root, "Choose a file")
	if themes != 1 || files != 1 {
		t.Errorf("theme changed %d times, file asked for %d times, want once each", themes, files)
	}
	render(t, &Root{Page: s.Page}) // without callbacks
	fire(t, find(t, &Root{Page: s.Page}, "aria-label", "Switch between light and dark"), "click", nil)
}

func TestSettings(t *testing.T) {
	s := visit(protocol.SourceSite)
	s.Form.Open = true
	root := &Root{Page: s.Page}
	change := func(id, event string, target map[string]any) {
		t.Helper()
		fire(t, find(t, root, "id", "setting-"+id), event, target)
	}
	change("hidden", "input", map[string]any{"value": "512,"})
	if got := attribute(find(t, root, "id", "setting-hidden"), "value"); got != "512," || s.Settings.Hidden != "512,128" {
		t.Errorf("%q is shown and %q set while typing, want \"512,\" and \"512,128\"", got, s.Settings.Hidden)
	}
	change("hidden", "change", map[string]any{"value": "512, 128"})
	if got := attribute(find(t, root, "id", "setting-hidden"), "value"); got != "512,128" || s.Settings.Hidden != "512,128" {
		t.Errorf("%q is shown and %q set, want \"512,128\"", got, s.Settings.Hidden)
	}
	change("lr", "change", map[string]any{"value": "NaN"})
	field := find(t, root, "id", "setting-lr")
	if attribute(field, "value") != "NaN" || attribute(field, "aria-invalid") != "true" || s.Settings.LR != 1e-3 {
		t.Errorf("NaN left %q, invalid %q, learning rate %v", attribute(field, "value"), attribute(field, "aria-invalid"), s.Settings.LR)
	}
	change("mirrored", "change", map[string]any{"checked": true})
	if s.Settings.Experiment != 3 || attribute(find(t, root, "id", "setting-mirrored"), "checked") != "true" {
		t.Errorf("experiment %d after mirroring the decoder, want 3", s.Settings.Experiment)
	}
	change("init", "change", map[string]any{"value": "he"})
	if s.Settings.Init != "he" {
		t.Errorf("initialiser %q, want he", s.Settings.Init)
	}
	fire(t, find(t, root, "aria-valuetext", "1e-5"), "input", map[string]any{"value": "0"})
	if s.Settings.Lambda != 0 {
		t.Errorf("λ is %v at the first notch, want 0", s.Settings.Lambda)
	}
	var base *vugu.VGNode
	walk(build(t, root), func(n *vugu.VGNode) {
		if attribute(n, "name") == "experiment" && attribute(n, "value") == "1" {
			base = n
		}
	})
	fire(t, base, "change", nil)
	if s.Settings.Experiment != 1 || s.Settings.Mirrored {
		t.Errorf("experiment %d, mirrored %t, want 1, not mirrored", s.Settings.Experiment, s.Settings.Mirrored)
	}
}

// With TopK, the page has a slider of k instead of λ, shows the settings that have an
// effect, and names the loss that trains.
func TestTopK(t *testing.T) {
	s := visit(protocol.SourceSite)
	s.Form.Open = true
	root := &Root{Page: s.Page}
	shown := func(id string) (found bool) {
		walk(build(t, root), func(n *vugu.VGNode) { found = found || attribute(n, "id") == "setting-"+id })
		return found
	}
	if shown("aux") || shown("k") || !shown("activation") {
		t.Error("with L1, the form shows aux or k, or no activation")
	}
	s.Form.Edit("experiment", "5")
	if !shown("aux") || shown("activation") || s.Settings.K != 32 {
		t.Errorf("with TopK, the form shows no aux, or an activation; k is %d", s.Settings.K)
	}
	fire(t, find(t, root, "aria-valuetext", "32"), "input", map[string]any{"value": "2"})
	if s.Settings.K != 16 {
		t.Errorf("k is %d at the third notch, want 16", s.Settings.K)
	}
	s.Form.Edit("latent", "8")
	if s.Settings.K != 8 || (&Slider{Page: s.Page, Name: "k"}).last() != 1 {
		t.Errorf("k is %d of 8 latent units", s.Settings.K)
	}
	s.Form.Edit("aux", "x")
	s.Form.Edit("sparsity", "l1")
	s.Play(state.Ignore)
	if shown("aux") || s.last(protocol.TypePlay).Type == "" {
		t.Error("a refused text that is not shown keeps the run from training")
	}
	s.Form.Edit("experiment", "5")
	page := text(render(t, root))
	for _, want := range []string{"PCA-32", "MSE", "Active units k"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	option := string((&Loss{Page: s.Page}).option(chart.Theme{}))
	if !strings.Contains(option, "loss (MSE)") || strings.Contains(option, "lowest possible") {
		t.Errorf("chart of the squared error: %s", option)
	}
}

func TestQuantity(t *testing.T) {
	s := train()
	root := &Root{Page: s.Page}
	fire(t, find(t, root, "value", "psnr"), "change", nil)
	if s.Loss.Quantity != fit.QuantityPSNR {
		t.Errorf("quantity %s, want psnr", s.Loss.Quantity)
	}
	var log *vugu.VGNode
	walk(build(t, root), func(n *vugu.VGNode) {
		if log == nil && attribute(n, "type") == "checkbox" && attribute(n, "id") == "" {
			log = n
		}
	})
	fire(t, log, "change", map[string]any{"checked": true})
	if s.Loss.Quantity != fit.QuantityExcess || attribute(find(t, root, "value", "excess"), "checked") != "checked" {
		t.Errorf("quantity %s on a logarithmic axis, want excess", s.Loss.Quantity)
	}
}

// A model leaves the page as a file or as a program, and comes back.
func TestModel(t *testing.T) {
	s := train()
	var saved, copied string
	var refuse error
	picked := 0
	root := &Root{
		Page:      s.Page,
		PickModel: func() { picked++ },
		Save:      func(file any, name string) { saved = file.(string) + " as " + name },
		Copy: func(text string, done state.Done) {
			copied = text
			done(refuse)
		},
	}
	press(t, root, "NumPy")
	export, err := protocol.Decode[protocol.Export](s.last(protocol.TypeExport))
	if err != nil || export.Format != "npz" {
		t.Errorf("export of %q, error %v", export.Format, err)
	}
	s.Receive(protocol.Message{Type: protocol.TypeReply, ID: s.last(protocol.TypeExport).ID, File: "blob"})
	if saved != "blob as sae-2-64-epoch7.npz" || !strings.Contains(text(render(t, root)), "Saved sae-2-64-epoch7.npz.") {
		t.Errorf("saved %q", saved)
	}
	press(t, root, "ONNX")
	s.Receive(protocol.Message{Type: protocol.TypeReply, ID: s.last(protocol.TypeExport).ID, Error: "export: no"})
	if s.Messages.Notice == nil || s.Messages.Notice.Text != "export: no" {
		t.Errorf("notice %v after a failed export", s.Messages.Notice)
	}
	press(t, root, "Copy as Keras")
	if !strings.Contains(copied, "LATENT = 64\n") || !strings.Contains(copied, "x_train[:3728]") || s.Messages.Toast == nil || s.Messages.Toast.Text != "The program in Keras is in the clipboard." {
		t.Errorf("copied %.80q, told %v", copied, s.Messages.Toast)
	}
	press(t, root, "Copy as PyTorch")
	if !strings.Contains(copied, "import torch\n") || !strings.Contains(copied, "[:3728]") || s.Messages.Toast.Text != "The program in PyTorch is in the clipboard." {
		t.Errorf("copied %.80q, told %v", copied, s.Messages.Toast)
	}
	press(t, root, "Copy as Go")
	if !strings.Contains(copied, `os.Open("data/cifar10.sae")`) {
		t.Errorf("copied %.80q", copied)
	}
	refuse = errors.New("not allowed")
	press(t, root, "Copy as Go")
	if s.Messages.Toast.Text != "The program in Go could not be copied: not allowed." {
		t.Errorf("told %v after a refused copy", s.Messages.Toast)
	}
	press(t, root, "Open a model")
	if picked != 1 {
		t.Errorf("a model was asked for %d times, want once", picked)
	}
	for _, row := range []string{"encoder_1 relu (batch, 512) 1,573,376", "latent relu (batch, 64) 8,256", "output sigmoid (batch, 3,072) 199,680"} {
		if !strings.Contains(text(render(t, root)), row) {
			t.Errorf("no layer %q", row)
		}
	}
	copied = ""
	synthetic := &Root{Page: visit(protocol.SourceSynthetic).Page, Copy: root.Copy}
	press(t, synthetic, "Copy as Go")
	if !strings.Contains(copied, "data.Synthetic(3728, 40, 1)") {
		t.Errorf("copied %.80q", copied)
	}
}

// What is drawn later than it was rendered finds fewer units, if another network has come
// in between.
func TestUnitsOfAnotherNetwork(t *testing.T) {
	s := train()
	all := (&Features{Page: s.Page}).all()
	lesson := &Lesson{Page: s.Page}
	first, last := lesson.atom(0), lesson.atom(63)
	s.Page.Timeline.Units.Units = analysis.NewUnits(make([]float32, 10*8), make([]byte, 10), 10)
	s.Page.Timeline.Units.Atoms = make([]byte, 8*3072)
	for _, draw := range []struct {
		name   string
		pixels []byte
		want   int
	}{
		{"tile 0", all[0].pixels(), 4 * 1024}, {"tile 63", all[63].pixels(), 0},
		{"lesson's unit 0", first(nil), 4 * 1024}, {"lesson's unit 63", last(nil), 0},
	} {
		if len(draw.pixels) != draw.want {
			t.Errorf("%s: %d bytes, want %d", draw.name, len(draw.pixels), draw.want)
		}
	}
}

// The dashboard sorts and filters the units and opens one.
func TestFeatures(t *testing.T) {
	s := train()
	root := &Root{Page: s.Page}
	features := &Features{Page: s.Page}
	tiles := func() (labels []string) {
		for _, tile := range features.all() {
			labels = append(labels, tile.number+" "+tile.share+tile.hint)
		}
		return labels
	}
	if all := tiles(); len(all) != 64 || all[0] != "0 50 % of the pictures, most for airplane" || all[63] != "63 dead" {
		t.Fatalf("%d tiles, %q and %q", len(all), all[0], all[len(all)-1])
	}
	s.Timeline.Units.Activity[5] = 0.002
	if all := tiles(); !strings.HasPrefix(all[62], "5 <1 % of the pictures") {
		t.Errorf("the tile of a unit that is active on very few pictures: %q", all[62])
	}
	s.Timeline.Units.Activity[5] = 0.5
	var hide, filter *vugu.VGNode
	walk(build(t, root), func(n *vugu.VGNode) {
		if n.Data == "select" && attribute(n, "aria-label") == "Only units that prefer a class" {
			filter = n
		}
	})
	fire(t, filter, "change", map[string]any{"value": "4"})
	if cats := tiles(); len(cats) != 6 || !strings.Contains(cats[0], "most for cat") {
		t.Errorf("units that prefer cats: %q", cats)
	}
	fire(t, filter, "change", map[string]any{"value": "0"})
	walk(build(t, root), func(n *vugu.VGNode) {
		if n.Data == "label" && strings.Contains(labelText(n), "hide dead units") {
			hide = n.FirstChild
			for attribute(hide, "type") != "checkbox" {
				hide = hide.NextSibling
			}
		}
	})
	fire(t, hide, "change", map[string]any{"checked": true})
	if alive := tiles(); len(alive) != 63 {
		t.Errorf("%d tiles without the dead unit, want 63", len(alive))
	}
	features.open(2)
	reply := protocol.New(protocol.TypeReply, protocol.UnitDetail{
		Unit:     analysis.Unit{Activations: append(make([]float32, 12), 1.5, 0), Top: []int{12, 2}, Bias: -0.25, Nearest: []analysis.Neighbor{{Unit: 5, Cosine: 0.625}}},
		Ablation: analysis.Ablation{With: 0.5, Without: 0.525},
		Pictures: make([]byte, 2*3072),
	})
	reply.ID = s.last(protocol.TypeUnit).ID
	s.Receive(reply)
	for _, want := range []string{"Unit 2 most active for bird", "Density 50.0 %", "Largest 1.50", "Selectivity 0.67", "Active, that is above 0, on 1 of 14 pictures", "Bias -0.25",
		"With this unit ablated, the validation BCE is 0.52500 instead of 0.50000: 5.00 % more.", "Nearest units, and their cosines 5 0.62"} {
		if got := text(render(t, root)); !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	fire(t, find(t, root, "title", "Open unit 5"), "click", nil)
	if s.Features.Unit != 5 || strings.Contains(text(render(t, root)), "With this unit ablated") {
		t.Errorf("the nearest unit opens unit %d, with the cost of another", s.Features.Unit)
	}
	features.open(2)
	reply.ID = s.last(protocol.TypeUnit).ID
	s.Receive(reply)
	second := func() { features.explore(slices.Index(s.Features.Detail.Top, 2)) }
	for image, explore := range map[int]func(){2: second, 12: func() { press(t, root, "Try it in Explore") }} {
		s.Explorer.Held = -1
		explore()
		if s.Explorer.Image != image || s.Explorer.Held != 2 || s.View != state.ViewExplore {
			t.Errorf("%s shows image %d with unit %d in hand, want %d with 2", s.View, s.Explorer.Image, s.Explorer.Held, image)
		}
	}
	if explorer := (&Explorer{Page: s.Page}); explorer.unitSliders()[0].name != "2" || explorer.which() != "unit 2, and the 15 most active of 64 units" {
		t.Errorf("slider %+v first: %s", explorer.unitSliders()[0], explorer.which())
	}
	s.Explorer.Held, s.Explorer.Code = -1, make([]float32, 64)
	s.Explorer.Code[7], s.Explorer.Code[9] = 0.5, 0.25
	if which := (&Explorer{Page: s.Page}).which(); which != "2 active of 64 units, and 14 that are not" {
		t.Errorf("of a code with two active units, the sliders are those of %s", which)
	}
	s.Explorer.Held, s.Explorer.Code = 2, nil
	fire(t, find(t, root, "placeholder", "What does it stand for?"), "input", map[string]any{"value": "wings "})
	if note, _ := protocol.Decode[protocol.Note](s.last(protocol.TypeNote)); note != (protocol.Note{Unit: 2, Text: "wings "}) || features.all()[2].note != "wings " {
		t.Errorf("the worker was told of the note %+v", note)
	}
	s.Features.Sort = state.SortSelectivity
	if last := tiles()[0]; !strings.Contains(last, " 0.67 selectivity, most for ") {
		t.Errorf("by selectivity, the first is %s", last)
	}
	s.Features.HideDead, s.Features.Class = false, 10
	for unit := range s.Timeline.Units.Mean {
		if class, _ := s.Timeline.Units.Preferred(unit); class == 9 {
			s.Timeline.Units.Activity[unit] = 0
		}
	}
	if len(tiles()) != 0 || !strings.Contains(text(render(t, root)), "No unit that is active prefers this class. Show all units") {
		t.Errorf("%d tiles of a class that no unit prefers, and nothing said", len(tiles()))
	}
	press(t, root, "Show all units")
	if len(tiles()) != 64 {
		t.Errorf("%d tiles of all units", len(tiles()))
	}
	fire(t, find(t, root, "aria-label", "Close the unit"), "click", nil)
	if s.Features.Unit != -1 {
		t.Error("the unit did not close")
	}
}

// Explore builds up a picture's reconstruction: how many units, the PSNR, and what each step
// adds, on grey.
func TestBuildUp(t *testing.T) {
	s := train()
	s.Visit(state.ViewExplore)
	root := &Root{Page: s.Page}
	pixels := make([]byte, 3*3072)
	pixels[3072], pixels[2*3072] = 100, 250
	s.Explorer.Built = protocol.BuildUp{Counts: []int{0, 1, 3}, Units: []int{7, 5, 9}, Pixels: pixels}
	s.Explorer.BuiltOf = pixels[2*3072:]
	if got, want := text(render(t, root)), "from no unit, which leaves the decoder&#39;s biases, to all 3 that are active, those that contribute most first; below, what each step adds, on grey 0 35.0 dB 1 39.5 dB + unit 7 3 120.0 dB + 2 units"; !strings.Contains(got, want) {
		t.Errorf("no %q in %s", want, got)
	}
	explorer := &Explorer{Page: s.Page}
	if first := explorer.addedPixels(0)(nil); first != nil {
		t.Errorf("the first step adds %d pixels", len(first))
	}
	if last := explorer.addedPixels(3)(nil); last != nil {
		t.Errorf("a step that is gone adds %d pixels", len(last))
	}
	if added := explorer.addedPixels(1)(nil); added[0] != 228 || added[1] != 128 {
		t.Errorf("the step from 0 to 100 is shown as %d, that from 0 to 0 as %d", added[0], added[1])
	}
	s.Explorer.Built = protocol.BuildUp{}
	if strings.Contains(text(render(t, root)), "from no unit") {
		t.Error("a reconstruction that is not known is built up")
	}
}

// The network shows its layers, whatever they are. What training on a batch does to them
// is shown phase by phase, in words and by layer, as long as it is of the last batch; and
// the pace goes to the worker.
func TestNetwork(t *testing.T) {
	s := slow()
	root := &Root{Page: s.Page}
	if err := s.Page.Slow.Current(); err == nil {
		t.Fatal("the step is not that of the last batch")
	}
	says := func(wants ...string) {
		t.Helper()
		page := text(render(t, root))
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %q in %s", want, page)
			}
		}
	}
	phase := func(want string) {
		t.Helper()
		if got := attribute(find(t, root, "id", "network"), "data-phase"); got != want {
			t.Errorf("phase %q, want %q", got, want)
		}
	}
	phase("forward")
	says("3,072 active: 512 50 % 128 75 % 64 code 25 % 3,072 100 %",
		"Epoch 1, batch 1: 128 pictures pass through the encoder. On average, 16.0 of 64 latent units are active")
	s.Slow.Next(s.Slow.Explained.Version, state.PhaseForward)
	phase("loss")
	says("3,072 loss 0.6941", "by a binary cross-entropy of 0.6931; λ times the activations adds 0.0010. The loss is 0.6941.")
	fire(t, find(t, root, "data-text", "3 Backward"), "click", nil)
	phase("backward")
	says("3,072 gradient: 512 0.03 128 0.02 64 code 0.06 3,072 0.01", "largest in latent (0.06) and smallest in output (0.01)")
	fire(t, find(t, root, "data-text", "4 Update"), "click", nil)
	phase("update")
	says("3,072 moved: 512 1 % 128 2 % 64 code 3 % 3,072 0.33 %", "latent moves farthest. On the same batch the loss fell by 0.0012 to 0.6929.")
	fire(t, find(t, root, "value", "1/s"), "change", nil)
	if pace, _ := protocol.Decode[protocol.Pace](s.last(protocol.TypePace)); pace.PerSecond != 1 {
		t.Errorf("the worker was told a pace of %g, want 1", pace.PerSecond)
	}
	s.frame(protocol.Frame{Status: protocol.StatusPaused, Batch: 9, Batches: 30})
	phase("")
	says("3,072 in 512 hidden 128 hidden 64 code 3,072 out", "Next batch trains on one batch")
	s.Set(map[string]string{"experiment": "3", "hidden": "100"}, func(bool, error) {})
	says("3,072 in 100 hidden 64 code 100 hidden 3,072 out")
	s.Set(map[string]string{"experiment": "6"}, func(bool, error) {})
	says("192 in 512 code 192 out", "describe patches of 8×8 pixels by 512 numbers", "from 16 patches, each with its own mean")
	s.Visit(state.ViewFeatures)
	says("What each latent unit adds to a patch", "No patch activates it")
	s.Visit(state.ViewExplore)
	says("It is the patch in which the pixels differ most.")
	if attribute(find(t, root, "title", "The mean of all validation pictures' codes"), "hidden") == "" {
		t.Error("the mean code of whole pictures is offered for a patch")
	}
	s.Visit(state.ViewTrain)
	if attribute(find(t, root, "data-text", "1 Forward"), "disabled") == "" {
		t.Error("another run has the phases of the one before")
	}
}

// The loss panel has a figure for the entropy floor only with cross-entropy, and one for the
// mean squared error unless that is the validation loss itself.
func TestFiguresOfTheLoss(t *testing.T) {
	s := visit(protocol.SourceSite)
	for _, test := range []struct {
		loss       nn.LossFunction
		whiten     bool
		lambda     float64
		above, mse bool
	}{
		{nn.BCE, false, 0, true, true},
		{nn.MSE, false, 0, false, false},
		{nn.MSE, true, 0, false, true},
		{nn.MSE, false, 1e-4, false, true},
	} {
		s.Settings.Loss, s.Settings.Whiten, s.Settings.Lambda = test.loss.String(), test.whiten, test.lambda
		root := &Root{Page: s.Page}
		shown := func(title string) bool { return attribute(find(t, root, "title", title), "hidden") == "" }
		above := shown("The validation cross-entropy above the lowest value that any reconstruction can reach, the entropy floor of the pictures.")
		mse := shown("The mean squared error of the validation reconstructions, with values from 0 to 1.")
		if above != test.above || mse != test.mse {
			t.Errorf("%+v: the figure above the floor is shown: %v, that of the MSE: %v", test, above, mse)
		}
	}
}

// While an earlier moment is shown, every view says so and has the way back, and the
// figures are those of the moment.
func TestPastMoment(t *testing.T) {
	s := visit(protocol.SourceSite)
	root := &Root{Page: s.Page}
	for epoch := 1; epoch <= 3; epoch++ {
		evaluation := protocol.Evaluation{ValLoss: float64(epoch) / 10, ValBCE: float64(epoch) / 10, PSNR: float64(epoch), Active: float64(epoch), Dead: epoch}
		s.frame(protocol.Frame{Status: protocol.StatusTraining, Epoch: epoch, Batches: 30,
			Points: []protocol.Point{{Epoch: float64(epoch) - 0.5, Loss: float64(epoch)}}, Epochs: []protocol.Epoch{{Epoch: epoch, Evaluation: evaluation}}})
	}
	intro := func() string { return text(render(t, &Root{Page: s.Page})) }
	if !strings.Contains(intro(), "squeeze a picture into 64 numbers") {
		t.Error("the page does not say what it is")
	}
	s.Timeline.Scrub(2)
	for view, want := range map[state.View]string{
		state.ViewTrain:    "Epoch 2 of this run Back to now",
		state.ViewFeatures: "Epoch 2 of this run Back to now",
		state.ViewExplore:  "Epoch 2 is shown in Train and Features. Explore works with the model as it is now. Back to now",
		state.ViewCompare:  "Epoch 2 is shown in Train and Features. Compare shows whole runs. Back to now",
	} {
		s.Visit(view)
		if got := intro(); !strings.Contains(got, want) {
			t.Errorf("%s does not say %q", view, want)
		}
		if attribute(find(t, root, "id", "intro"), "hidden") != "" {
			t.Errorf("%s hides which moment is shown", view)
		}
	}
	s.Visit(state.ViewFeatures)
	s.Features.Open(1)
	if !strings.Contains(intro(), "What activates the open unit, its nearest units, its cost, its largest activation and its bias are those of now. Back to now") {
		t.Error("what is asked of the model of now is taken for that of the moment")
	}
	s.Features.Open(-1)
	if got := intro(); !strings.Contains(got, "Validation 0.2000 Training 2.0000") || !strings.Contains(got, "Active (L0) 2.0 of 64 Dead 2 units") {
		t.Errorf("the figures are not those of epoch 2: %s", got)
	}
	if curves := (&Loss{Page: s.Page}).curves(); curves.Shown == nil || *curves.Shown != 2 {
		t.Errorf("the chart marks epoch %v, want 2", curves.Shown)
	}
	press(t, root, "Back to now")
	if got := intro(); s.Timeline.Past != -1 || !strings.Contains(got, "Validation 0.3000 Training 3.0000") {
		t.Error("now did not come back")
	}
	if curves := (&Loss{Page: s.Page}).curves(); curves.Shown != nil {
		t.Errorf("the chart marks epoch %v now", *curves.Shown)
	}
	s.Visit(state.ViewExplore)
	if attribute(find(t, root, "id", "intro"), "hidden") == "" {
		t.Error("a view without a past moment says what the page is")
	}
}

// A layer's picture has a square for each unit, lit where it is active; where that is not
// known, all are plain.
func TestLayerPictures(t *testing.T) {
	th := &theme{plain: rgb{9, 9, 9}, act: [3]rgb{{0, 0, 0}, {100, 100, 100}, {200, 200, 200}}}
	for _, units := range []int{1, 2, 64, 100, 128, 512, 3000, 4096} {
		l := layer{units: units}
		columns, rows, size := grid(units)
		if columns*rows < units || columns*(rows-1) >= units || columns*size > layerWidth || rows*size > layerHeight {
			t.Errorf("%d units in %d columns and %d rows of %d pixels", units, columns, rows, size)
		}
		count := func(pixels []byte) map[byte]int {
			colors := map[byte]int{}
			for unit := range units {
				pixel := pixels[4*(unit/columns*size*l.across()+unit%columns*size):]
				if pixel[3] != 255 {
					t.Fatalf("unit %d of %d is not drawn", unit, units)
				}
				colors[pixel[0]]++
			}
			return colors
		}
		if got := count(l.pixels(th)); got[9] != units {
			t.Errorf("%d units of which nothing is known are %v, want all plain", units, got)
		}
		l.lit = make([]float32, units)
		l.lit[units-1] = 2
		if got := count(l.pixels(th)); got[200] != 1 || got[9] != units-1 {
			t.Errorf("%d units of which one is active are %v, want one lit", units, got)
		}
		if len(l.pixels(th)) != 4*l.across()*rows*size {
			t.Errorf("%d bytes of pixels of %d units", len(l.pixels(th)), units)
		}
	}
	for share, want := range map[float32]byte{0: 0, 0.25: 50, 0.5: 100, 1: 200} {
		if got := th.activation(share); got[0] != want {
			t.Errorf("an activation of %g of the largest is %v, want %d", share, got, want)
		}
	}
	if height(64) >= height(512) || height(512) >= height(3072) || height(3072) != layerHeight {
		t.Errorf("layers of 64, 512 and 3,072 units are %d, %d and %d pixels high", height(64), height(512), height(3072))
	}
}

// The lesson sets the experiment, and says what was seen and what was not.
func TestLesson(t *testing.T) {
	s := visit(protocol.SourceSite)
	root := &Root{Page: s.Page}
	fire(t, find(t, root, "aria-controls", "lesson"), "click", nil)
	press(t, root, "Train experiment 1")
	if s.Settings.Experiment != 1 || s.Status != protocol.StatusTraining {
		t.Fatalf("experiment %d, %s; want 1, training", s.Settings.Experiment, s.Status)
	}
	s.Lesson.Observe()
	if page := text(render(t, root)); strings.Contains(page, "Seen in") || !strings.Contains(page, "image&#39;s 0.689.") {
		t.Error("something was seen before training, or a number is missing")
	}
	s.frame(protocol.Frame{Status: protocol.StatusTraining, Epoch: 1, Batches: 30, Epochs: []protocol.Epoch{{Epoch: 1, Evaluation: protocol.Evaluation{ValLoss: 0.6}}}})
	s.Lesson.Observe()
	if page := text(render(t, root)); !strings.Contains(page, "Seen in epoch 1.") {
		t.Error("the loss fell below the mean image's, and the lesson did not see it")
	}
	press(t, root, "Next: Why sparse?")
	if page := text(render(t, root)); !strings.Contains(page, "Lesson 2 of 10") || strings.Contains(page, "Seen in") {
		t.Error("the second step is not there, or has something seen")
	}
	press(t, root, "Back")
	if page := text(render(t, root)); !strings.Contains(page, "Seen in epoch 1.") {
		t.Error("what was seen is forgotten")
	}
	if page := text(render(t, root)); strings.Contains(page, "63 is dead") {
		t.Error("dead units are shown before their step")
	}
	s.Lesson.Turn(3)
	if page := text(render(t, root)); !strings.Contains(page, "Unit 63 is dead: active on no picture.") || !strings.Contains(page, "Unit 0 is alive: active on 50 % of the pictures.") {
		t.Error("there is no dead unit beside a live one")
	}
	fire(t, find(t, root, "title", "Open unit 63 in Features"), "click", nil)
	if s.View != state.ViewFeatures || s.Features.Unit != 63 {
		t.Errorf("unit %d in %s, want unit 63 in Features", s.Features.Unit, s.View)
	}
}

func TestRuns(t *testing.T) {
	s := visit(protocol.SourceSite)
	var saved string
	root := &Root{Page: s.Page, SaveText: func(text, name string) { saved = name + "\n" + text }}
	press(t, root, "Sweep λ")
	s.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Batches: 30, TrainSeconds: 75, Epochs: []protocol.Epoch{
		{Epoch: 20, Evaluation: protocol.Evaluation{ValLoss: 0.62, ValBCE: 0.6, ValMSE: 0.02, FVU: 0.32, PSNR: 17, Active: 3.5, Dead: 50}},
	}})
	for _, want := range []string{"2 3e-4 64 20 0.6200 0.0530 0.320 17.00 dB 3.5 50 1:15", "Run 2 of 9, λ = 1e-4"} {
		if got := text(render(t, root)); !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	press(t, root, "Stop after this run")
	if _, total := s.Series.At(); total != 0 {
		t.Error("the sweep goes on")
	}
	s.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Batches: 30, Epochs: []protocol.Epoch{
		{Epoch: 20, Evaluation: protocol.Evaluation{ValLoss: 0.61, ValBCE: 0.6, PSNR: 18, Active: 9, Dead: 40}},
	}})
	runs := &Runs{Page: s.Page}
	cells := runs.cells(s.Runs.Kept[1])
	if cells[2].differs == nil || cells[3].differs != nil || cells[5].best == nil || runs.cells(s.Runs.Kept[0])[5].best != nil {
		t.Errorf("cells %+v: want λ to differ and the loss to be the best", cells)
	}
	s.Runs.Kept[1].Settings.Whiten = true // then its loss is that of something else
	s.Runs.Version++
	for _, cell := range runs.cells(s.Runs.Kept[1]) {
		if cell.title == "Validation loss" && cell.best != nil {
			t.Errorf("of a loss of pictures and one of whitened patches, one is the best: %+v", cell)
		}
	}
	s.Runs.Kept[1].Settings.Whiten = false
	s.Runs.Version++
	fire(t, find(t, root, "aria-label", "Show Run 1 in the loss chart"), "change", map[string]any{"checked": true})
	if option := string((&Loss{Page: s.Page}).option(chart.Theme{})); !strings.Contains(option, `"name":"Run 1"`) {
		t.Errorf("run 1 is not in the chart: %s", option)
	}
	fire(t, find(t, root, "aria-label", "Name of the run"), "change", map[string]any{"value": "Sparse, \"very\""})
	press(t, root, "CSV")
	if !strings.HasPrefix(saved, "runs.csv\nrun,experiment,sparsity,lambda,") || !strings.Contains(saved, `"Sparse, ""very""",2,l1,3e-4,64,`) {
		t.Errorf("saved %s", saved)
	}
	fire(t, find(t, root, "aria-label", "Delete Run 2"), "click", nil)
	if len(s.Runs.Kept) != 1 || !strings.Contains(text(render(t, root)), "Deleted Run 2. Undo") {
		t.Errorf("%d runs, toast %v", len(s.Runs.Kept), s.Messages.Toast)
	}
	press(t, root, "Undo")
	if len(s.Runs.Kept) != 2 {
		t.Errorf("%d runs after undo, want 2", len(s.Runs.Kept))
	}
	press(t, root, "Run experiments 1, 2, 3")
	if _, total := s.Series.At(); total != 3 || s.Settings.Experiment != 1 {
		t.Errorf("%d runs are queued, experiment %d first", total, s.Settings.Experiment)
	}
}

func TestComparison(t *testing.T) {
	s := visit(protocol.SourceSite)
	root := &Root{Page: s.Page}
	var boxes []*vugu.VGNode
	walk(build(t, root), func(n *vugu.VGNode) {
		if attribute(n, "type") == "checkbox" && attribute(n, "id") == "" {
			boxes = append(boxes, n)
		}
	})
	fire(t, boxes[1], "change", map[string]any{"checked": false})
	fire(t, boxes[2], "change", map[string]any{"checked": true})
	if s.Loss.ShowMean || !s.Loss.ShowPCA || !strings.Contains(text(render(t, root)), "PCA-64 computing") {
		t.Errorf("mean image %t, PCA %t", s.Loss.ShowMean, s.Loss.ShowPCA)
	}
	reply := protocol.New(protocol.TypeReply, baseline.Quality{BCE: 0.57, MSE: 0.0086})
	reply.ID = s.last(protocol.TypePCA).ID
	s.Receive(reply)
	if !strings.Contains(text(render(t, root)), "PCA-64 MSE 0.0086") {
		t.Error("the page does not say what PCA achieves")
	}
	if option := string((&Loss{Page: s.Page}).option(chart.Theme{})); !strings.Contains(option, "PCA-64  0.570") || strings.Contains(option, "mean image") {
		t.Errorf("the chart has other lines: %s", option)
	}
	const elsewhere = "with PSNR only: this loss is of whitened patches"
	s.Settings.Whiten, s.Settings.Patch, s.Settings.Loss = true, 8, nn.MSE.String()
	if loss := (&Loss{Page: s.Page}); loss.pcaText() != elsewhere || strings.Contains(string(loss.option(chart.Theme{})), "PCA-64") {
		t.Errorf("whitened, the chart has a baseline, or the text beside it is %q", loss.pcaText())
	}
	s.Loss.Show(fit.QuantityPSNR)
	if loss := (&Loss{Page: s.Page}); loss.pcaText() == elsewhere {
		t.Error("with PSNR, the baselines are still said to be elsewhere")
	}
}

// The heat map has the units above it, which are not all of a large network.
func TestHeatMapOfManyUnits(t *testing.T) {
	s := train()
	s.Timeline.Units.Units = analysis.NewUnits(slices.Repeat([]float32{1}, 10*512), make([]byte, 10), 10)
	s.Settings.Latent = 512
	features := &Features{Page: s.Page}
	option := string(features.heat(chart.Theme{}))
	if n := len(features.units()); n != maxTiles || !strings.Contains(option, `"127"`) || strings.Contains(option, `"128"`) {
		t.Errorf("beside %d tiles, the heat map is %.400s", n, option)
	}
}

func TestSources(t *testing.T) {
	s := begin("cifar10.sae")
	s.Receive(protocol.New(protocol.TypeReady, protocol.Ready{Kernel: "go", Kept: "my.sae"}))
	c := &Data{Page: s.Page}
	values := func() string {
		var values []string
		for _, source := range c.sources() {
			values = append(values, source.value)
		}
		return strings.Join(values, " ")
	}
	if got := values(); got != "site kept synthetic" {
		t.Errorf("sources %s, want site kept synthetic", got)
	}
	s.Dataset.Dataset = protocol.Dataset{Name: "my.bin", Source: protocol.SourceFile, Kept: true}
	if c.current() != protocol.SourceKept {
		t.Errorf("a kept file counts as %s, want kept", c.current())
	}
	s.Dataset.Kept, s.Dataset.KeptName = false, ""
	if got := values(); got != "site file synthetic" {
		t.Errorf("sources %s with a file that is not kept, want site file synthetic", got)
	}
	s.Dataset.Loading = nil
	for value, want := range map[string]string{"site": protocol.SourceSite, "synthetic": protocol.SourceSynthetic} {
		c.use(value)
		load, err := protocol.Decode[protocol.Load](s.last(protocol.TypeLoad))
		if err != nil || load.Source != want {
			t.Errorf("%s loads %s, %v", value, load.Source, err)
		}
		s.Dataset.Loading = nil
	}
	before := len(s.sent)
	c.use(protocol.SourceFile) // in use already
	if len(s.sent) != before {
		t.Error("the data set in use was loaded again")
	}
}

func TestSliderBetweenNotches(t *testing.T) {
	s := visit(protocol.SourceSite)
	c := &Slider{Page: s.Page, Name: "lambda"}
	for _, test := range []struct{ lambda, position, text string }{
		{"0", "0", "0"}, {"1e-5", "5", "1e-5"}, {"1.2e-5", "5", "1.2e-5"}, {"0.5", "8", "0.5"},
	} {
		s.Set(map[string]string{"lambda": test.lambda}, func(bool, error) {})
		if c.position() != test.position || c.text() != test.text {
			t.Errorf("λ %s stands at notch %s as %q, want %s as %q", test.lambda, c.position(), c.text(), test.position, test.text)
		}
	}
}

func TestAnnouncements(t *testing.T) {
	s := visit(protocol.SourceSite)
	if got := statusText(s.Page); got != "Ready to train on CIFAR-10" {
		t.Errorf("status %q", got)
	}
	s = train()
	if got := statusText(s.Page); got != "Training" {
		t.Errorf("status %q while training, want no numbers: they change all the time", got)
	}
	s.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Batches: 30})
	if got := statusText(s.Page); got != "Done after 20 epochs: validation loss 0.5925, PSNR 18.9 dB" {
		t.Errorf("status %q", got)
	}
}

// A link includes the fingerprint of a run that its settings reproduce, and Share says so.
func TestShare(t *testing.T) {
	mixed := train()
	mixed.frame(protocol.Frame{Status: protocol.StatusTraining, Epoch: 7, Batch: 19, Batches: 30, Kernel: fit.Mixed})
	for name, test := range map[string]struct {
		page  *session
		about string
		link  bool
	}{
		"untrained": {visit(protocol.SourceSite), "the fingerprint appears after the first epoch", false},
		"trained":   {train(), " after epoch 7", true},
		"mixed":     {mixed, "no fingerprint: the settings alone do not reproduce this run", false},
	} {
		c := &Share{Page: test.page.Page}
		if got := c.fingerprint(); !strings.HasSuffix(got, test.about) {
			t.Errorf("%s: %q, want it to end with %q", name, got, test.about)
		}
		if included, said := strings.Contains(c.link(), "fingerprint="), c.reproduced() != ""; included != test.link || said != test.link {
			t.Errorf("%s: the link has a fingerprint: %t, and Share says so: %t", name, included, said)
		}
	}
}

func TestTexts(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(3072), "3,072"}, {count(1234567), "1,234,567"}, {count(-1000), "-1,000"}, {count(-100), "-100"},
		{plural(1, "epoch"), "1 epoch"}, {plural(1000, "epoch"), "1,000 epochs"},
		{duration(21.6), "0:22"}, {duration(75), "1:15"}, {duration(3723), "1:02:03"},
		{decibels(18.94), "18.9 dB"}, {decibels(math.Inf(1)), "∞ dB"},
		{hundredths(-0.004), "0.00"}, {hundredths(-0.006), "-0.01"}, {hundredths(1.005e2), "100.50"},
		{article("automobile"), "an automobile"}, {article("cat"), "a cat"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestPixels(t *testing.T) {
	colors := &theme{darker: rgb{0, 0, 255}, equal: rgb{100, 100, 100}, lighter: rgb{255, 0, 0}}
	original := []byte{100, 100, 100, 255, 255, 255, 0, 0, 0, 0, 0, 0}
	reconstruction := []byte{70, 100, 130, 0, 0, 0, 255, 255, 255, 0, 0, 192}
	want := []byte{
		100, 100, 100, 255, // equal on average
		0, 0, 255, 255, // too dark, beyond the end
		255, 0, 0, 255, // too light, beyond the end
		178, 50, 50, 255, // half of the way: 64 of 127.5
	}
	if got := difference(original, reconstruction, colors); !bytes.Equal(got, want) {
		t.Errorf("difference %v, want %v", got, want)
	}
	if got := rgba([]byte{1, 2, 3}); !bytes.Equal(got, []byte{1, 2, 3, 255}) {
		t.Errorf("rgba %v", got)
	}
	if rgba(nil) != nil || difference(nil, nil, colors) != nil {
		t.Error("want no pixels of no image")
	}
	if got := psnr([]byte{0, 0}, []byte{51, 51}); math.Abs(got-20*math.Log10(5)) > 1e-9 {
		t.Errorf("psnr %v, want %v", got, 20*math.Log10(5))
	}
}

func TestDifferenceWaitsForTheFirstBatch(t *testing.T) {
	s := visit(protocol.SourceSite)
	c := &Reconstructions{Page: s.Page}
	if c.difference(0)(&theme{}) != nil {
		t.Error("the untrained model has a difference image")
	}
	s.frame(protocol.Frame{Workers: 1, Status: protocol.StatusPaused, Batch: 1, Batches: 30})
	if c.difference(0)(&theme{}) == nil {
		t.Error("no difference image after the first batch")
	}
}

// TestDigest checks that the parts that have something new to show are seen to have it,
// and no others.
func TestDigest(t *testing.T) {
	s := train()
	root := &Root{Page: s.Page}
	digests := map[string]uint64{}
	envs := map[string]*vugu.BuildEnv{}
	parts := root.Parts()
	changed := func() (ids []string) {
		for _, part := range parts {
			env := envs[part.ID]
			if env == nil {
				env, _ = vugu.NewBuildEnv()
				envs[part.ID] = env
			}
			digest := Digest(env.RunBuild(part.Root))
			if digest != digests[part.ID] {
				ids = append(ids, part.ID)
			}
			digests[part.ID] = digest
		}
		return ids
	}
	if all := changed(); len(all) != len(parts) {
		t.Fatalf("%v are new, want all parts", all)
	}
	for _, c := range []struct {
		what   string
		change func()
		want   []string
	}{
		{"nothing", func() {}, nil},
		{"a property", func() { s.Loss.ShowMean = !s.Loss.ShowMean }, []string{"loss"}},
		{"an attribute", func() { s.Pictures.Select(2) }, []string{"reconstructions", "network", "explorer"}},
		{"a text", func() { s.ImagesPerSecond = 2 }, []string{"bar"}},
		{"an element", func() { s.Help = true }, []string{"bar", "help"}},
		{"a panel", func() { s.SwitchPanel(state.PanelData) }, []string{"bar"}},
	} {
		c.change()
		if got := changed(); !slices.Equal(got, c.want) {
			t.Errorf("%s changes: %v are rendered, want %v", c.what, got, c.want)
		}
	}
}

// TestParts checks what is on the page when.
func TestParts(t *testing.T) {
	s := visit(protocol.SourceSite)
	shown := func() (ids []string) {
		for _, part := range (&Root{Page: s.Page}).Parts() {
			if part.Shown(s.Page) {
				ids = append(ids, part.ID)
			}
		}
		return ids
	}
	always := []string{"bar", "intro", "help", "settings"}
	for place, want := range map[string][]string{
		"":         {"reconstructions", "loss", "network", "messages"},
		"features": {"features", "latent", "messages"},
		"explore":  {"explorer", "messages"},
		"compare":  {"runs", "messages"},
	} {
		s.Goto(place)
		if got := shown(); !slices.Equal(got, slices.Concat(always, want)) {
			t.Errorf("%q shows %v, want %v", place, got, slices.Concat(always, want))
		}
	}
	s.Goto("explore")
	s.Goto("model")
	if got, want := shown(), slices.Concat(always, []string{"explorer", "model", "messages"}); !slices.Equal(got, want) {
		t.Errorf("a panel over a view: %v, want %v", got, want)
	}
	s.Lesson.Switch()
	if got, want := shown(), []string{"bar", "intro", "lesson", "help", "settings", "explorer", "model", "messages"}; !slices.Equal(got, want) {
		t.Errorf("with the lesson beside: %v, want %v", got, want)
	}
	s.FollowEmbed("?panels=latent,loss")
	if got, want := shown(), []string{"bar", "settings", "loss", "code", "foot", "messages"}; !slices.Equal(got, want) {
		t.Errorf("in a frame: %v, want %v", got, want)
	}
	// A panel does not point at one that is not there.
	alone := visit(protocol.SourceSite)
	for panels, want := range map[string]string{"latent": "not trained yet", "recon,latent": "select a picture above to see its code"} {
		alone.FollowEmbed("?panels=" + panels)
		if got := (&Code{Page: alone.Page}).dead(); got != want {
			t.Errorf("in a frame of %s, beside the code of an untrained model: %q, want %q", panels, got, want)
		}
	}
}

var nobodyAnswers = strings.NewReplacer(`<div class="knobs"`, `<div inert class="knobs"`,
	`<button class="button bare icon keys-button"`, `<button inert class="button bare icon keys-button"`,
	`<button class="button bare icon theme"`, `<button inert class="button bare icon theme"`,
	`<button class="button bare lesson-button"`, `<button inert class="button bare lesson-button"`)

var update = flag.Bool("update", false, "write the page's first render into index.html")

// TestFirstRender checks that index.html has what the page renders first: so
// there is something to see while the program loads, and nothing shifts when
// it takes over.
func TestFirstRender(t *testing.T) {
	const file = "../static/index.html"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := text
	page := state.New(func(protocol.Message) {}, nil)
	page.Link.Follow("")
	for _, part := range (&Root{Page: page}).Parts() {
		place := regexp.MustCompile("(<!-- part " + part.ID + " -->).*(<!-- /part -->)")
		if !part.Shown(page) {
			if empty := fmt.Sprintf(`<section id="%s" hidden></section>`, part.ID); !bytes.Contains(text, []byte(empty)) {
				t.Errorf("%s has no %s", file, empty)
			}
			continue
		}
		if !place.Match(text) {
			t.Fatalf("%s has no place for the part %s", file, part.ID)
		}
		env, err := vugu.NewBuildEnv()
		if err != nil {
			t.Fatal(err)
		}
		var html bytes.Buffer
		if err := staticrender.New(&html).Render(env.RunBuild(part.Root)); err != nil {
			t.Fatal(err)
		}
		// Nothing answers yet, but for Train and keys; main is inert already.
		first := strings.ReplaceAll(html.String(), "\n", " ")
		first = nobodyAnswers.Replace(first)
		want = place.ReplaceAll(want, []byte("${1}"+strings.ReplaceAll(first, "$", "$$")+"${2}"))
	}
	if bytes.Equal(text, want) {
		return
	}
	if !*update {
		t.Fatalf("%s has another first render than the page; run go test ./web/ui -update", file)
	}
	if err := os.WriteFile(file, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPolicy checks that the page's policy lets in all markup of the templates, and
// that nothing else is markup: vugu escapes strings.
func TestPolicy(t *testing.T) {
	script, err := os.ReadFile("../static/policy.js")
	if err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(`const markup = /(.*)/;`).FindSubmatch(script)
	if pattern == nil {
		t.Fatal("policy.js has no pattern of markup")
	}
	markup := regexp.MustCompile(string(pattern[1]))
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all := regexp.MustCompile(`vugu\.HTML(\(".*"\))?`).FindAllSubmatch(source, -1)
		for _, constant := range all {
			html, err := strconv.Unquote(strings.Trim(string(constant[1]), "()"))
			switch {
			case strings.HasSuffix(file, "_test.go"):
			case err != nil:
				t.Errorf("%s has %s of something else than a constant", file, constant[0])
			case !markup.MatchString(html):
				t.Errorf("%s: the policy in web/static/policy.js does not let in %s", file, html)
			default:
				constants++
			}
		}
	}
	if constants == 0 {
		t.Error("no markup was found: does vugu generate other code?")
	}
	for _, hostile := range []string{
		"<img src=x onerror=alert(1)>", "<b onclick=\"x\">", "<script>", "<svg><use href=\"data:x\"></use></svg>",
		"<b class=\"a\" style=\"x\">", "text <", "<a href=\"javascript:x\">", "<iframe></iframe>", "<!-- x -->",
	} {
		if markup.MatchString(hostile) {
			t.Errorf("the policy lets in %s", hostile)
		}
	}
}

// TestStyle checks that the style sheet and the pages use the same names.
func TestStyle(t *testing.T) {
	read := func(files ...string) string {
		var all []byte
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, text...)
		}
		return string(all)
	}
	style := read("../static/style.css")
	page := read("../static/index.html")
	done := train()
	done.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Batches: 30})
	done.Features.Unit = 2
	done.Features.Detail = state.Detail{Unit: 2, UnitDetail: protocol.UnitDetail{
		Unit: analysis.Unit{Activations: make([]float32, 14), Top: []int{1}}, Pictures: make([]byte, 3072),
	}}
	open := slow()
	open.Help, open.Form.Open = true, true
	open.Lesson.Switch()
	open.Lesson.Turn(3)
	open.Builder.Open, open.Builder.Preview = true, true
	frame := train()
	frame.FollowEmbed("?panels=recon,loss,latent")
	page += read("../static/embed.html")
	for _, s := range []*session{begin(), visit(protocol.SourceSynthetic), train(), done, open, frame} {
		page += render(t, &Root{Page: s.Page})
	}
	used := map[string]bool{}
	for _, match := range regexp.MustCompile(`class="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		for name := range strings.FieldsSeq(match[1]) {
			used[name] = true
		}
	}
	drawn := read("dom_js.go", "widgets_js.go")
	for _, match := range regexp.MustCompile(`element\("[a-z0-9]+", "([^"]*)"\)`).FindAllStringSubmatch(drawn, -1) {
		for name := range strings.FieldsSeq(match[1]) {
			used[name] = true
		}
	}
	for _, match := range regexp.MustCompile(`\.([a-z][a-z-]*)[^{};]*\{`).FindAllString(regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(style, ""), -1) {
		for _, name := range regexp.MustCompile(`\.([a-z][a-z-]*)`).FindAllStringSubmatch(match, -1) {
			if !used[name[1]] {
				t.Errorf("style.css has rules for .%s, which no page has", name[1])
			}
		}
	}
	for _, match := range regexp.MustCompile(`--([a-z][a-z0-9-]*):`).FindAllStringSubmatch(style, -1) {
		if name := match[1]; !strings.Contains(style, "var(--"+name) && !strings.Contains(drawn, `("`+name+`")`) {
			t.Errorf("style.css has the token --%s, which nothing uses", name)
		}
	}
	for _, match := range regexp.MustCompile(`(?:href|aria-controls|aria-labelledby|aria-describedby|for)="#?([a-z][a-z-]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+match[1]+`"`) && !slices.Contains(state.Views, state.View(match[1])) {
			t.Errorf("the page refers to #%s, which it does not have", match[1])
		}
	}
}

// TestManyClasses: of a hundred classes, some are named and the rest counted.
func TestManyClasses(t *testing.T) {
	s := visit(protocol.SourceSite)
	c := &Data{Page: s.Page}
	for n, want := range map[int]string{3: "0, 1, 2", 21: "19, 20", 100: "18, 19 and 80 more"} {
		s.Dataset.Classes = nil
		for i := range n {
			s.Dataset.Classes = append(s.Dataset.Classes, strconv.Itoa(i))
		}
		if got := c.classes(); !strings.HasSuffix(got, want) {
			t.Errorf("%d classes: %q, want %q at the end", n, got, want)
		}
	}
}
