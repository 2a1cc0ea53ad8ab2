package state

import "slices"

// View is a view of the page. One is shown at a time.
type View string

const (
	ViewTrain    View = "train"    // pictures, losses, the code
	ViewFeatures View = "features" // what the latent units stand for
	ViewExplore  View = "explore"  // codes that the reader changes
	ViewCompare  View = "compare"  // runs and trade-offs
)

// Views lists the views in order.
var Views = []View{ViewTrain, ViewFeatures, ViewExplore, ViewCompare}

// Panel is a panel that opens over any view.
type Panel string

const (
	PanelNone  Panel = ""
	PanelData  Panel = "data"
	PanelModel Panel = "model"
	PanelShare Panel = "share"
)

// Panels lists the panels in order.
var Panels = []Panel{PanelData, PanelModel, PanelShare}

// Visit shows a view and closes the open panel.
func (p *Page) Visit(view View) {
	p.View, p.Panel = view, PanelNone
	p.keepUp()
	p.drawCurve()
}

// keepUp has the worker compute what the view shows of the model, if that has changed. What
// other views show waits until they are shown.
func (p *Page) keepUp() {
	switch p.View {
	case ViewFeatures:
		if p.Features.behind {
			p.Features.refresh()
		}
	case ViewExplore:
		if p.Explorer.behind {
			p.Map.refresh()
		}
		p.Explorer.refresh(p.Pictures.Selected)
		if len(p.Timeline.Units.Mean) > 0 { // there is a model
			p.Map.first()
		}
	}
}

// drawCurve has the curve of principal components computed when Compare is shown.
func (p *Page) drawCurve() {
	if p.View == ViewCompare {
		p.Loss.askCurve()
	}
}

// TryUnit shows what the open unit does to a validation image, or to the explorer's own
// for -1.
func (p *Page) TryUnit(image int) {
	p.Visit(ViewExplore)
	p.Explorer.Show(image)
	p.Explorer.Hold(p.Features.Unit)
}

// SwitchPanel opens a panel, or closes it if it is open.
func (p *Page) SwitchPanel(panel Panel) {
	if p.Panel == panel {
		panel = PanelNone
	}
	p.Panel = panel
}

// Place names what is shown, for the address: the open panel, or else the view; "" for the
// first view.
func (p *Page) Place() string {
	switch {
	case p.Panel != PanelNone:
		return string(p.Panel)
	case p.View == ViewTrain:
		return ""
	}
	return string(p.View)
}

// Goto shows the place that an address names. An unknown name changes nothing.
func (p *Page) Goto(place string) {
	switch {
	case place == "":
		p.Visit(ViewTrain)
	case slices.Contains(Views, View(place)):
		p.Visit(View(place))
	case slices.Contains(Panels, Panel(place)):
		p.Panel = Panel(place)
	}
}
