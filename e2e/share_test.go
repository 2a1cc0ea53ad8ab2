package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// openLink opens the demo at a link, which may be relative.
func openLink(tb testing.TB, link string) *page {
	tb.Helper()
	p := open(tb, strings.TrimPrefix(link, siteURL(tb)), desktop)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	return p
}

// A link reproduces a run bit for bit, and the page says so. Errors in a link are named, and
// the rest of it is used.
func TestLink(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openLink(t, "?experiment=3&hidden=16&latent=8&epochs=2&bogus=1&lr=x")
	waitFor[bool](p, `document.querySelector(".notice").innerText.includes("bogus: there is no such setting") && document.querySelector(".notice").innerText.includes('lr "x": want a number')`)
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().status === "done"`)
	p.at("share")
	link := waitFor[string](p, `document.querySelector("#share input").value.includes("fingerprint=2-") && document.querySelector("#share input").value`)
	want := siteURL(t) + "?experiment=3&latent=8&hidden=16&epochs=2&fingerprint="
	if !strings.HasPrefix(link, want) {
		t.Errorf("link %s, want %s…", link, want)
	}
	p.screenshot("share")

	other := openLink(t, link)
	other.at("share")
	waitFor[bool](other, `document.querySelector("#share [role=status]").innerText.includes("after epoch 2")`)
	evaluate[chromedp.Void](other, `sae.play()`)
	waitFor[bool](other, `document.querySelector("#share [role=status]").innerText.includes("bit for bit, up to epoch 2")`)
	// The address follows the settings.
	evaluate[chromedp.Void](other, `sae.set({seed: 5})`)
	if address := waitFor[string](other, `location.search.includes("seed") && location.search`); address != "?experiment=3&latent=8&hidden=16&epochs=2&seed=5" {
		t.Errorf("the address bar has %s", address)
	}
	evaluate[chromedp.Void](other, `sae.play()`)
	waitFor[bool](other, fmt.Sprintf(`document.querySelector("#share [role=status]").innerText.includes(%q)`, "Not the same as the link's run"))
}

// Share makes snippets that embed the current settings, with a preview.
func TestSnippets(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openLink(t, "?experiment=3&hidden=16&latent=8&epochs=2")
	press := func(label string) {
		t.Helper()
		evaluate[chromedp.Void](p, fmt.Sprintf(`[...document.querySelectorAll("#share button, #share .check span")].find((e) => e.innerText === %q).click()`, label))
	}
	p.at("share")
	press("Embed…")
	waitFor[bool](p, `!!document.querySelector(".snippet")`)
	press("code")
	press("reconstructions")
	waitFor[bool](p, `document.querySelector(".snippet").textContent.includes('panels="loss,latent"')`)
	snippet := func(target, part string) string {
		t.Helper()
		evaluate[chromedp.Void](p, fmt.Sprintf(`(() => {
			const select = document.querySelector("#share select");
			select.value = %q;
			select.dispatchEvent(new Event("change", { bubbles: true }));
		})()`, target))
		return waitFor[string](p, fmt.Sprintf(`document.querySelector(".snippet").textContent.includes(%q) && document.querySelector(".snippet").textContent`, part))
	}
	const query = "?experiment=3&latent=8&hidden=16&epochs=2&panels=loss%2Clatent"
	for target, part := range map[string]string{"HTML": "<script", "MkDocs": "<script", "reveal.js": "<section>"} {
		page := host(t, desktop, snippet(target, part))
		evaluate[chromedp.Void](page, `document.querySelector("sparse-autoencoder").state()`) // the frame has answered
		if got := evaluate[string](page, `new URL(document.querySelector("sparse-autoencoder").shadowRoot.querySelector("iframe").src).search`); got != query {
			t.Errorf("for %s, the frame has the parameters %s, want %s", target, got, query)
		}
	}
	jupyter := regexp.MustCompile(`IFrame\("(.*?)"`).FindStringSubmatch(snippet("Jupyter", "IPython"))
	if jupyter == nil || strings.ReplaceAll(jupyter[1], ",", "%2C") != siteURL(t)+"embed.html#"+query {
		t.Errorf("for Jupyter, the frame is %v", jupyter)
	}
	config, element, _ := strings.Cut(snippet("Docusaurus", "docusaurus.config.js"), "\n\n")
	for source, want := range map[string]string{
		"export default {\n" + config + "\n}":       `"` + siteURL(t) + `embed.js"`,
		"export default () => <>" + element + "</>": `"sparse-autoencoder", { experiment: "3", latent: "8", hidden: "16", epochs: "2", panels: "loss,latent" }`,
	} {
		parse := exec.Command("../node_modules/.bin/esbuild", "--loader=jsx")
		parse.Stdin, parse.Stderr = strings.NewReader(source), os.Stderr
		if output, err := parse.Output(); err != nil || !strings.Contains(string(output), want) {
			t.Errorf("for Docusaurus:\n%s\nbecomes\n%s\nerror %v", source, output, err)
		}
	}
	press("Preview")
	waitFor[bool](p, `!!document.querySelector(".preview")`)
	evaluate[chromedp.Void](p, `document.querySelector(".preview").scrollIntoView()`)
	const preview = `document.querySelector(".preview sparse-autoencoder").shadowRoot.querySelector("iframe").contentDocument`
	waitFor[bool](p, `!!document.querySelector(".preview sparse-autoencoder")?.shadowRoot`)
	waitFor[bool](p, preview+`.querySelector(".embed-bar") && !`+preview+`.querySelector(".reconstructions") && !!`+preview+`.querySelector(".loss")`)
	waitFor[bool](p, `document.querySelector(".preview").offsetHeight > 500`)
	p.screenshot("share-embed")
}
