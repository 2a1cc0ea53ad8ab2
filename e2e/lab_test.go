package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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

// axe-core finds no problems, in light and dark: before and during training, with a unit
// and the map open, with settings and a notice open, and on a phone.
func TestAccessibility(t *testing.T) {
	t.Parallel()
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
	check("explorer")
	p.at("features")
	check("dashboard")
	p.at("compare")
	check("runs")
	for _, panel := range []string{"data", "model", "share"} {
		p.at(panel)
		check(panel)
	}
	p.at("train")
	evaluate[chromedp.Void](p, `document.querySelector("[aria-controls=settings]").click()`)
	evaluate[chromedp.Void](p, `sae.loadDataset(new File(["x"], "x.bin")).catch(() => {})`)
	check("settings and notice")
	evaluate[chromedp.Void](p, `sae.set({epochs: 2})`) // fewer than completed
	evaluate[chromedp.Void](p, `document.activeElement.blur()`)
	p.do(chromedp.KeyEvent("l"))
	waitFor[bool](p, `!document.querySelector("#lesson").hidden`)
	check("a finished run and the lesson")
	p.look(view{width: 1024, height: 768, scale: 1})
	axe(p, "a tablet and the lesson")
	p.look(phone)
	axe(p, "a phone and the lesson")
	evaluate[chromedp.Void](p, `document.querySelector("#lesson [aria-label='Close the lesson']").click()`)
	waitFor[bool](p, `document.querySelector("#lesson").hidden`)
	for _, dark := range []bool{false, true} {
		view := phone
		view.dark = dark
		p.look(view)
		for _, place := range []string{"train", "features", "explore", "compare", "data", "model", "share"} {
			p.at(place)
			axe(p, fmt.Sprintf("%s, on a phone, dark %v", place, dark))
		}
	}
}

// On a phone, an open panel or unit leaves the transport in reach, which does not lie across it,
// and a notice is in view above it; and nothing is wider than the narrowest phones, nor cut off
// at other widths.
func TestPanelsOnAPhone(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, view{width: 360, height: 740, scale: 2, mobile: true})
	evaluate[chromedp.Void](p, `sae.loadDataset(new File(["x"], "x.bin")).catch(() => {})`)
	waitFor[bool](p, `!document.querySelector(".notice").hidden`)
	for _, place := range []string{"data", "model", "share"} {
		p.at(place)
		for _, scroll := range []int{0, 1000} {
			hidden := evaluate[[]string](p, fmt.Sprintf(`(scrollTo(0, %d), ["#%[2]s h2", "#%[2]s [aria-label^=Close]", ".play", ".notice button"].filter((selector) => {
				const element = document.querySelector(selector), { left, top, width, height } = element.getBoundingClientRect();
				return !element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
			}))`, scroll, place))
			if len(hidden) > 0 {
				t.Errorf("with the panel %s open on a phone, scrolled by %d, something covers %q", place, scroll, hidden)
			}
			if between := evaluate[float64](p, fmt.Sprintf(`document.querySelector("#%s").getBoundingClientRect().top - document.querySelector(".run").getBoundingClientRect().bottom`, place)); between < -1 || between > 1 {
				t.Errorf("the panel %s begins %v pixels below the transport", place, between)
			}
		}
	}
	p.screenshot("panel-360")
	evaluate[chromedp.Void](p, `document.querySelector(".notice button").click()`)
	p.do(chromedp.KeyEvent(kb.Escape))
	waitFor[bool](p, `(scrollTo(0, 0), document.querySelector(".run").getBoundingClientRect().top > 200 && document.querySelector(".views").getBoundingClientRect().top > 250)`)

	// So does an open unit, and what is behind it stays where it is.
	p.at("features")
	tiles := waitFor[float64](p, `document.querySelectorAll(".tile").length > 0 && (scrollTo(0, 0), document.querySelector(".tiles").getBoundingClientRect().top)`)
	evaluate[chromedp.Void](p, `document.querySelector(".tile").click()`)
	waitFor[bool](p, `document.querySelector("#unit-title").innerText !== "Choose a unit"`)
	if covered := evaluate[bool](p, `(({ left, top }) => !document.elementFromPoint(left + 20, top + 10)?.closest(".play"))(document.querySelector(".play").getBoundingClientRect())`); covered {
		t.Error("an open unit covers the transport on a phone")
	}
	if after := evaluate[float64](p, `document.querySelector(".tiles").getBoundingClientRect().top`); after != tiles {
		t.Errorf("the tiles are at %v before a unit opens, and at %v after that", tiles, after)
	}
	p.do(chromedp.KeyEvent(kb.Escape))
	p.at("train")
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 24, epochs: 20, subset: 500}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done" && document.querySelector(".play").innerText.includes("Continue")`)
	for _, place := range []string{"train", "features", "explore", "compare"} {
		p.at(place)
		if wide := evaluate[string](p, `[...document.querySelectorAll("main *, .bar *")].filter((e) => !e.closest(".sr, .scroll, svg") && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80)).join("\n")`); wide != "" {
			t.Errorf("%s is wider than 360 pixels:\n%s", place, wide)
		}
	}
	p.at("explore")
	if height := waitFor[float64](p, `document.querySelector(".unit-slider") && document.querySelector(".answer .pic").getBoundingClientRect().bottom - document.querySelector(".unit-slider").getBoundingClientRect().top`); height > 740-97 {
		t.Errorf("at 360 pixels, the first slider of Explore and the picture that it changes are %v pixels high", height)
	}
	p.look(view{width: 768, height: 1024, scale: 1})
	if beside := evaluate[bool](p, `document.querySelector(".answer").getBoundingClientRect().left > document.querySelector(".units").getBoundingClientRect().right`); !beside {
		t.Error("at 768 pixels, the picture is not beside the sliders of Explore")
	}
	p.at("train")
	for width, most := range map[int64]int{360: 2, 1100: 1, 1280: 1, 1440: 1, 1920: 1} {
		p.look(view{width: width, height: 900, scale: 1})
		if rows := evaluate[int](p, `new Set([...document.querySelectorAll("#loss .figures dt")].map((e) => Math.round(e.getBoundingClientRect().top)).filter((top) => top > 0)).size`); rows > most {
			t.Errorf("the figures of the loss take %d rows at %d pixels, want at most %d", rows, width, most)
		}
	}
	p.look(view{width: 1920, height: 1080, scale: 1})
	p.do(chromedp.KeyEvent("l"))
	waitFor[bool](p, `document.activeElement.matches("#lesson h2")`)
	if width := evaluate[int](p, `document.querySelector("#loss").offsetWidth`); width < 400 {
		t.Errorf("with the lesson open, the loss is %d pixels wide at 1920 pixels", width)
	}
	p.look(view{width: 360, height: 740, scale: 2, mobile: true})
	covered := evaluate[[]string](p, `[...document.querySelectorAll("main button, main input")].filter((e) => e.checkVisibility() && !e.disabled).filter((e) => {
		e.focus();
		const { left, top, width, height } = e.getBoundingClientRect();
		return !!document.elementFromPoint(left + width / 2, top + height / 2)?.closest("#lesson");
	}).map((e) => e.ariaLabel ?? e.outerHTML.slice(0, 80))`)
	if len(covered) > 0 {
		t.Errorf("on a phone, the open lesson covers what has the focus: %q", covered)
	}
	p.do(chromedp.KeyEvent(kb.Escape))
	// The fade that says that a table of runs goes on covers nothing where it does not.
	p.at("compare")
	p.look(desktop)
	waitFor[bool](p, `!!document.querySelector("td[data-label=Time] span")`)
	if covered := evaluate[float64](p, `24 + document.querySelector("td[data-label=Time] span").getBoundingClientRect().right - document.querySelector("td.actions").getBoundingClientRect().left`); covered > 1 {
		t.Errorf("%v pixels of the last column are under the fade", covered)
	}
}

// openLab opens a unit and then the map.
func openLab(p *page) {
	p.tb.Helper()
	p.at("features")
	waitFor[bool](p, `document.querySelectorAll(".tile").length > 0`)
	evaluate[chromedp.Void](p, `document.querySelector(".tile").click()`)
	waitFor[bool](p, `document.querySelectorAll(".nine canvas").length > 0`)
	p.at("explore")
	evaluate[chromedp.Void](p, `document.querySelector(".map button").click()`)
	waitFor[bool](p, `document.querySelector(".map .head").innerText.includes("click one to open it")`)
}

// Features shows the units, and a slider in Explore changes the picture.
func TestFeaturesAndExplorer(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "64", latent: 24, epochs: 3}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	p.at("features")
	if n := waitFor[int](p, `document.querySelectorAll(".tile").length`); n != 24 {
		t.Errorf("%d tiles, want 24", n)
	}
	cost := waitFor[string](p, `(document.querySelector(".tile").click(), document.querySelector(".cost").innerText)`)
	if !strings.HasPrefix(cost, "With this unit ablated, the validation BCE is 0.") {
		t.Errorf("the cost of a unit: %q", cost)
	}
	evaluate[chromedp.Void](p, `document.querySelector(".unit [aria-label='Close the unit']").click()`)
	openLab(p)
	p.screenshot("explorer")
	// Built up from all its units, the reconstruction is the decoded code.
	if same := waitFor[bool](p, `(() => {
		const all = [...document.querySelectorAll(".built li")].at(-1);
		return !!all && document.querySelector(".answer .aside").innerText === "PSNR " + all.querySelector(".caption span").innerText;
	})()`); !same {
		t.Error("built up from all units, the reconstruction is another than the decoded code")
	}
	const hash = `(() => {
		const { data } = document.querySelector(".answer canvas").getContext("2d").getImageData(0, 0, 32, 32);
		return data.reduce((hash, x) => (31 * hash + x) | 0, 7);
	})()`
	// Setting the largest activation to zero changes the picture. Resetting the code restores
	// it.
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

	// A picture that activates a unit opens in Explore.
	p.at("features")
	class := waitFor[string](p, `document.querySelectorAll(".nine .caption span")[1]?.innerText`)
	evaluate[chromedp.Void](p, `document.querySelectorAll(".nine button")[1].click()`)
	waitFor[bool](p, fmt.Sprintf(`location.hash === "#explore" && document.querySelector(".beside b")?.innerText === %q`, class))
	// So does the unit, with its slider in hand.
	p.at("features")
	unit := waitFor[string](p, `document.querySelector("#unit-title")?.innerText.replace("Unit ", "")`)
	p.screenshot("unit")
	evaluate[chromedp.Void](p, `[...document.querySelectorAll(".unit-tools button")][0].click()`)
	waitFor[bool](p, fmt.Sprintf(`location.hash === "#explore" && document.activeElement.id === "unit-%s"`, unit))
	if first := evaluate[string](p, `document.querySelector(".unit-slider label").innerText`); first != unit {
		t.Errorf("the first slider is that of unit %s, want %s", first, unit)
	}
	p.look(phone)
	if p.scrollsSideways() {
		t.Error("the page scrolls sideways on a phone")
	}
	p.screenshot("explorer-phone")

	// Until the next render, the buttons belong to the run before.
	p.at("features")
	waitFor[bool](p, `!!document.querySelector(".nine button")`)
	evaluate[chromedp.Void](p, `(() => {
		sae.reset();
		document.querySelector(".nine button").click();
	})()`)
}

// Keys do what the mouse does, except in text fields.
func TestKeyboard(t *testing.T) {
	t.Parallel()
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

// The timeline shows the pictures and features of an earlier epoch while training
// continues.
func TestTimeline(t *testing.T) {
	t.Parallel()
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
	epochs := func(n int) {
		waitFor[bool](p, fmt.Sprintf(`sae.state().epoch > %d`, state(p).Epoch+n))
	}
	epochs(3) // by then, the moment has been drawn
	past := evaluate[int](p, hash)
	epochs(3)
	if past == now || evaluate[int](p, hash) != past {
		t.Error("the pictures of the first moment change while training continues")
	}
	// The chart marks the moment, and every view says which one it shows.
	const marked = `((chart) => chart && echarts.getInstanceByDom(chart))(document.querySelector("#loss .drawing"))?.getOption()?.series
		.some(({ markLine }) => markLine?.data.some((line) => "xAxis" in line))`
	waitFor[bool](p, marked+` === true`)
	p.screenshot("timeline")
	bar := func(text string) {
		t.Helper()
		waitFor[bool](p, fmt.Sprintf(`!document.querySelector("#intro").hidden && /%s/.test(document.querySelector("#intro").innerText)`, text))
	}
	bar("(of this run|before training)\\s+Back to now")
	p.at("features")
	bar("(of this run|before training)\\s+Back to now")
	axe(p, "a moment of the past")
	p.at("explore")
	bar("Explore works with the model as it is now")
	p.at("compare")
	bar("Compare shows whole runs")
	evaluate[chromedp.Void](p, `document.querySelector("#intro button").click()`)
	waitFor[bool](p, `document.querySelector("#intro").hidden`)
	p.at("train")
	waitFor[bool](p, `!!document.querySelectorAll(".plate .row")[2]?.querySelector("canvas")`)
	waitFor[bool](p, fmt.Sprintf(`document.querySelector(".timeline output").innerText === "now" && %s !== %d && %s === false`, hash, past, marked))
	bar("squeeze a picture into 8 numbers")
	scrub("0")
	bar("(of this run|before training)\\s+Back to now")
	scrub(`input.max`)
	waitFor[bool](p, `document.querySelector(".timeline output").innerText === "now"`)
	scrub("0")
	bar("(of this run|before training)\\s+Back to now")
	p.do(chromedp.KeyEvent("n"))
	waitFor[bool](p, `document.querySelector(".timeline output").innerText === "now"`)
}

// The line of the mean image is where its loss is, also before training, when the axis spans
// less than a hundredth.
func TestMarksAreAtTheirValues(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	waitFor[bool](p, `(() => {
		const drawing = document.querySelector("#loss .drawing"), chart = drawing && echarts.getInstanceByDom(drawing);
		const { data, lineStyle } = chart?.getOption()?.series.find(({ id }) => id === "newest")?.markLine ?? {};
		const y = data?.length && chart.convertToPixel({ yAxisIndex: 0 }, data[0].yAxis);
		return !!y && chart.getZr().storage.getDisplayList(true).some(({ shape, style }) =>
			style.stroke === lineStyle.color && shape.x2 - shape.x1 > 200 && Math.abs(shape.y1 - y) < 1);
	})()`)
}

// A picture that is dropped on the page is cropped, reconstructed and compared with the
// validation pictures. Other files are rejected.
func TestOwnPicture(t *testing.T) {
	t.Parallel()
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
	waitFor[bool](p, `document.querySelector(".beside b")?.innerText === "your picture" && document.querySelector(".beside").innerText.includes("of the validation pictures")`)
	pixel := evaluate[[]int](p, `Array.from(document.querySelector(".beside canvas").getContext("2d").getImageData(1, 16, 1, 1).data)`)
	if !slices.Equal(pixel, []int{0, 0, 255, 255}) {
		t.Errorf("the picture's left edge is %v, want the blue of the middle", pixel)
	}
	p.screenshot("own-picture")
	drop(`new File(["no picture"], "bad.png", { type: "image/png" })`)
	waitFor[bool](p, `document.body.innerText.includes("That picture could not be read")`)
	p.dismiss()
	// A browser may falsify what is read from a canvas, as Firefox with resistFingerprinting
	// does.
	evaluate[chromedp.Void](p, `{
		const { prototype } = OffscreenCanvasRenderingContext2D, { getImageData } = prototype;
		prototype.getImageData = function (...area) {
			const pixels = getImageData.apply(this, area);
			crypto.getRandomValues(pixels.data);
			return pixels;
		};
	}`)
	drop(`await (async () => {
		const canvas = new OffscreenCanvas(32, 32);
		canvas.getContext("2d");
		return new File([await canvas.convertToBlob()], "me.png", { type: "image/png" });
	})()`)
	if text := p.notice(); !strings.Contains(text, "this browser scrambles what pages read from a canvas") {
		t.Errorf("notice %q", text)
	}
}

// The phases of a step play on the network one after the other, layer by layer; a slower
// speed plays those of every batch. At full speed the layers show only their widths.
func TestSlowMotion(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "64", latent: 16, epochs: 10000})`)
	waitFor[bool](p, `document.querySelector(".layers").innerText.replace(/\s+/g, " ").startsWith("3,072 in 64 hidden")`)
	// The colours of the only hidden layer's units: one while nothing is known of them.
	const colors = `new Set(new Uint32Array(document.querySelector(".layer canvas").getContext("2d")
		.getImageData(0, 0, 40, 40).data.buffer).filter((pixel) => pixel >>> 24)).size`
	waitFor[bool](p, colors+` === 1`)
	evaluate[chromedp.Void](p, `{
		window.seen = [];
		const network = document.querySelector("#network");
		new MutationObserver(() => {
			const { phase } = network.dataset;
			if (phase && phase !== seen.at(-1)?.phase) seen.push({ phase, lit: `+colors+`, moves: getComputedStyle(network.querySelector(".wires path")).animationName });
		}).observe(network, { attributeFilter: ["data-phase"] });
		[...network.querySelectorAll("button")].find((b) => b.innerText === "Next batch").click();
	}`)
	waitFor[bool](p, `document.querySelector("#network").dataset.phase === "forward" && document.querySelector(".phases p").innerText.startsWith("Epoch 1, batch 1: 128 pictures") && `+colors+` > 8`)
	axe(p, "forward")
	waitFor[bool](p, `document.querySelector("#network").dataset.phase === "backward" && `+colors+` === 1`)
	p.screenshot("phases")
	waitFor[bool](p, `document.querySelector("#network").dataset.phase === "update" && `+colors+` > 8`)
	phases := func() string {
		return evaluate[string](p, `seen.map(({ phase }) => phase).join(" ")`)
	}
	if got := phases(); got != "forward loss backward update" {
		t.Errorf("the phases were %s", got)
	}
	if got := evaluate[string](p, `seen.map(({ moves }) => moves).join(" ")`); got != "flow none flow none" {
		t.Errorf("the wires were animated by %s, want forward and backward", got)
	}
	// The reader looks at one again, with the keyboard.
	evaluate[chromedp.Void](p, `document.activeElement.blur()`)
	p.do(chromedp.KeyEvent("p"))
	waitFor[bool](p, `document.querySelector("#network").dataset.phase === "forward" && document.querySelector(".phases [aria-pressed=true]").innerText === "1 Forward"`)

	p.reduceMotion()
	evaluate[chromedp.Void](p, `seen = []; [...document.querySelectorAll("#network input")][2].click()`) // 1/s
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().status === "training" && seen.map(({ phase }) => phase).join(" ").includes("forward loss backward update forward loss")`)
	if got := evaluate[string](p, `[...new Set(seen.map(({ moves }) => moves))].join(" ")`); got != "none" {
		t.Errorf("with reduced motion the wires are animated by %s", got)
	}
	evaluate[chromedp.Void](p, `[...document.querySelectorAll("#network input")][0].click()`)
	waitFor[bool](p, `sae.state().epoch > 2 && !document.querySelector("#network").dataset.phase && `+colors+` === 1`)
}

// reduceMotion has the page see that its reader prefers reduced motion.
func (p *page) reduceMotion() {
	p.tb.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// The lesson from beginning to end, as a reader goes through it, on the pictures and with
// the settings that are there at first, but for fewer epochs: all that it says to watch
// for is to be seen, and what it says is so.
func TestLesson(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	p.do(chromedp.KeyEvent("l"))
	waitFor[bool](p, `document.activeElement.matches("#lesson h2")`)
	p.do(chromedp.KeyEvent(kb.Escape))
	waitFor[bool](p, `document.querySelector("#lesson").hidden && document.activeElement.matches("[aria-controls=lesson]")`)
	p.do(chromedp.KeyEvent("l"))
	waitFor[bool](p, `!document.querySelector("#lesson").hidden`)
	press := func(text string) {
		t.Helper()
		waitFor[bool](p, fmt.Sprintf(`(() => {
			const button = [...document.querySelectorAll("#lesson button")].find((b) => b.innerText.startsWith(%q) && !b.disabled);
			button?.click();
			return button !== undefined;
		})()`, text))
	}
	click := func(selector string) {
		t.Helper()
		waitFor[bool](p, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e?.click(); return !!e; })()`, selector))
	}
	seen := func(n int) {
		t.Helper()
		waitFor[bool](p, fmt.Sprintf(`document.querySelectorAll("#lesson li[data-seen]").length === %d`, n))
	}
	evaluate[chromedp.Void](p, `sae.set({epochs: 4})`)
	press("Train experiment 1")
	p.at("train")
	click(".plate .pick:nth-child(3)")
	seen(3)
	axe(p, "lesson")
	p.screenshot("lesson")

	press("Next")
	press("Train experiment 2")
	p.at("compare")
	click("#runs td input[type=checkbox]")
	seen(3)

	press("Next")
	press("Train with λ = 1e-4")
	seen(3)
	p.look(phone)
	if p.scrollsSideways() {
		t.Error("the page scrolls sideways on a phone")
	}
	if height := evaluate[float64](p, `document.querySelector("#lesson").offsetHeight`); height > 64 {
		t.Errorf("while it trains, the lesson takes %v pixels of a phone, want one line", height)
	}
	p.screenshot("lesson-folded")
	click("#lesson .fold")
	waitFor[bool](p, `document.querySelector("#lesson").offsetHeight > 200`)
	p.screenshot("lesson-phone")
	p.look(desktop)

	press("Next")
	press("Train with λ = 2e-4")
	waitFor[bool](p, `document.querySelectorAll("#lesson .contrast canvas").length === 2`)
	seen(2)
	p.screenshot("lesson-dead")
	click("#lesson .contrast li:first-child button")
	seen(3)

	press("Next")
	press("Train experiment 3")
	waitFor[bool](p, `sae.state().settings.experiment === 3 && sae.state().status === "done"`)
	p.at("features")
	click(".tiles .tile:not(:has(.dead))")
	seen(1)
	p.at("explore")
	waitFor[bool](p, `(() => {
		const slider = document.querySelector("#explorer input[type=range]");
		if (!slider || slider.disabled) return false; // the picture is yet to be encoded
		slider.value = Number(slider.max);
		slider.dispatchEvent(new Event("input", { bubbles: true }));
		return document.querySelector("#lesson ol li:nth-child(2)").hasAttribute("data-seen");
	})()`)
	seen(3) // with the map, which so few pictures have without being asked for

	press("Next")
	press("Train experiment 4 with 16 units")
	seen(3)
	p.screenshot("lesson-pca")

	press("Next")
	p.at("explore")
	press("Train experiment 5")
	seen(3)
	if all := waitFor[string](p, `sae.state().status === "done" && [...document.querySelectorAll(".built li")].at(-1)?.querySelector("b").innerText`); all != "32" {
		t.Errorf("with TopK, a picture is built up from %s units, want 32", all)
	}

	press("Next")
	const gamma = `Number(document.querySelector("#lesson").innerText.match(/γ is now (\d\.\d+)/)?.[1])`
	if topk := waitFor[float64](p, gamma); topk < 0.9 || topk > 1.1 {
		t.Errorf("with TopK, γ is %v, want about 1", topk)
	}
	press("Train it with L1")
	seen(3)
	p.screenshot("lesson-shrink")

	press("Next")
	p.at("features")
	press("Train without AuxK, then with it")
	seen(3)
	p.screenshot("lesson-cure")

	press("Next")
	press("Train experiment 6")
	waitFor[bool](p, `sae.state().settings.experiment === 6 && sae.state().status === "done"`)
	click(".tiles .tile:not(:has(.dead))")
	seen(3)
	// Units of edges: their grey values change in one direction (the coherence of the structure
	// tensor is large, that of noise is about 0.2), and the directions differ.
	edges := waitFor[[]int](p, `(() => {
		const quarters = [0, 0, 0, 0], tiles = [...document.querySelectorAll(".tile canvas")];
		for (const canvas of tiles) {
			const { data } = canvas.getContext("2d").getImageData(0, 0, 32, 32);
			const grey = (x, y) => { const i = 4 * (32 * (4 * y + 1) + 4 * x + 1); return data[i] + data[i + 1] + data[i + 2]; };
			let xx = 0, yy = 0, xy = 0;
			for (let y = 0; y < 7; y++) for (let x = 0; x < 7; x++) {
				const dx = grey(x + 1, y) - grey(x, y), dy = grey(x, y + 1) - grey(x, y);
				xx += dx * dx; yy += dy * dy; xy += dx * dy;
			}
			if (Math.hypot(xx - yy, 2 * xy) < 0.5 * (xx + yy)) continue;
			quarters[Math.floor((Math.atan2(2 * xy, xx - yy) / 2 / Math.PI + 1.125) * 4) % 4]++;
		}
		return tiles.length === 128 && quarters;
	})()`)
	t.Logf("of 128 units, %d are edges, by quarters of the directions", edges)
	slices.Sort(edges)
	if edges[1] < 8 || edges[2] < 8 {
		t.Errorf("of 128 units, %d are edges, by quarters of the directions: want at least 8 in three of them", edges)
	}
	p.screenshot("lesson-patches")
}

// A chart is saved as a picture, and its data as CSV.
func TestChartsAreSaved(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 8, epochs: 2}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	evaluate[chromedp.Void](p, catchFiles)
	save := func(as string) (name string, content string) {
		evaluate[chromedp.Void](p, `delete window.saved; document.querySelector(".loss .save summary").click()`)
		evaluate[chromedp.Void](p, fmt.Sprintf(`[...document.querySelectorAll(".loss .save button")].find((b) => b.innerText === %q).click()`, as))
		waitFor[bool](p, `window.saved !== undefined`)
		saved := evaluate[struct {
			Name  string
			Bytes []int
		}](p, `saved.arrayBuffer().then((content) => ({ name: saved.name, bytes: [...new Uint8Array(content)] }))`)
		for _, b := range saved.Bytes {
			content += string([]byte{byte(b)})
		}
		return saved.Name, content
	}
	if name, content := save("PNG"); name != "loss.png" || !strings.HasPrefix(content, "\x89PNG") {
		t.Errorf("%s with %d bytes, want a PNG", name, len(content))
	}
	if name, content := save("CSV"); name != "loss.csv" || !strings.HasPrefix(content, "series,epoch,loss,value\n") || !strings.Contains(content, "Validation,2,0.") {
		t.Errorf("%s:\n%s", name, content)
	}
	evaluate[chromedp.Void](p, `document.querySelector(".loss .save summary").click()`)
	p.screenshot("save")
	axe(p, "a chart's menu")
}

// A chart can leave the page before it is painted completely.
func TestUnfinishedChartsLeave(t *testing.T) {
	p := openDemo(t, desktop)
	waitFor[bool](p, `document.querySelector(".loss .plot canvas") !== null`)
	if unfinished := evaluate[bool](p, `(async () => {
		const put = () => {
			const [host, element, menu] = ["div", "div", "details"].map((tag) => document.createElement(tag));
			Object.assign(element.style, { width: "400px", height: "300px" });
			host.append(element, menu);
			document.body.append(host);
			return [host, echarts.place(element, false)];
		};
		const [host, chart] = put();
		const data = Array.from({ length: 200_000 }, (_, i) => [i, i * i % 1009]);
		echarts.draw(chart, { tooltip: {}, animation: false, xAxis: { axisLabel: {} }, yAxis: { axisLabel: {} }, series: [{ type: "scatter", data, progressive: 1e6, progressiveThreshold: 1 }] });
		const { painter } = chart.getZr(), paint = painter._doPaintList;
		let unfinished = false;
		painter._doPaintList = function (...args) {
			const finished = paint.apply(this, args);
			unfinished ||= !finished;
			return finished;
		};
		while (!unfinished) await new Promise(requestAnimationFrame);
		host.remove();
		const [other] = put();
		other.remove();
		for (let i = 0; i < 5; i++) await new Promise(requestAnimationFrame);
		return unfinished;
	})()`); !unfinished {
		t.Error("the chart was painted at once")
	}
}

// Completed runs, their models and the notes on their units are there on the next visit.
func TestRunsAreKept(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 8, epochs: 2}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	history := evaluate[string](p, `JSON.stringify(sae.state().history)`)
	p.at("features")
	unit := waitFor[string](p, `(() => {
		const tile = [...document.querySelectorAll(".tile")].at(-1);
		tile?.click();
		return tile?.querySelector("b").innerText;
	})()`)
	waitFor[bool](p, `document.querySelector("#unit-title").innerText !== "Choose a unit"`)
	evaluate[chromedp.Void](p, `document.querySelector(".unit-tools input").focus()`)
	p.do(chromedp.KeyEvent("two wheels"), chromedp.KeyEvent("\r"))
	waitFor[bool](p, `[...document.querySelectorAll(".tile")].at(-1).innerText.includes("two wheels")`)
	p.at("compare")
	waitFor[bool](p, `document.querySelector("#runs tr[data-run] button:not([disabled])")?.innerText === "Restore"`)
	waitFor[bool](p, records("sae-runs")+`.then((all) => Promise.all(all.map(({ model }) => model.text()))).then((models) => models.some((text) => text.includes("two wheels")))`)
	p.do(chromedp.Navigate(string(p.site) + demo))
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	p.at("compare")
	waitFor[bool](p, `document.querySelectorAll("#runs tr[data-run]").length === 1`)
	evaluate[chromedp.Void](p, `document.querySelector("#runs tr[data-run] button").click()`)
	waitFor[bool](p, `sae.state().epoch === 2`)
	if got := evaluate[string](p, `JSON.stringify(sae.state().history)`); got != history {
		t.Errorf("restored history %s, want %s", got, history)
	}
	p.at("features")
	waitFor[bool](p, fmt.Sprintf(`[...document.querySelectorAll(".tile")].find((tile) => tile.querySelector("b").innerText === %q)?.innerText.includes("two wheels")`, unit))
	p.at("compare")
	p.look(phone)
	if p.scrollsSideways() {
		t.Error("the page scrolls sideways on a phone")
	}
	evaluate[chromedp.Void](p, `document.querySelector("#runs tr[data-run] button.icon").click()`)
	waitFor[bool](p, `document.querySelectorAll("#runs tr[data-run]").length === 0`)
	waitFor[bool](p, records("sae-runs")+`.then((all) => all.length === 0)`)
	p.do(chromedp.Navigate(string(p.site) + demo))
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	p.at("compare")
	if n := evaluate[int](p, `document.querySelectorAll("#runs tr[data-run]").length`); n != 0 {
		t.Errorf("%d runs after the deletion of the only one", n)
	}
}

// A picture of the camera opens in Explore, a burst becomes a data set, and the camera is then
// off.
func TestCamera(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	open := func() {
		p.at("explore")
		waitFor[bool](p, `(() => {
			const button = [...document.querySelectorAll("#explorer button")].find((b) => b.innerText === "Camera" && !b.disabled);
			button?.click();
			return button !== undefined;
		})()`)
	}
	open()
	waitFor[bool](p, `document.querySelector("#camera").open && document.querySelector("#camera-video").videoWidth > 0`)
	evaluate[chromedp.Void](p, `window.track = document.querySelector("#camera-video").srcObject.getTracks()[0]`)
	p.screenshot("camera")
	evaluate[chromedp.Void](p, `document.querySelector("#camera-take").click()`)
	waitFor[bool](p, `document.querySelector(".beside b")?.innerText === "your picture" && track.readyState === "ended"`)
	// A burst: pictures are added to a class while a button is held, and later to the same data set,
	// even if another one comes meanwhile. They are not lost by one cancel, by closing the tab, or
	// because a data set is being read.
	shows := func(text string) {
		t.Helper()
		waitFor[bool](p, fmt.Sprintf(`document.querySelector("#camera").open && document.querySelector("#burst-count").innerText.includes(%q)`, text))
	}
	burst := func(class string, enough int) {
		p.at("data")
		waitFor[bool](p, `(() => {
			const button = [...document.querySelectorAll("#data button")].find((b) => b.innerText === "Use the camera");
			if (button?.checkVisibility()) button.click();
			return document.querySelector("#camera").open && !document.querySelector("#burst").hidden && document.querySelector("#camera-video").videoWidth > 0;
		})()`)
		evaluate[chromedp.Void](p, fmt.Sprintf(`{
			window.track = document.querySelector("#camera-video").srcObject.getTracks()[0];
			document.querySelector("#burst-class").value = %q;
			document.querySelector("#burst-hold").dispatchEvent(new PointerEvent("pointerdown"));
		}`, class))
		waitFor[bool](p, fmt.Sprintf(`parseInt(document.querySelector("#burst-count").innerText.split(": ")[1]) >= %d`, enough))
		evaluate[chromedp.Void](p, `document.querySelector("#burst-hold").dispatchEvent(new PointerEvent("pointerup"))`)
		p.screenshot("burst-" + class)
	}
	burst("hands", 26)
	evaluate[chromedp.Void](p, `document.querySelector("#camera button[value='']").click()`)
	shows("Cancel again")
	if !evaluate[bool](p, `!dispatchEvent(new Event("beforeunload", { cancelable: true }))`) {
		t.Error("the tab closes without a question")
	}
	evaluate[chromedp.Void](p, `document.querySelector("#camera-take").click()`)
	waitFor[bool](p, `sae.state().dataset.name === "Camera pictures" && track.readyState === "ended"`)
	count := `(({ train, validation }) => train + validation)(sae.state().dataset)`
	first := evaluate[int](p, count)
	burst("faces", 3)
	evaluate[chromedp.Void](p, `{
		document.querySelector("#data input[value=synthetic]").click();
		document.querySelector("#camera-take").click();
	}`)
	shows("Another data set is still being read")
	waitFor[bool](p, `sae.state().dataset.name.startsWith("Synthetic")`)
	evaluate[chromedp.Void](p, `document.querySelector("#camera-take").click()`)
	waitFor[bool](p, `sae.state().dataset.classes.join() === "hands,faces"`)
	if n := evaluate[int](p, count); first < 20 || n <= first {
		t.Errorf("%d pictures after the first burst, %d after the second", first, n)
	}
	evaluate[chromedp.Void](p, `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"))`)
	open()
	waitFor[bool](p, `document.body.innerText.includes("There is no camera to use")`)
}

// On paper, a page in dark colours is light, with every chart, also those that were not in
// view, and without buttons and empty panels.
func TestPrint(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop.inDark())
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 8, epochs: 1}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	p.at("features")
	waitFor[bool](p, `document.querySelectorAll(".tile").length === 8`)
	const blank = `[...document.querySelectorAll(".plot")].filter((plot) => plot.checkVisibility()).filter((plot) => {
		const canvas = plot.querySelector("canvas");
		return !canvas || !canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((x) => x > 0);
	}).length`
	if evaluate[int](p, blank) == 0 {
		t.Error("all charts are drawn before they are in view: the test shows nothing")
	}
	evaluate[chromedp.Void](p, `dispatchEvent(new Event("beforeprint"))`)
	if n := evaluate[int](p, blank); n > 0 {
		t.Errorf("%d charts are blank on paper", n)
	}
	media := func(name string) {
		p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: name})
			return err
		}))
	}
	media("print")
	p.screenshot("print")
	if got := evaluate[string](p, `getComputedStyle(document.body).backgroundColor`); got != "rgb(255, 255, 255)" {
		t.Errorf("the paper is %s", got)
	}
	if seen := evaluate[string](p, `[...document.querySelectorAll(".button, .views, .unit, footer")].filter((e) => e.checkVisibility()).map((e) => e.outerHTML.slice(0, 80)).join("\n")`); seen != "" {
		t.Errorf("on paper:\n%s", seen)
	}
	media("screen")
	evaluate[chromedp.Void](p, `dispatchEvent(new Event("afterprint"))`)
	if evaluate[bool](p, `document.documentElement.hasAttribute("data-printing")`) {
		t.Error("the page stays as on paper")
	}
}
