package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// openLink opens the demo at a link, an address below the site's or a whole one.
func openLink(tb testing.TB, link string) *page {
	tb.Helper()
	p := open(tb, strings.TrimPrefix(link, siteURL), desktop)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	return p
}

// A link reproduces a run bit for bit and says so; what is wrong with one is
// named, and the rest of it used.
func TestLink(t *testing.T) {
	useSite(t, false)
	p := openLink(t, "?experiment=3&hidden=16&latent=8&epochs=2&bogus=1&lr=x")
	waitFor[bool](p, `document.querySelector(".notice").innerText.includes("bogus: there is no such setting") && document.querySelector(".notice").innerText.includes('lr "x": want a number')`)
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().status === "done"`)
	link := waitFor[string](p, `document.querySelector("#share input").value.includes("fingerprint=2-") && document.querySelector("#share input").value`)
	want := siteURL + "?experiment=3&latent=8&hidden=16&epochs=2&fingerprint="
	if !strings.HasPrefix(link, want) {
		t.Errorf("link %s, want %s…", link, want)
	}
	evaluate[chromedp.Void](p, `document.querySelector("#share").scrollIntoView()`)
	p.screenshot("share")

	other := openLink(t, link)
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
