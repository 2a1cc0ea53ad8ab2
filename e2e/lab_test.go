package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe runs axe-core on the page and reports what it finds.
func axe(p *page, state string) {
	p.tb.Helper()
	if !evaluate[bool](p, `"axe" in window`) {
		script, err := os.ReadFile("../node_modules/axe-core/axe.min.js")
		if err != nil {
			p.tb.Fatal(err)
		}
		evaluate[chromedp.Void](p, string(script)+"; 0")
	}
	type violation struct {
		ID, Help string
		Nodes    []struct {
			HTML           string
			FailureSummary string
		}
	}
	violations := evaluate[[]violation](p, `axe.run().then((result) => result.violations.map(
		({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ html, failureSummary }) => ({ html, failureSummary })) })))`)
	for _, v := range violations {
		p.tb.Errorf("%s: %s: %s\n%+v", state, v.ID, v.Help, v.Nodes[:min(3, len(v.Nodes))])
	}
}

// axe-core finds nothing to object to, in light and dark: before training, while
// it trains, with a unit and the map open, with settings and a notice open, and
// on a phone.
func TestAccessibility(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	check := func(state string) {
		t.Helper()
		axe(p, state+", light")
		p.look(desktop.inDark())
		axe(p, state+", dark")
		p.look(desktop)
	}
	check("idle")
	evaluate[chromedp.Void](p, `sae.set({hidden: "32", latent: 16, epochs: 10000, lambda: 1e-4}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().epoch > 1`)
	check("training")
	evaluate[chromedp.Void](p, `sae.pause()`)
	openLab(p)
	check("dashboard and explorer")
	evaluate[chromedp.Void](p, `document.querySelector("[aria-controls=settings]").click()`)
	evaluate[chromedp.Void](p, `sae.loadDataset(new File(["x"], "x.bin")).catch(() => {})`)
	check("settings and notice")
	p.look(phone)
	axe(p, "phone")
}

// openLab opens a unit and the map.
func openLab(p *page) {
	p.tb.Helper()
	evaluate[chromedp.Void](p, `document.querySelector("#features").scrollIntoView()`)
	waitFor[bool](p, `document.querySelectorAll(".tile").length > 0`)
	evaluate[chromedp.Void](p, `document.querySelector(".tile").click()`)
	waitFor[bool](p, `document.querySelectorAll(".nine canvas").length > 0`)
	evaluate[chromedp.Void](p, `document.querySelector("#explorer").scrollIntoView()`)
	evaluate[chromedp.Void](p, `document.querySelector(".map button").click()`)
	waitFor[bool](p, `document.querySelector(".map .head").innerText.includes("click one to open it")`)
}

// The dashboard shows what the units do, and the explorer answers a slider.
func TestFeaturesAndExplorer(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "64", latent: 24, epochs: 3}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	openLab(p)
	if n := evaluate[int](p, `document.querySelectorAll(".tile").length`); n != 24 {
		t.Errorf("%d tiles, want 24", n)
	}
	p.screenshot("explorer")
	const hash = `(() => {
		const { data } = document.querySelector(".answer canvas").getContext("2d").getImageData(0, 0, 32, 32);
		return data.reduce((hash, x) => (31 * hash + x) | 0, 7);
	})()`
	// The largest activation set to zero changes the picture; its code brings it back.
	before := evaluate[int](p, hash)
	evaluate[chromedp.Void](p, `document.querySelector(".unit-slider button").click()`)
	waitFor[bool](p, fmt.Sprintf(`%s !== %d`, hash, before))
	if text := waitFor[string](p, `document.querySelector(".beside").innerText.includes("code changed") && document.querySelector(".unit-slider output").innerText`); text != "0.00" {
		t.Errorf("the slider says %q, want 0.00", text)
	}
	press := func(label string) {
		evaluate[chromedp.Void](p, fmt.Sprintf(`[...document.querySelectorAll("#explorer button")].find((b) => b.innerText === %q).click()`, label))
	}
	press("As encoded")
	waitFor[bool](p, fmt.Sprintf(`%s === %d`, hash, before))
	for _, label := range []string{"Mean code", "Random code"} {
		last := evaluate[int](p, hash)
		press(label)
		waitFor[bool](p, fmt.Sprintf(`%s !== %d`, hash, last))
	}
	last := evaluate[int](p, hash)
	evaluate[chromedp.Void](p, `(() => {
		const select = document.querySelector(".mix select");
		select.value = select.options[1].value;
		select.dispatchEvent(new Event("change", { bubbles: true }));
	})()`)
	waitFor[bool](p, fmt.Sprintf(`%s !== %d && document.querySelector(".beside").innerText.includes("mixed with 50 %%")`, hash, last))

	// How long a slider takes to change the picture, in milliseconds.
	times := evaluate[[]float64](p, `(async () => {
		const hash = () => `+hash+`;
		const input = document.querySelector(".unit-slider input"), times = [];
		for (let i = 0; i < 20; i++) {
			const before = hash(), start = performance.now();
			input.value = (i % 2 ? 0.2 : 0.9) * input.max;
			input.dispatchEvent(new Event("input", { bubbles: true }));
			while (hash() === before && performance.now() - start < 2000) await new Promise((done) => setTimeout(done));
			times.push(performance.now() - start);
			await new Promise((done) => setTimeout(done, 30));
		}
		return times;
	})()`)
	slices.Sort(times)
	t.Logf("a slider changes the picture within %.0f ms in the median, %.0f ms at most", times[len(times)/2], times[len(times)-1])
	if times[len(times)-1] >= 2000 {
		t.Error("a slider did not change the picture")
	}

	// A picture that activates a unit opens in the explorer.
	evaluate[chromedp.Void](p, `document.querySelectorAll(".nine button")[1].click()`)
	label := evaluate[string](p, `document.querySelectorAll(".nine button")[1].getAttribute("aria-label")`)
	class := strings.Split(label, ",")[0]
	waitFor[bool](p, fmt.Sprintf(`document.querySelector(".beside b").innerText === %q`, class))
	p.look(phone)
	if wide := evaluate[bool](p, `document.documentElement.scrollWidth > innerWidth`); wide {
		t.Error("the page scrolls sideways on a phone")
	}
	p.screenshot("explorer-phone")
}

// Keys train, pause and open what the mouse does; fields keep their keys.
func TestKeyboard(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 8, epochs: 10000})`)
	press := func(key string) { p.do(chromedp.KeyEvent(key)) }
	press(" ")
	waitFor[bool](p, `sae.state().status === "training" && sae.state().epoch > 0`)
	press(" ")
	waitFor[bool](p, `sae.state().status === "paused"`)
	press("?")
	waitFor[bool](p, `!document.querySelector("#help").hidden`)
	p.screenshot("keys")
	axe(p, "keys")
	press("m")
	waitFor[bool](p, `!document.querySelector("#settings").hidden`)
	evaluate[chromedp.Void](p, `document.querySelector("#settings input[type=text]").focus()`)
	press("r")
	if s := state(p); s.Epoch == 0 {
		t.Error("a letter in a field resets the run")
	}
	evaluate[chromedp.Void](p, `document.activeElement.blur()`)
	press("r")
	waitFor[bool](p, `sae.state().epoch === 0 && !document.querySelector(".toast").hidden`)
	press("z")
	waitFor[bool](p, `sae.state().epoch > 0`)
	press("3")
	waitFor[bool](p, `sae.state().settings.experiment === 3`)
}

// The timeline shows the pictures and features of an earlier epoch, while
// training goes on.
func TestTimeline(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "32", latent: 8, epochs: 10000}).then(() => sae.play())`)
	waitFor[bool](p, `document.querySelector(".timeline input").max > 3`)
	const hash = `(() => {
		const { data } = document.querySelectorAll(".plate .row")[2].querySelector("canvas").getContext("2d").getImageData(0, 0, 32, 32);
		return data.reduce((hash, x) => (31 * hash + x) | 0, 7);
	})()`
	now := evaluate[int](p, hash)
	scrub := func(moment string) {
		evaluate[chromedp.Void](p, `(() => {
			const input = document.querySelector(".timeline input");
			input.value = `+moment+`;
			input.dispatchEvent(new Event("input", { bubbles: true }));
		})()`)
	}
	scrub("0")
	waitFor[bool](p, `document.querySelector(".timeline output").innerText.startsWith("epoch")`)
	past := waitFor[int](p, hash)
	epoch := state(p).Epoch
	waitFor[bool](p, fmt.Sprintf(`sae.state().epoch > %d + 3`, epoch))
	if past == now || evaluate[int](p, hash) != past {
		t.Error("the pictures of the first moment do not stay while training goes on")
	}
	scrub(`input.max`)
	waitFor[bool](p, fmt.Sprintf(`document.querySelector(".timeline output").innerText === "now" && %s !== %d`, hash, past))
	p.screenshot("timeline")
}

// A picture of the user, dropped on the page, is cropped, reconstructed and
// compared with the validation pictures; a file that is none is refused.
func TestOwnPicture(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "32", latent: 8, epochs: 1}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	drop := func(file string) {
		evaluate[chromedp.Void](p, fmt.Sprintf(`(async () => {
			const transfer = new DataTransfer();
			transfer.items.add(%s);
			document.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
		})()`, file))
	}
	drop(`await (async () => {
		const canvas = new OffscreenCanvas(300, 100), context = canvas.getContext("2d");
		context.fillStyle = "red"; context.fillRect(0, 0, 300, 100);
		context.fillStyle = "blue"; context.fillRect(100, 0, 100, 100); // the square in the middle
		return new File([await canvas.convertToBlob()], "me.png", { type: "image/png" });
	})()`)
	waitFor[bool](p, `document.querySelector(".beside b").innerText === "your picture" && document.querySelector(".beside").innerText.includes("of the validation pictures")`)
	pixel := evaluate[[]int](p, `Array.from(document.querySelector(".beside canvas").getContext("2d").getImageData(1, 16, 1, 1).data)`)
	if !slices.Equal(pixel, []int{0, 0, 255, 255}) {
		t.Errorf("the picture's left edge is %v, want the blue of the middle", pixel)
	}
	p.screenshot("own-picture")
	drop(`new File(["no picture"], "bad.png", { type: "image/png" })`)
	waitFor[bool](p, `document.body.innerText.includes("That picture could not be read")`)
}
