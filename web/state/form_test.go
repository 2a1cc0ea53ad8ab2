package state

import (
	"strings"
	"testing"

	"sae/wasm/protocol"
)

func TestEditKeepsTheDraft(t *testing.T) {
	page, _ := open(t)
	page.Edit("hidden", "512,,x")
	if page.Draft["hidden"] != "512,,x" || !strings.HasPrefix(page.FieldErrors["hidden"], "Want at most") {
		t.Errorf("draft %q, error %q", page.Draft["hidden"], page.FieldErrors["hidden"])
	}
	page.Edit("hidden", "512,128")
	if len(page.Draft)+len(page.FieldErrors) != 0 || page.Settings.Hidden != "512,128" {
		t.Errorf("draft %v, errors %v, hidden %q after a good value", page.Draft, page.FieldErrors, page.Settings.Hidden)
	}
}

func TestTypingIsKeptUntilItIsTaken(t *testing.T) {
	page, _ := open(t)
	page.Type("epochs", "3x")
	if page.Draft["epochs"] != "3x" || page.Settings.Epochs != 20 {
		t.Fatalf("draft %q, epochs %d, want 3x and still 20", page.Draft["epochs"], page.Settings.Epochs)
	}
	page.Type("epochs", "20") // back to what it was
	if draft, ok := page.Draft["epochs"]; ok {
		t.Errorf("draft %q, want none", draft)
	}
	page.Type("epochs", "30")
	page.Edit("epochs", "30")
	if draft, ok := page.Draft["epochs"]; ok || page.Settings.Epochs != 30 {
		t.Errorf("draft %q, epochs %d, want none and 30", draft, page.Settings.Epochs)
	}
}

// Nothing trains by the user's hand while a field shows what was refused; a script, and
// what it sets, do.
func TestNothingTrainsOnWhatIsNotShown(t *testing.T) {
	page, worker := open(t)
	page.Press("m")
	page.Type("lr", "1.5x")
	page.Edit("lr", "1.5x")
	worker.types()
	for name, train := range map[string]func(){
		"Train": page.Toggle, "Space": func() { page.Press(" ") }, "Step": page.StepOnce, "S": func() { page.Press("s") },
		"Sweep": page.Series.Sweep, "Run experiments": page.Series.Experiments, "Lesson": page.Lesson.SetUp,
	} {
		page.Notice = nil
		train()
		if sent := worker.types(); sent != "" || page.Notice == nil || page.Status != protocol.StatusIdle {
			t.Errorf("%s: commands %q, notice %v, status %q; want a notice alone", name, sent, page.Notice, page.Status)
			continue
		}
		if text := page.Notice.Title + ". " + page.Notice.Text; text != `Learning rate shows what cannot be used. "1.5x": Want a number from 1e-8 to 10. Nothing is trained until that is corrected; Escape brings back "0.001".` {
			t.Errorf("%s: notice %q", name, text)
		}
	}
	page.Play(must(t))
	page.Toggle()
	if sent := worker.types(); sent != "play pause" {
		t.Errorf("commands %q, want what a script asks for, and a pause", sent)
	}
	page.Press("Escape")
	if page.MoreSettings || len(page.Draft)+len(page.FieldErrors) > 0 {
		t.Errorf("closed: draft %v, errors %v", page.Draft, page.FieldErrors)
	}
	page.Toggle()
	if sent := worker.types(); sent != "play" {
		t.Errorf("commands %q once the form is closed", sent)
	}
}

// A field that is back at what is in use is not refused any more.
func TestTypingWhatIsInUse(t *testing.T) {
	page, _ := open(t)
	page.Edit("epochs", "3x")
	page.Type("epochs", "20")
	if len(page.Draft)+len(page.FieldErrors) > 0 {
		t.Errorf("draft %v, errors %v", page.Draft, page.FieldErrors)
	}
}
