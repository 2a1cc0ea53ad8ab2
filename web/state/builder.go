package state

import (
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	"sae/nn/experiment"
)

// Builder is the form that makes what a page needs to embed the demo.
type Builder struct {
	Open    bool     // whether the form is
	Panels  []string // of EmbedPanels
	Auto    bool     // whether the frame loads by itself
	Lock    bool     // whether the reader can change nothing
	Target  string   // of Targets
	Preview bool     // whether the frame is shown
}

// Targets are the kinds of pages that a snippet can be made for.
var Targets = []string{"HTML", "MkDocs", "Docusaurus", "Hugo", "Jupyter", "reveal.js"}

// TogglePanel shows or leaves out a panel, but for the last.
func (b *Builder) TogglePanel(panel string) {
	if slices.Contains(b.Panels, panel) {
		if len(b.Panels) > 1 {
			b.Panels = slices.DeleteFunc(slices.Clone(b.Panels), func(p string) bool { return p == panel })
		}
		return
	}
	b.Panels = append(slices.Clone(b.Panels), panel)
}

// parameters returns those of the frame, in order.
func (p *Page) parameters() []experiment.Change {
	b := p.Builder
	changes := p.Settings.Changes()
	changes = slices.DeleteFunc(changes, func(c experiment.Change) bool { return c.Name == "workers" })
	changes = append(changes, experiment.Change{Name: "panels", Value: strings.Join(b.Panels, ",")})
	if b.Lock {
		changes = append(changes, experiment.Change{Name: "lock", Value: strings.Join(experiment.FieldNames(), ",")})
	}
	if b.Auto {
		changes = append(changes, experiment.Change{Name: "load", Value: "auto"})
	}
	return changes
}

// FrameAddress returns the address of the frame that the builder describes, below
// the address of the site's folder.
func (p *Page) FrameAddress(folder string) string {
	var query []string
	for _, c := range p.parameters() {
		query = append(query, c.Name+"="+strings.ReplaceAll(url.QueryEscape(c.Value), "%2C", ","))
	}
	return folder + "embed.html?" + strings.Join(query, "&")
}

// Snippet returns what to put into a page of the builder's target, for a site in the
// folder of the given address.
func (p *Page) Snippet(folder string) string {
	var element strings.Builder
	element.WriteString("<sparse-autoencoder")
	for _, c := range p.parameters() {
		fmt.Fprintf(&element, " %s=%q", c.Name, html.EscapeString(c.Value))
	}
	element.WriteString("></sparse-autoencoder>")
	script := fmt.Sprintf("<script src=%q></script>", html.EscapeString(folder+"embed.js"))
	frame := p.FrameAddress(folder)
	switch p.Builder.Target {
	case "Docusaurus": // MDX runs no scripts
		return fmt.Sprintf("<iframe src=%q title=\"Sparse autoencoder\" loading=\"lazy\"\n  style={{width: '100%%', height: 620, border: 0}} />", frame)
	case "Hugo":
		return fmt.Sprintf("layouts/shortcodes/sparse-autoencoder.html:\n\n%s\n<sparse-autoencoder {{ range $name, $value := .Params }}{{ $name }}=\"{{ $value }}\" {{ end }}></sparse-autoencoder>\n\nIn the text:\n\n{{< %s >}}",
			script, strings.TrimSuffix(strings.TrimPrefix(element.String(), "<"), "></sparse-autoencoder>"))
	case "Jupyter":
		return fmt.Sprintf("from IPython.display import IFrame\nIFrame(%q, width=\"100%%\", height=620)", frame)
	case "reveal.js":
		return "<section>\n  " + script + "\n  " + element.String() + "\n</section>"
	}
	return script + "\n" + element.String() // Markdown takes HTML
}
