package state

import "testing"

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
