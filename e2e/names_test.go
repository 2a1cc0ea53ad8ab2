package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"sae/data"
)

// Long names from files do not widen the page or a frame, wherever they are shown.
func TestLongNames(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	long := func(name string) string { return strings.Repeat(name, 900/len(name)) }
	set := data.Synthetic(64, 16, 1)
	set.Name, set.Provenance = long("set"), long("source")
	for i := range set.Classes {
		set.Classes[i] = long(fmt.Sprintf("class%d", i))
	}
	var content bytes.Buffer
	if err := set.Write(&content); err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprintf(`new File([Uint8Array.from(atob(%q), (c) => c.charCodeAt())], "own.sae")`, base64.StdEncoding.EncodeToString(content.Bytes()))
	start := func(p *page) {
		waitFor[bool](p, `"sae" in window`)
		evaluate[chromedp.Void](p, `sae.ready`)
		evaluate[chromedp.Void](p, drop(own))
		waitFor[bool](p, `sae.state().dataset.train === 64`)
		evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 8, epochs: 1, batch: 16, workers: 1}).then(() => sae.play())`)
		waitFor[bool](p, `sae.state().status === "done"`)
	}
	fits := func(p *page, when string) {
		t.Helper()
		for name, v := range map[string]view{"desktop": desktop, "phone": phone} {
			p.look(v)
			p.frames()
			if wide := evaluate[[]string](p, `(() => {
				const clips = (e) => e && e !== document.body && (getComputedStyle(e).overflowX !== "visible" || clips(e.parentElement));
				return [...document.body.querySelectorAll("*")]
					.filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !clips(e.parentElement) && !e.closest(".sr"))
					.map((e) => e.tagName + "." + e.className + " in " + e.parentElement.className + ": " + Math.round(e.getBoundingClientRect().right));
			})()`); len(wide) > 0 || evaluate[int64](p, `document.documentElement.scrollWidth`) > v.width {
				t.Errorf("%s, %s: the page is %d pixels wide: %s", when, name, evaluate[int64](p, `document.documentElement.scrollWidth`), strings.Join(wide, "\n\t"))
			}
			p.screenshot("long-names-" + strings.ReplaceAll(when, " ", "-") + "-" + name)
		}
		p.look(desktop)
	}
	p := open(t, demo, desktop)
	start(p)
	openLab(p)
	evaluate[chromedp.Void](p, `(() => {
		const mix = document.querySelector(".mix select");
		mix.selectedIndex = 1;
		mix.dispatchEvent(new Event("change", { bubbles: true }));
	})()`)
	fits(p, "explore")
	p.at("compare")
	waitFor[bool](p, `document.querySelectorAll("#runs tbody tr").length === 1`)
	p.renameRun(long("run"))
	evaluate[chromedp.Void](p, `document.querySelector("#runs tbody input[type=checkbox]").click()`)
	fits(p, "compare")
	for _, place := range []string{"features", "data", "model", "share"} {
		p.at(place)
		fits(p, place)
	}
	p.at("train")
	evaluate[chromedp.Void](p, `document.querySelectorAll(".knobs > .button").forEach((e) => e.ariaExpanded === "false" && e.click())`)
	waitFor[bool](p, `!!document.querySelector("#setting-hidden")`)
	fits(p, "train")
	p.at("compare")
	evaluate[chromedp.Void](p, `document.querySelector("#runs button[aria-label^=Delete]").click()`)
	waitFor[bool](p, `document.querySelector(".toast").innerText.includes("Deleted")`)
	evaluate[chromedp.Void](p, drop(fmt.Sprintf(`new File(["no records"], %q)`, long("file")+".bin")))
	waitFor[bool](p, `!document.querySelector(".notice").hidden`)
	evaluate[chromedp.Void](p, fmt.Sprintf(`(() => {
		const field = document.querySelector("#setting-hidden");
		field.value = %q;
		field.dispatchEvent(new Event("change", { bubbles: true }));
	})()`, long("512,")))
	fits(p, "what went wrong")

	frame := open(t, "embed.html?load=auto&panels=recon,loss,latent", desktop)
	start(frame)
	fits(frame, "a frame")
	p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(siteURL(t)+"?hidden="+long("512,")+"&"+long("name")+"=1&latent="+long("9")))
	waitFor[bool](p, `!!document.querySelector(".notice:not([hidden])")`)
	fits(p, "a link")
}
