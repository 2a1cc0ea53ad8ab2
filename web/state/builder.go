package state

import (
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	"sae/nn/experiment"
)

// Builder is the form for embedding the demo: it writes a snippet for the host page.
type Builder struct {
	Open    bool
	Panels  []string // of EmbedPanels
	Auto    bool     // whether the frame loads at once
	Lock    bool     // whether all settings are locked
	Target  string   // of Targets
	Preview bool     // whether a preview is shown

	training *Training
}

// Targets are the kinds of host pages.
var Targets = []string{"HTML", "MkDocs", "Docusaurus", "Hugo", "Jupyter", "reveal.js"}

// TogglePanel adds or removes a panel. The last one stays.
func (b *Builder) TogglePanel(panel string) {
	if slices.Contains(b.Panels, panel) {
		if len(b.Panels) > 1 {
			b.Panels = slices.DeleteFunc(slices.Clone(b.Panels), func(p string) bool { return p == panel })
		}
		return
	}
	b.Panels = append(slices.Clone(b.Panels), panel)
}

// Attributes returns the attributes of the element, which are also the parameters of its
// frame.
func (b *Builder) Attributes() []experiment.Change {
	changes := b.training.Settings.Changes()
	changes = slices.DeleteFunc(changes, func(c experiment.Change) bool { return ofMachine(c.Name) })
	changes = append(changes, experiment.Change{Name: "panels", Value: strings.Join(b.Panels, ",")})
	if b.Lock {
		changes = append(changes, experiment.Change{Name: "lock", Value: strings.Join(experiment.FieldNames(), ",")})
	}
	if b.Auto {
		changes = append(changes, experiment.Change{Name: "load", Value: "auto"})
	}
	return changes
}

// Snippet returns the code for the host page. folder is the address of the site's folder.
func (b *Builder) Snippet(folder string) string {
	var attributes, query strings.Builder
	for i, c := range b.Attributes() {
		fmt.Fprintf(&attributes, " %s=\"%s\"", c.Name, html.EscapeString(c.Value))
		fmt.Fprintf(&query, "%c%s=%s", "?&"[min(i, 1)], c.Name, strings.ReplaceAll(url.QueryEscape(c.Value), "%2C", ","))
	}
	address := folder + "embed.js"
	script := fmt.Sprintf("<script src=\"%s\"></script>", html.EscapeString(address))
	element := fmt.Sprintf("<sparse-autoencoder%s></sparse-autoencoder>", attributes.String())
	switch b.Target {
	case "Docusaurus": // MDX runs no scripts
		return fmt.Sprintf("// In docusaurus.config.js:\nscripts: [%q],\n\n{/* In the page: */}\n%s", address, element)
	case "Hugo":
		return fmt.Sprintf("{{/* layouts/shortcodes/sparse-autoencoder.html: */}}\n%s\n"+
			"<sparse-autoencoder{{ range $name, $value := .Params }} {{ $name }}=\"{{ $value }}\"{{ end }}></sparse-autoencoder>\n\n"+
			"<!-- In the page: -->\n{{< sparse-autoencoder%s >}}", script, attributes.String())
	case "Jupyter":
		return fmt.Sprintf("from IPython.display import IFrame\nIFrame(%q, width=\"100%%\", height=620)", folder+"embed.html#"+query.String())
	case "reveal.js":
		return "<section>\n  " + script + "\n  " + element + "\n</section>"
	}
	return script + "\n" + element // Markdown takes HTML
}
