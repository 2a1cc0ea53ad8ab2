package state

import (
	"html/template"
	"regexp"
	"strings"
	"testing"
)

// What the builder makes opens what is set, in every kind of page.
func TestBuilder(t *testing.T) {
	page := visitor()
	settings, err := page.Settings.With(map[string]string{"experiment": "3", "hidden": "256,64", "workers": "2"})
	if err != nil {
		t.Fatal(err)
	}
	page.Settings = settings
	page.Builder.TogglePanel("loss")
	page.Builder.TogglePanel("latent")
	page.Builder.Auto, page.Builder.Lock = true, true
	const folder = "https://host/sub/"
	page.Builder.Target = "Jupyter"
	frame := regexp.MustCompile(`^from IPython.display import IFrame\nIFrame\("https://host/sub/embed\.html#(\?.*)", width="100%", height=620\)$`).FindStringSubmatch(page.Builder.Snippet(folder))
	if frame == nil {
		t.Fatalf("for Jupyter:\n%s", page.Builder.Snippet(folder))
	}
	other := visitor()
	other.FollowEmbed(frame[1])
	if other.Messages.Notice != nil || other.Settings.Hidden != "256,64" || other.Settings.Workers != "auto" || !other.Embed.Locked("seed") || other.Embed.Shows("loss") || !other.Embed.Shows("recon") || !other.Embed.Shows("latent") {
		t.Errorf("%s opens %+v, %+v, notice %v", frame[1], other.Settings, other.Embed, other.Messages.Notice)
	}
	page.Builder.Lock = false
	const attributes = `experiment="3" hidden="256,64" panels="recon,latent" load="auto"`
	const script = `<script src="https://host/sub/embed.js"></script>`
	const element = "<sparse-autoencoder " + attributes + "></sparse-autoencoder>"
	for target, want := range map[string]string{
		"HTML":       script + "\n" + element,
		"MkDocs":     script + "\n" + element,
		"Docusaurus": "// In docusaurus.config.js:\nscripts: [\"https://host/sub/embed.js\"],\n\n{/* In the page: */}\n" + element,
		"reveal.js":  "<section>\n  " + script + "\n  " + element + "\n</section>",
	} {
		page.Builder.Target = target
		if got := page.Builder.Snippet(folder); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", target, got, want)
		}
	}
	// Hugo's shortcodes are templates, which are given the parameters of the page's.
	page.Builder.Target = "Hugo"
	shortcode, use, _ := strings.Cut(page.Builder.Snippet(folder), "\n\n")
	if want := "<!-- In the page: -->\n{{< sparse-autoencoder " + attributes + " >}}"; use != want {
		t.Errorf("in Hugo's page:\n%s\nwant\n%s", use, want)
	}
	var html strings.Builder
	err = template.Must(template.New("").Parse(shortcode)).Execute(&html, map[string]any{"Params": map[string]string{
		"experiment": "3", "hidden": "256,64", "load": "auto", "panels": "recon,latent",
	}})
	if want := `<sparse-autoencoder experiment="3" hidden="256,64" load="auto" panels="recon,latent"></sparse-autoencoder>`; err != nil || html.String() != "\n"+script+"\n"+want {
		t.Errorf("Hugo makes\n%s\nwant\n%s\nerror %v", html.String(), want, err)
	}
	page.Builder.Panels = []string{"loss"}
	if page.Builder.TogglePanel("loss"); len(page.Builder.Panels) != 1 {
		t.Error("the last panel can be left out")
	}
}
