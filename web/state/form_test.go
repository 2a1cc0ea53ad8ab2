package state

import (
	"strings"
	"testing"

	"sae/wasm/protocol"
)

func TestEditKeepsTheDraft(t *testing.T) {
	page, _ := open(t)
	page.Form.Edit("hidden", "512,,x")
	if page.Form.Draft["hidden"] != "512,,x" || !strings.HasPrefix(page.Form.Errors["hidden"], "Want at most") {
		t.Errorf("draft %q, error %q", page.Form.Draft["hidden"], page.Form.Errors["hidden"])
	}
	page.Form.Edit("hidden", "512,128")
	if len(page.Form.Draft)+len(page.Form.Errors) != 0 || page.Settings.Hidden != "512,128" {
		t.Errorf("draft %v, errors %v, hidden %q after a good value", page.Form.Draft, page.Form.Errors, page.Settings.Hidden)
	}
}

func TestTypingIsKeptUntilItIsTaken(t *testing.T) {
	page, _ := open(t)
	page.Form.Type("epochs", "3x")
	if page.Form.Draft["epochs"] != "3x" || page.Settings.Epochs != 20 {
		t.Fatalf("draft %q, epochs %d, want 3x and still 20", page.Form.Draft["epochs"], page.Settings.Epochs)
	}
	page.Form.Type("epochs", "20") // back to what it was
	if draft, ok := page.Form.Draft["epochs"]; ok {
		t.Errorf("draft %q, want none", draft)
	}
	page.Form.Type("epochs", "30")
	page.Form.Edit("epochs", "30")
	if draft, ok := page.Form.Draft["epochs"]; ok || page.Settings.Epochs != 30 {
		t.Errorf("draft %q, epochs %d, want none and 30", draft, page.Settings.Epochs)
	}
}

// Nothing trains by the user's hand while a field shows what was refused; a script, and
// what it sets, do.
func TestNothingTrainsOnWhatIsNotShown(t *testing.T) {
	page, worker := open(t)
	page.Press("m")
	page.Form.Type("lr", "1.5x")
	page.Form.Edit("lr", "1.5x")
	worker.types()
	for name, train := range map[string]func(){
		"Train": page.Toggle, "Space": func() { page.Press(" ") }, "Step": page.StepOnce, "S": func() { page.Press("s") },
		"Sweep": page.Series.Sweep, "Run experiments": page.Series.Experiments, "Lesson": page.Lesson.SetUp,
	} {
		page.Messages.Notice = nil
		train()
		if sent := worker.types(); sent != "" || page.Messages.Notice == nil || page.Status != protocol.StatusIdle {
			t.Errorf("%s: commands %q, notice %v, status %q; want a notice alone", name, sent, page.Messages.Notice, page.Status)
			continue
		}
		if text := page.Messages.Notice.Title + ". " + page.Messages.Notice.Text; text != `Learning rate shows what cannot be used. "1.5x": Want a number from 1e-8 to 10. Nothing is trained until that is corrected; Escape brings back "0.001".` {
			t.Errorf("%s: notice %q", name, text)
		}
	}
	page.Play(must(t))
	page.Toggle()
	if sent := worker.types(); sent != "play pause" {
		t.Errorf("commands %q, want what a script asks for, and a pause", sent)
	}
	page.Press("Escape")
	if page.Form.Open || len(page.Form.Draft)+len(page.Form.Errors) > 0 {
		t.Errorf("closed: draft %v, errors %v", page.Form.Draft, page.Form.Errors)
	}
	page.Toggle()
	if sent := worker.types(); sent != "play" {
		t.Errorf("commands %q once the form is closed", sent)
	}
}

// A field that is back at what is in use is not refused any more.
func TestTypingWhatIsInUse(t *testing.T) {
	page, _ := open(t)
	page.Form.Edit("epochs", "3x")
	page.Form.Type("epochs", "20")
	if len(page.Form.Draft)+len(page.Form.Errors) > 0 {
		t.Errorf("draft %v, errors %v", page.Form.Draft, page.Form.Errors)
	}
}
