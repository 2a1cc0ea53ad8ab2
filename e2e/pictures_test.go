package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

const static = "../web/static/"

var update = flag.Bool("update", false, "draw the icons and the card in web/static")

// The icons and the preview card have the expected sizes. With -update, they are drawn
// again: the icons from icon.svg, the card from the demo after training.
func TestPictures(t *testing.T) {
	if *update {
		drawIcons(t)
		drawCard(t)
	}
	sizes := map[string]string{"icon-180.png": "180x180", "card.png": "1200x630"}
	text, err := os.ReadFile(static + "manifest.webmanifest")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Icons []struct{ Src, Sizes string }
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	for _, icon := range manifest.Icons {
		if icon.Sizes != "any" {
			sizes[icon.Src] = icon.Sizes
		}
	}
	if len(sizes) != 5 {
		t.Errorf("pictures %v, want 5", sizes)
	}
	for name, want := range sizes {
		file, err := os.Open(static + name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		config, err := png.DecodeConfig(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := fmt.Sprintf("%dx%d", config.Width, config.Height); got != want {
			t.Errorf("%s has %s pixels, want %s", name, got, want)
		}
	}
}

// draw writes a picture of HTML to a file in web/static.
func draw(p *page, name string, width, height int64, html string) {
	p.tb.Helper()
	p.look(view{width: width, height: height, scale: 1})
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetDefaultBackgroundColorOverride, emulation.SetDefaultBackgroundColorOverrideParams{
			Color: &cdp.RGBA{A: 1e-9}, // an alpha of 0 would be omitted from the message
		})
		return err
	}))
	evaluate[chromedp.Void](p, fmt.Sprintf(`document.documentElement.innerHTML = %q`, html))
	evaluate[chromedp.Void](p, `Promise.all([...document.images].map((image) => image.decode()))`)
	if err := os.WriteFile(static+name, run(p, chromedp.CaptureScreenshot()), 0o644); err != nil {
		p.tb.Fatal(err)
	}
}

const accent = "#6a60e0" // of icon.svg

func drawIcons(t *testing.T) {
	icon, err := os.ReadFile(static + "icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	p := openBlank(t)
	for _, picture := range []struct {
		name  string
		size  int64
		share int  // size of the mark, in percent of the picture
		fills bool // whether the mark is white on the accent color
	}{
		{"icon-192.png", 192, 100, false},
		{"icon-512.png", 512, 100, false},
		{"icon-maskable.png", 512, 56, true}, // within the safe zone of masks
		{"icon-180.png", 180, 64, true},
	} {
		svg, background := string(icon), "transparent"
		if picture.fills {
			svg, background = strings.ReplaceAll(svg, accent, "#fff"), accent
		}
		draw(p, picture.name, picture.size, picture.size, fmt.Sprintf(
			`<body style="margin:0;height:100vh;display:grid;place-items:center;background:%s"><div style="width:%d%%">%s</div>`, background, picture.share, svg))
	}
}

func drawCard(t *testing.T) {
	useSite(t, false)
	demo := openDemo(t, desktop)
	const epochs = 15
	evaluate[chromedp.Void](demo, fmt.Sprintf(`sae.set({experiment: 4, epochs: %d}).then(() => sae.play())`, epochs))
	for epoch := range epochs { // each within actionTimeout
		waitFor[bool](demo, fmt.Sprintf(`sae.state().history.length > %d`, epoch))
	}
	waitFor[bool](demo, `sae.state().status === "done"`)
	rows := evaluate[[][]string](demo, `[...document.querySelectorAll(".reconstructions .row")]
		.map((row) => [...row.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL()))
		.filter((row) => row.length > 0)`)
	pictures := func(row []string) string {
		return `<p><img src="` + strings.Join(row, `"><img src="`) + `"></p>`
	}
	icon, err := os.ReadFile(static + "icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	draw(openBlank(t), "card.png", 1200, 630, `<style>
		body { margin: 0; padding: 74px 60px 0; background: #fff; color: #17181c; font: 26px/32px system-ui, sans-serif }
		header { display: flex; align-items: center; gap: 24px; margin-bottom: 36px }
		svg { width: 84px }
		h1 { margin: 0 0 6px; font: 600 56px/60px system-ui, sans-serif }
		small { font-size: 24px; color: #545965 }
		p { display: flex; justify-content: space-between; margin: 6px 0 18px }
		img { width: 128px; image-rendering: pixelated; border-radius: 4px }
	</style>
	<header>`+string(icon)+`<div><h1>Sparse autoencoder</h1>Press Train and watch it learn, in your browser</div></header>
	<small>3,072 numbers in</small>`+pictures(rows[0])+`<small>rebuilt from 64</small>`+pictures(rows[1]))
}
