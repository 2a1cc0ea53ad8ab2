// Package e2e tests the built site, served by tools/serve, in a real Chromium.
//
// make test builds everything that these tests need and runs them; after make build, go
// test ./e2e does too. The environment variable CHROMIUM names another browser than the
// one on PATH.
//
// A test opens a page and uses it:
//
//	p := openDemo(t, desktop)
//	evaluate[chromedp.Void](p, `sae.set({latent: 16})`)
//	p.do(chromedp.Click("#play"))
//	epochs := waitFor[int](p, `sae.state().history.length`)
//	p.screenshot("training")
//
// Each page has its own profile, so tests do not share storage. A console error or an
// uncaught exception, in the page or its workers, fails the test unless it was expected:
// see [page.expectProblem].
package e2e

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

const (
	// actionTimeout bounds each action, so that a page that hangs fails its test.
	actionTimeout = 2 * time.Minute

	screenshots = "../build/screenshots"
)

// Set by TestMain, for all tests.
var (
	builtURL string          // of the built site, with a slash at its end
	browser  context.Context // chromedp's context of the running Chromium
)

// addresses are the sites of tests that have their own, by the test's name.
var addresses sync.Map

// useAddress makes the site at an address that of a test and its subtests.
func useAddress(tb testing.TB, address string) {
	before, had := addresses.Swap(tb.Name(), address)
	tb.Cleanup(func() {
		if had {
			addresses.Store(tb.Name(), before)
		} else {
			addresses.Delete(tb.Name())
		}
	})
}

// siteURL returns the address of a test's site, with a slash at its end.
func siteURL(tb testing.TB) string {
	for name := tb.Name(); ; name = name[:strings.LastIndexByte(name, '/')] {
		if address, ok := addresses.Load(name); ok {
			return address.(string)
		}
		if !strings.Contains(name, "/") {
			return builtURL
		}
	}
}

// A site is the address of a served site, with a slash at its end. Tests are parallel, and
// most have a site of their own:
//
//	t.Parallel()
//	useSite(t, false)
//	p := openDemo(t, desktop)
//
// Go runs them after all other tests, as many at a time as there are cores. Tests that
// measure or load the machine must not be parallel.
type site string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	url, stopServer, err := startServer("../build/site")
	if err != nil {
		return 1, err
	}
	builtURL = url
	defer func() { err = errors.Join(err, stopServer()) }()
	stopBrowser, err := startBrowser()
	if err != nil {
		return 1, err
	}
	defer stopBrowser()
	return m.Run(), nil
}

// endWithParent makes a command end when the tests are killed, if the system supports
// that.
var endWithParent = func(*exec.Cmd) {}

// announceTimeout is how long a server may take to print its address.
const announceTimeout = 30 * time.Second

// startServer serves a folder on a free port. It returns the address, and a function that
// stops the server as Ctrl-C would.
func startServer(dir string) (url string, stop func() error, err error) {
	url, stop, err = startAnnounced(exec.Command("../build/bin/serve", "-addr", "127.0.0.1:0", "-dir", dir), announceTimeout)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; build it with: make build", err)
	}
	return url, stop, err
}

// startAnnounced starts a server that prints its address in a line, as tools/serve does.
// It ends one that prints something else, or nothing in time.
func startAnnounced(server *exec.Cmd, timeout time.Duration) (url string, stop func() error, err error) {
	var stderr strings.Builder
	server.Stderr = &stderr
	stdout, err := server.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	endWithParent(server)
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	impatience := time.AfterFunc(timeout, func() { server.Process.Kill() }) // also ends its output
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	impatience.Stop()
	announcement := regexp.MustCompile(` at (http://\S+/)\n$`).FindStringSubmatch(line)
	if announcement == nil {
		server.Process.Kill()
		server.Wait()
		return "", nil, fmt.Errorf("serve printed %q and %q, want a line with its address", line, stderr.String())
	}
	return announcement[1], func() error {
		if err := server.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		if err := server.Wait(); err != nil {
			return fmt.Errorf("serve after an interrupt: %w\n%s", err, stderr.String())
		}
		return nil
	}, nil
}

// disabledFeatures are features of Chromium that send requests to servers.
const disabledFeatures = "Translate,AutofillServerCommunication"

// startBrowser starts Chromium and sets browser.
func startBrowser() (stop func(), err error) {
	browser, stop, err = launch()
	return stop, err
}

// launch starts Chromium with further options.
func launch(further ...chromedp.ExecAllocatorOption) (ctx context.Context, stop func(), err error) {
	path, err := findChromium()
	if err != nil {
		return nil, nil, err
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-features", disabledFeatures),
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-fake-ui-for-media-stream", true),
	)
	options = append(options, further...)
	if *soak > 0 {
		options = append(options, soakOptions...)
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium does not run as root with a sandbox
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopContext := chromedp.NewContext(allocator)
	stop = func() {
		stopContext()
		stopAllocator()
	}
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return ctx, stop, nil
}

// findChromium returns the path of the browser. tools/need knows the same names. Without the
// windows of the whole browser, which are pages too, a tab opens in three quarters of the time.
func findChromium() (string, error) {
	names := []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"}
	if name := os.Getenv("CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium: none of %s on PATH; install one, on Debian with: sudo apt-get install chromium-headless-shell fonts-dejavu-core, or set CHROMIUM to its path",
		strings.Join(names, ", "))
}

// A view describes a screen and its preferences.
type view struct {
	width, height int64   // of the viewport, in CSS pixels
	scale         float64 // device pixels per CSS pixel
	mobile        bool    // a touch screen and a mobile browser's viewport
	dark          bool    // prefers-color-scheme
}

var (
	desktop = view{width: 1440, height: 900, scale: 1}
	phone   = view{width: 390, height: 844, scale: 2, mobile: true}
)

// inDark returns the view with a preference for dark colors.
func (v view) inDark() view {
	v.dark = true
	return v
}

// A page is a tab of Chromium. If its methods, or functions with a page as argument, fail,
// they end the test.
type page struct {
	tb       testing.TB
	ctx      context.Context
	site     site // that it is a page of
	expected []*regexp.Regexp
	allowed  []*regexp.Regexp // problems that occur at least once

	console []chromedp.ConsoleMessage // complete once drained is closed
	drained chan struct{}
}

// lastMessage is written to the console at the end by the harness.
const lastMessage = "e2e: end of test"

// at opens a view or a panel, by its name in the address, and waits until it is shown.
func (p *page) at(place string) {
	p.tb.Helper()
	part, ok := map[string]string{"train": "loss", "explore": "explorer", "compare": "runs"}[place]
	if !ok {
		part = place
	}
	evaluate[chromedp.Void](p, fmt.Sprintf(`location.hash = %q`, place))
	waitFor[bool](p, fmt.Sprintf(`document.getElementById(%q).childElementCount > 0`, part))
}

// renameRun renames the first run in the table of Compare.
func (p *page) renameRun(name string) {
	p.tb.Helper()
	evaluate[chromedp.Void](p, fmt.Sprintf(`(() => {
		const input = document.querySelector("#runs tbody input[type=text]");
		input.value = %q;
		input.dispatchEvent(new Event("change", { bubbles: true }));
	})()`, name))
}

// demo opens the page with the settings that links mean if they leave them out. Without
// parameters, it is a first visit, which TestFirstVisit and web/state test.
const demo = "?experiment=2"

// openDemo opens the demo and waits until it can be used and all of its data are there.
func openDemo(tb testing.TB, v view) *page {
	tb.Helper()
	return site(siteURL(tb)).openDemo(tb, v)
}

func (s site) openDemo(tb testing.TB, v view) *page {
	tb.Helper()
	p := s.open(tb, demo, v)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	waitFor[bool](p, `sae.state().dataset.meanBce > 0`)
	return p
}

// open opens the file of the site at path, such as "bench.html?x=1", and waits
// until it is loaded. The end of the test closes the page and, if the test
// failed, leaves a screenshot of it and logs its console.
func open(tb testing.TB, path string, v view, options ...chromedp.CreateBrowserContextOption) *page {
	tb.Helper()
	return site(siteURL(tb)).open(tb, path, v, options...)
}

func (s site) open(tb testing.TB, path string, v view, options ...chromedp.CreateBrowserContextOption) *page {
	tb.Helper()
	return s.openIn(tb, browser, path, v, chromedp.WithNewBrowserContext(options...))
}

// openIn is open in the profile of another page's context.
func openIn(tb testing.TB, profile context.Context, path string, v view, options ...chromedp.ContextOption) *page {
	tb.Helper()
	return site(siteURL(tb)).openIn(tb, profile, path, v, options...)
}

func (s site) openIn(tb testing.TB, profile context.Context, path string, v view, options ...chromedp.ContextOption) *page {
	tb.Helper()
	ctx, cancel := chromedp.NewContext(profile, options...)
	tb.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // without a timeout, which would end the tab
		tb.Fatal(err)
	}
	p := &page{tb: tb, ctx: ctx, site: s, drained: make(chan struct{})}
	messages := chromedp.Console(ctx)
	go func() {
		defer close(p.drained)
		for message, err := range messages {
			if err != nil || message.Text == lastMessage {
				return
			}
			p.console = append(p.console, message)
		}
	}()
	tb.Cleanup(p.finish)
	p.look(v)
	p.do(chromedp.Navigate(string(s) + path))
	return p
}

// openBlank opens an empty page.
func openBlank(tb testing.TB) *page {
	tb.Helper()
	return site("about:").open(tb, "blank", desktop)
}

// look changes the page's view.
func (p *page) look(v view) {
	p.tb.Helper()
	options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(v.scale)}
	if v.mobile {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	p.do(
		chromedp.EmulateViewport(v.width, v.height, options...),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			return err
		}),
	)
}

// frames waits for two animation frames: charts follow the window's size in the next one.
func (p *page) frames() {
	p.tb.Helper()
	evaluate[chromedp.Void](p, `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))`)
}

// scrollsSideways reports whether the page is wider than its window.
func (p *page) scrollsSideways() bool {
	p.tb.Helper()
	p.frames()
	return evaluate[bool](p, `document.documentElement.scrollWidth > innerWidth`)
}

// expectProblem expects one problem, a console error or an uncaught exception, whose text
// matches the regular expression. The test fails if it does not occur.
func (p *page) expectProblem(pattern string) {
	p.expected = append(p.expected, regexp.MustCompile(pattern))
}

// expectProblems is expectProblem for a problem that may occur more than once.
func (p *page) expectProblems(pattern string) {
	p.expectProblem(pattern)
	p.allowed = append(p.allowed, regexp.MustCompile(pattern))
}

// do performs actions that have no result.
func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.tb.Helper()
	run(p, chromedp.Steps(actions...))
}

// run performs an action and returns its result.
func run[T any](p *page, action chromedp.Action[T]) T {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, actionTimeout)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		p.tb.Fatal(err)
	}
	return result
}

// evaluate returns the value of a JavaScript expression in the page, or what it
// resolves to if it is a promise. A T of [chromedp.Void] ignores the value.
func evaluate[T any](p *page, expression string) T {
	p.tb.Helper()
	result, err := ask[T](p, expression)
	if err != nil {
		p.tb.Fatalf("%s: %v", expression, err)
	}
	return result
}

// ask is evaluate that returns the error.
func ask[T any](p *page, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, actionTimeout)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// rejection returns the message of the error that a promise rejects with.
func rejection(p *page, promise string) string {
	p.tb.Helper()
	return evaluate[string](p, fmt.Sprintf(
		`(%s).then((value) => { throw new Error("resolved to " + JSON.stringify(value)) }, (error) => error.message)`, promise))
}

// waitFor waits until a JavaScript expression, or what it resolves to, is truthy, and
// returns it. When the page is reloaded meanwhile, it goes on in the new one.
func waitFor[T any](p *page, expression string) T {
	p.tb.Helper()
	loop := fmt.Sprintf(`(async () => {
		for (;;) {
			const value = await (%s);
			if (value) return value;
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
	})()`, expression)
	for {
		value, err := ask[T](p, loop)
		if err == nil {
			return value
		}
		if !strings.Contains(err.Error(), "Inspected target navigated or closed") || p.ctx.Err() != nil {
			p.tb.Fatalf("%s: %v", loop, err)
		}
	}
}

// setFiles chooses files in the <input type=file> with the given selector.
func (p *page) setFiles(selector string, files ...string) {
	p.tb.Helper()
	paths := make([]string, len(files))
	for i, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			p.tb.Fatal(err)
		}
		paths[i] = path
	}
	p.do(chromedp.SetUploadFiles(selector, paths))
}

// screenshot writes what the viewport shows to build/screenshots/NAME.png.
func (p *page) screenshot(name string) {
	p.tb.Helper()
	if err := p.capture(name); err != nil {
		p.tb.Fatalf("screenshot %s: %v", name, err)
	}
}

func (p *page) capture(name string) error {
	ctx, cancel := context.WithTimeout(p.ctx, actionTimeout)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(screenshots, name+".png"), picture, 0o644)
}

// finish reports the page's problems.
func (p *page) finish() {
	// Messages arrive in order, so all others have arrived before this one.
	ctx, cancel := context.WithTimeout(p.ctx, actionTimeout)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("console.debug(%q)", lastMessage)))
	if err == nil {
		select {
		case <-p.drained:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		p.tb.Errorf("the page no longer answers: %v", err)
		return
	}

	expected := slices.Clone(p.expected)
	for _, message := range p.console {
		if !isProblem(message) {
			continue
		}
		matches := func(pattern *regexp.Regexp) bool { return pattern.MatchString(message.Text) }
		if i := slices.IndexFunc(expected, matches); i >= 0 {
			expected = slices.Delete(expected, i, i+1)
			continue
		}
		if slices.ContainsFunc(p.allowed, matches) {
			continue
		}
		p.tb.Errorf("%s:%d: %s", message.URL, message.Line+1, message)
	}
	for _, pattern := range expected {
		p.tb.Errorf("the page did not report the expected problem %q", pattern)
	}

	if p.tb.Failed() {
		for _, message := range p.console {
			p.tb.Logf("console: %s", message)
		}
		name := "failed-" + regexp.MustCompile(`[^\w.-]+`).ReplaceAllString(p.tb.Name(), "-")
		if err := p.capture(name); err != nil {
			p.tb.Logf("screenshot %s: %v", name, err)
			return
		}
		p.tb.Logf("screenshot: build/screenshots/%s.png", name)
	}
}

// isProblem reports whether a console message is an error. A panic of a Go program is
// logged as ordinary messages.
func isProblem(message chromedp.ConsoleMessage) bool {
	return message.IsException() ||
		message.Type == chromedp.ConsoleError ||
		message.Type == "assert" ||
		strings.HasPrefix(message.Text, "panic: ") ||
		strings.HasPrefix(message.Text, "fatal error: ")
}
