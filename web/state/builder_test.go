package state

import (
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
	frame := page.FrameAddress(folder)
	query, found := strings.CutPrefix(frame, folder+"embed.html")
	other := visitor()
	other.FollowEmbed(query)
	if !found || other.Notice != nil || other.Settings.Hidden != "256,64" || other.Settings.Workers != "auto" || !other.Locked("seed") || other.Shows("loss") || !other.Shows("recon") || !other.Shows("latent") {
		t.Errorf("%s opens %+v, %+v, notice %v", frame, other.Settings, other.Embed, other.Notice)
	}
	page.Builder.Lock = false
	for target, want := range map[string]string{
		"HTML":       "<script src=\"https://host/sub/embed.js\"></script>\n<sparse-autoencoder experiment=\"3\" hidden=\"256,64\" panels=\"recon,latent\" load=\"auto\"></sparse-autoencoder>",
		"MkDocs":     "<script src=",
		"Docusaurus": "<iframe src=\"https://host/sub/embed.html?experiment=3&hidden=256,64&panels=recon,latent&load=auto\"",
		"Hugo":       "{{< sparse-autoencoder experiment=\"3\" hidden=\"256,64\" panels=\"recon,latent\" load=\"auto\" >}}",
		"Jupyter":    "IFrame(\"https://host/sub/embed.html?experiment=3&",
		"reveal.js":  "<section>\n  <script",
	} {
		page.Builder.Target = target
		if got := page.Snippet(folder); !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant %s", target, got, want)
		}
	}
	page.Builder.Panels = []string{"loss"}
	if page.Builder.TogglePanel("loss"); len(page.Builder.Panels) != 1 {
		t.Error("the last panel can be left out")
	}
}
