package state

import (
	"testing"

	"sae/wasm/protocol"
)

func TestPlaces(t *testing.T) {
	page := visitor()
	for _, c := range []struct {
		place string
		view  View
		panel Panel
		want  string
	}{
		{"features", ViewFeatures, PanelNone, "features"},
		{"data", ViewFeatures, PanelData, "data"},
		{"nowhere", ViewFeatures, PanelData, "data"},
		{"share", ViewFeatures, PanelShare, "share"},
		{"features", ViewFeatures, PanelNone, "features"},
		{"train", ViewTrain, PanelNone, ""},
		{"compare", ViewCompare, PanelNone, "compare"},
		{"", ViewTrain, PanelNone, ""},
	} {
		page.Goto(c.place)
		if page.View != c.view || page.Panel != c.panel || page.Place() != c.want {
			t.Errorf("%q shows %q and %q, at %q", c.place, page.View, page.Panel, page.Place())
		}
	}
	page.SwitchPanel(PanelData)
	page.SwitchPanel(PanelData)
	if page.Panel != PanelNone {
		t.Errorf("panel %q is open, want it closed", page.Panel)
	}
	page.Press("e")
	page.Press("d")
	if page.View != ViewExplore || page.Panel != PanelData {
		t.Errorf("keys: %q and %q", page.View, page.Panel)
	}
	page.Press("Escape")
	if page.View != ViewExplore || page.Panel != PanelNone {
		t.Errorf("Escape: %q and %q", page.View, page.Panel)
	}
}

// The worker computes what only one view shows while that is shown, and once for what was
// missed meanwhile.
func TestViewsKeepUp(t *testing.T) {
	page, worker := open(t)
	worker.types()
	evaluated := protocol.Frame{Workers: 1, Samples: samples([]float32{1, 2, 3, 4}, 3, 4), Units: unitsOf(1, 2, 3, 4)}
	check := func(when, want string) {
		t.Helper()
		if got := worker.types(); got != want {
			t.Errorf("%s: commands %q, want %q", when, got, want)
		}
	}
	page.Features.Unit = 1
	worker.frame(evaluated)
	worker.frame(evaluated)
	check("in Train", "seen seen")
	page.Visit(ViewExplore)
	check("when Explore is shown", "images map")
	page.Map.Points = make([]float32, 2)
	worker.frame(evaluated)
	check("in Explore", "map images seen")
	page.Visit(ViewFeatures)
	check("when Features is shown", "unit")
	page.Visit(ViewExplore)
	page.Visit(ViewFeatures)
	check("without news", "")
	worker.frame(evaluated)
	check("in Features", "unit seen")
}
