package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// engines are the browsers in which the core of the demo is tested.
var engines = []struct {
	name     string   // in engines.mjs
	column   string   // of the table in docs/support.md
	programs []string // the first that is installed is used
	others   []string // other programs that it needs
	packages string   // of Debian
}{
	{"chromium", "Chromium", nil, nil, ""}, // that of the other tests
	{"firefox", "Firefox ESR", []string{"firefox-esr", "firefox"}, nil, "firefox-esr"},
	{"firefox-simd", "", []string{"firefox-esr", "firefox"}, nil, "firefox-esr"},
	{"webkit", "WebKitGTK", []string{"WebKitWebDriver"}, []string{"Xvfb"}, "webkit2gtk-driver xvfb"},
}

// seen is what engines.mjs prints.
type seen struct {
	Version         string
	Kernel          string
	Losses          string // JSON of the history
	ImagesPerSecond float64
	Steps           map[string]string // result of each step: "yes", or what went wrong
	Problems        []string          // errors that the pages reported
}

// The core of the demo works in Chromium, Firefox and WebKit as docs/support.md says.
// Browsers with the same kernels have the same losses, bit for bit.
//
// The browsers run side by side; go test -v -parallel 1 measures their speed.
func TestEngines(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	site := siteURL(t)
	host := servePage(t, fmt.Sprintf(`<script src="%sembed.js"></script><sparse-autoencoder panels="recon,loss,latent"></sparse-autoencoder>`, site))
	folder, err := filepath.Abs(screenshots)
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	table := readSupport(t)
	var mutex sync.Mutex
	losses := map[string]seen{} // by kernel
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			program, err := findChromium()
			if engine.programs != nil {
				program, err = lookAny(engine.programs)
			}
			for _, other := range engine.others {
				if _, missing := exec.LookPath(other); missing != nil {
					err = missing
				}
			}
			if err != nil {
				t.Skipf("%v; install it, on Debian with: sudo apt-get install %s", err, engine.packages)
			}
			got := drive(t, engine.name, program, site, host, folder)
			t.Logf("version %s, kernel %s, %.0f images/s", got.Version, got.Kernel, got.ImagesPerSecond)
			if engine.column != "" {
				table.hold(t, engine.column, got)
			}
			mutex.Lock()
			defer mutex.Unlock()
			if other, ok := losses[got.Kernel]; ok && other.Losses != got.Losses {
				t.Errorf("with the kernel %s, the losses are\n%s\nand in version %s\n%s", got.Kernel, got.Losses, other.Version, other.Losses)
			}
			losses[got.Kernel] = got
		})
	}
}

// drive runs engines.mjs in a browser.
func drive(t *testing.T, engine, program, site, host, folder string) (got seen) {
	t.Helper()
	command := exec.Command("node", "testdata/engines.mjs", engine, program, site, host, folder)
	var stderr strings.Builder
	command.Stderr = &stderr
	endWithParent(command)
	output, err := command.Output()
	if err == nil {
		err = json.Unmarshal(output, &got)
	}
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, output, stderr.String())
	}
	for _, problem := range got.Problems {
		t.Errorf("the page reports: %s", problem)
	}
	return got
}

// Firefox with resistFingerprinting falsifies what pages read from a canvas. The demo says so
// and does not use it.
func TestHiddenPixels(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	program, err := lookAny([]string{"firefox-esr", "firefox"})
	if err != nil {
		t.Skipf("%v; install it, on Debian with: sudo apt-get install firefox-esr", err)
	}
	folder := t.TempDir()
	picture := image.NewRGBA(image.Rect(0, 0, 64, 32))
	for i := range picture.Pix {
		x := i / 4 % 64
		if i%4 == 3 || i%4 == 0 && x < 32 || i%4 == 2 && x >= 32 { // red, then blue
			picture.Pix[i] = 255
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "two-colours.png"), file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	got := drive(t, "firefox-hides", program, siteURL(t), "", folder)
	if len(got.Steps) != 2 {
		t.Errorf("steps %v, want two", got.Steps)
	}
	for step, result := range got.Steps {
		if result != "yes" {
			t.Errorf("%s: %s", step, result)
		}
	}
}

func lookAny(programs []string) (path string, err error) {
	for _, program := range programs {
		if path, err = exec.LookPath(program); err == nil {
			return path, nil
		}
	}
	return "", err
}

// support is the table in docs/support.md: cells by column and row.
type support map[string]map[string]string

func readSupport(t *testing.T) support {
	t.Helper()
	text, err := os.ReadFile("../docs/support.md")
	if err != nil {
		t.Fatal(err)
	}
	table := support{}
	var columns []string
	for _, line := range regexp.MustCompile(`(?m)^\|(.*)\|$`).FindAllStringSubmatch(string(text), -1) {
		cells := strings.Split(line[1], "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if columns == nil {
			columns = cells
			continue
		}
		for i, column := range columns[1:] {
			if table[column] == nil {
				table[column] = map[string]string{}
			}
			table[column][cells[0]] = cells[i+1]
		}
	}
	return table
}

// hold compares a column with what was seen. An older browser than that of the column may
// support less.
func (s support) hold(t *testing.T, column string, got seen) {
	t.Helper()
	want := s[column]
	if want == nil {
		t.Fatalf("docs/support.md has no column %s", column)
	}
	complain := t.Errorf
	if older(got.Version, want["Version"]) {
		complain = func(format string, args ...any) {
			t.Helper()
			t.Logf("not compared, as version %s is older than %s: "+format, append([]any{got.Version, want["Version"]}, args...)...)
		}
	}
	kernel := map[string]string{"relaxed-simd": "relaxed SIMD", "simd": "SIMD", "go": "plain Go"}[got.Kernel]
	if kernel != want["Kernels"] {
		complain("the kernels are %s, docs/support.md says %s", kernel, want["Kernels"])
	}
	for step, result := range got.Steps {
		if does := result == "yes"; does != (want[step] == "yes") || want[step] == "" {
			complain("%s: %s; docs/support.md says %q", step, result, want[step])
		}
	}
	for row := range want {
		if _, tried := got.Steps[row]; !tried && row != "Version" && row != "Kernels" && strings.Trim(row, "-") != "" {
			t.Errorf("%s: docs/support.md has it, but it was not tried", row)
		}
	}
}

// older reports whether a version is older than another, to the precision of the other.
func older(version, than string) bool {
	numbers := strings.Split(version, ".")
	for i, text := range strings.Split(than, ".") {
		if i == len(numbers) {
			return false
		}
		a, _ := strconv.Atoi(numbers[i])
		if b, _ := strconv.Atoi(text); a != b {
			return a < b
		}
	}
	return false
}
