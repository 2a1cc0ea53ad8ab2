package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	sjs "syscall/js"

	"github.com/vugu/vugu/js"

	"sae/nn/experiment"
	"sae/wasm/browser"
	"sae/web/chart"
)

var document = sjs.Global().Get("document")

// announce puts text into a live region if it differs. vugu does not touch the
// region's element.
func announce(region js.Value, text string) {
	if element := sjs.Value(region); element.Get("textContent").String() != text {
		element.Set("textContent", text)
	}
}

// setVariable sets a custom property of an element's style.
func setVariable(element js.Value, name, value string) {
	sjs.Value(element).Get("style").Call("setProperty", name, value)
}

// defineDemo defines the element that embeds the demo.
var defineDemo = sync.OnceFunc(func() {
	script := element("script", "")
	script.Set("src", "embed.js")
	document.Get("head").Call("append", script)
})

// placeDemo embeds the demo in an element of vugu. It replaces the demo when the
// attributes change, because the demo reads them only once.
func placeDemo(host js.Value, attributes []experiment.Change) {
	defineDemo()
	version, demo := fmt.Sprint(attributes), sjs.Value(host).Get("firstChild")
	if demo.Truthy() && demo.Get("saeVersion").String() == version {
		return
	}
	demo = element("sparse-autoencoder", "")
	demo.Set("saeVersion", version)
	demo.Set("title", "Preview")
	for _, a := range attributes {
		demo.Call("setAttribute", a.Name, a.Value)
	}
	sjs.Value(host).Call("replaceChildren", demo)
}

// reveal scrolls an element into view.
func reveal(element js.Value) {
	sjs.Value(element).Call("scrollIntoView", map[string]any{"block": "nearest"})
}

// showOutput shows the text of a slider's output, the element after it, at once. The page
// shows the same text when it is rendered, several frames later if it is large.
func showOutput(slider js.Value, text string) {
	if input := sjs.Value(slider); input.Truthy() {
		input.Get("nextElementSibling").Set("textContent", text)
	}
}

var (
	frame   func()
	onFrame = sjs.FuncOf(func(sjs.Value, []sjs.Value) any {
		frame()
		return nil
	})
)

// nextFrame calls f before the browser paints next. There is one f at a time.
func nextFrame(f func()) {
	frame = f
	sjs.Global().Call("requestAnimationFrame", onFrame)
}

// surface is the common part of canvases and charts: the element of vugu that they
// fill, and the version of what they show.
type surface struct {
	host    sjs.Value
	shown   string
	watched sjs.Value // the host that inView observes
}

// enter sets the host and reports whether it is a different element.
func (s *surface) enter(host js.Value) (moved bool) {
	element := sjs.Value(host)
	if moved = !s.host.Equal(element); moved {
		s.host, s.shown = element, ""
	}
	return moved
}

// show sets the shown version and reports whether it is a different one.
func (s *surface) show(version string) (outdated bool) {
	outdated = s.shown != version
	s.shown = version
	return outdated
}

// seen reports whether the element is in view, or nearly. Other elements need not be
// drawn; when one comes into view, the page is rendered.
func (s *surface) seen(st *stage) bool {
	if st.printing {
		return true
	}
	if s.watched.Equal(s.host) {
		return s.host.Get("saeSeen").Truthy()
	}
	s.watched = s.host
	onSeen = func() { st.do(func() {}) }
	inView().Call("observe", s.host)
	return false
}

var onSeen func()

// inView marks elements that are in view.
var inView = sync.OnceValue(func() sjs.Value {
	return sjs.Global().Get("IntersectionObserver").New(sjs.FuncOf(func(_ sjs.Value, args []sjs.Value) any {
		entered := false
		for i := range args[0].Length() {
			entry := args[0].Index(i)
			in := entry.Get("isIntersecting").Bool()
			entry.Get("target").Set("saeSeen", in)
			entered = entered || in
		}
		if entered {
			onSeen()
		}
		return nil
	}), map[string]any{"rootMargin": "200px"})
})

// canvas is a canvas for one image.
type canvas struct {
	surface
	context       sjs.Value
	width, height int // in pixels
}

// place puts the canvas into an element of vugu.
func (c *canvas) place(host js.Value) {
	if !c.enter(host) {
		return
	}
	element := document.Call("createElement", "canvas")
	element.Set("width", pictureSize)
	element.Set("height", pictureSize)
	c.width, c.height = pictureSize, pictureSize
	c.context = element.Call("getContext", "2d")
	c.host.Call("replaceChildren", element)
}

// paint draws rows of pixels of red, green, blue and alpha, or nothing: a square.
func (c *canvas) paint(pixels []byte, width int) {
	if !c.context.Truthy() {
		return // the browser has no memory left for canvases
	}
	height := len(pixels) / 4 / width
	if pixels == nil {
		height = width
	}
	if c.width != width || c.height != height {
		c.width, c.height = width, height
		element := c.context.Get("canvas")
		element.Set("width", width)
		element.Set("height", height)
	}
	if pixels == nil {
		c.context.Call("clearRect", 0, 0, width, height)
		return
	}
	array := sjs.Global().Get("Uint8ClampedArray").New(len(pixels))
	sjs.CopyBytesToJS(array, pixels)
	c.context.Call("putImageData", sjs.Global().Get("ImageData").New(array, width, height), 0, 0)
}

// echart is an ECharts instance.
type echart struct {
	surface
	instance sjs.Value
	label    string
}

// ECharts is loaded when the first chart is due, and then is there or has failed.
var echarts struct{ asked, answered bool }

// loadECharts reports whether ECharts was loaded or has failed. If not, the page is
// rendered once that is so.
func loadECharts(st *stage) bool {
	if !echarts.asked && st.change != nil {
		echarts.asked = true
		go func() {
			browser.Await(sjs.Global().Call("saeLoadCharts"))
			st.do(func() { echarts.answered = true })
		}()
	}
	return echarts.answered
}

// enter sets the host and reports whether it is a different one. The chart in another one is
// gone: ECharts disposes of it.
func (c *echart) enter(host js.Value) (moved bool) {
	if moved = c.surface.enter(host); moved {
		c.instance = sjs.Undefined()
	}
	return moved
}

// place puts a chart into its host, unless it is there, and reports whether it did. If points
// is set, the chart sends its host the events pick and point.
func (c *echart) place(points bool) (placed bool) {
	if c.instance.Truthy() {
		return false
	}
	echarts := sjs.Global().Get("echarts")
	if !echarts.Truthy() {
		announce(js.Value(c.host), "No chart: echarts.js did not load. Reload the page.")
		return false
	}
	drawing := element("div", "drawing")
	drawing.Call("setAttribute", "role", "img")
	c.label = ""
	c.host.Call("replaceChildren", drawing, saveMenu())
	c.instance = echarts.Call("place", drawing, points)
	return true
}

// describe gives the chart its accessible name.
func (c *echart) describe(label string) {
	if c.instance.Truthy() && c.label != label {
		c.instance.Call("getDom").Call("setAttribute", "aria-label", label)
		c.label = label
	}
}

// render draws the chart on a separate canvas, at twice the resolution.
func (c *echart) render() sjs.Value {
	background := sjs.Global().Call("getComputedStyle", c.host.Call("closest", ".panel")).Get("backgroundColor")
	return c.instance.Call("renderToCanvas", map[string]any{"pixelRatio": 2, "backgroundColor": background})
}

// picture makes a PNG file of the chart, a Blob.
func (c *echart) picture(done func(file any, err error)) {
	err := browser.CanvasTells()
	if err == nil {
		var take sjs.Func
		take = sjs.FuncOf(func(_ sjs.Value, args []sjs.Value) any {
			take.Release()
			if !args[0].Truthy() {
				done(nil, errors.New("this browser made no picture of it"))
				return nil
			}
			done(args[0], nil)
			return nil
		})
		err = browser.Try(func() { c.render().Call("toBlob", take) })
	}
	if err != nil {
		done(nil, err)
	}
}

// copy copies the chart to the clipboard as a PNG.
func (c *echart) copy(done func(error)) {
	clipboard, item := sjs.Global().Get("navigator").Get("clipboard"), sjs.Global().Get("ClipboardItem")
	if !clipboard.Truthy() || !item.Truthy() {
		done(errors.New("this browser cannot copy pictures here; choose PNG"))
		return
	}
	c.picture(func(file any, err error) {
		var written sjs.Value
		if err == nil {
			err = browser.Try(func() {
				written = clipboard.Call("write", []any{item.New(map[string]any{"image/png": file})})
			})
		}
		if err != nil {
			done(err)
			return
		}
		go func() {
			_, err := browser.Await(written)
			done(err)
		}()
	})
}

// saveMenu returns a menu of ways to save a chart. Its buttons' values are what Plot.clicked
// knows.
func saveMenu() sjs.Value {
	menu, summary, choices := element("details", "save"), element("summary", ""), element("div", "save-as")
	summary.Call("setAttribute", "aria-label", "Save the chart")
	summary.Set("title", "Save the chart")
	const svg = "http://www.w3.org/2000/svg"
	icon, use := document.Call("createElementNS", svg, "svg"), document.Call("createElementNS", svg, "use")
	icon.Call("setAttribute", "class", "i")
	icon.Call("setAttribute", "aria-hidden", "true")
	use.Call("setAttribute", "href", "#save")
	icon.Call("append", use)
	summary.Call("append", icon)
	for _, choice := range []struct{ as, help string }{
		{"PNG", "Save the chart as a picture"},
		{"Copy", "Copy the chart as a picture"},
		{"CSV", "Save the chart's data as comma-separated values"},
	} {
		button := element("button", "button")
		button.Set("type", "button")
		button.Set("textContent", choice.as)
		button.Set("title", choice.help)
		button.Set("value", choice.as)
		choices.Call("append", button)
	}
	menu.Call("append", summary, choices)
	return menu
}

// steps returns in how many steps a chart appears before it is drawn.
func (c *echart) steps() int { return sjs.Global().Get("echarts").Get("steps").Int() }

// step draws the part of an option of package chart that appears in a step.
func (c *echart) step(option json.RawMessage, step int) { c.call("drawStep", option, step) }

// set draws an option of package chart.
func (c *echart) set(option json.RawMessage) { c.call("draw", option) }

func (c *echart) call(draw string, option json.RawMessage, more ...any) {
	if !c.instance.Truthy() {
		return // place has shown why
	}
	parsed := sjs.Global().Get("JSON").Call("parse", string(option))
	sjs.Global().Get("echarts").Call(draw, append([]any{c.instance, parsed}, more...)...)
}

// flush paints the chart before the next frame.
func (c *echart) flush() {
	if c.instance.Truthy() {
		c.instance.Call("getZr").Call("flush")
	}
}

// readTheme reads the colours of style.css through a probe element, which resolves
// light-dark() and the chosen theme.
func readTheme() *theme {
	probe := document.Call("createElement", "i")
	probe.Set("hidden", true)
	document.Get("body").Call("append", probe)
	defer probe.Call("remove")
	computed := sjs.Global().Call("getComputedStyle", probe)
	token := func(name string) string {
		probe.Get("style").Set("color", "var(--"+name+")")
		return computed.Get("color").String()
	}
	components := func(name string) (c rgb) {
		numbers := strings.Split(strings.Trim(token(name), "rgb()"), ", ")
		for i := range min(len(c), len(numbers)) {
			value, _ := strconv.Atoi(numbers[i])
			c[i] = byte(value)
		}
		return c
	}
	return &theme{
		chart: chart.Theme{
			Ink:    token("ink"),
			Ink2:   token("ink-2"),
			Line:   token("line"),
			Edge:   token("edge"),
			Panel:  token("panel"),
			Raised: token("raised"),
			Accent: token("accent"),
			Warn:   token("warn"),
			Act:    [3]string{token("act-0"), token("act-1"), token("act-2")},
			Class: []string{
				token("class-0"), token("class-1"), token("class-2"), token("class-3"), token("class-4"),
				token("class-5"), token("class-6"), token("class-7"), token("class-8"), token("class-9"),
			},
			Font: computed.Get("fontFamily").String(),
		},
		darker:  components("diff-neg"),
		equal:   components("diff-mid"),
		lighter: components("diff-pos"),
		plain:   components("line"),
		act:     [3]rgb{components("act-0"), components("act-1"), components("act-2")},
	}
}
