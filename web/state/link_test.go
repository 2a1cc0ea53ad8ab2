package state

import (
	"strings"
	"testing"

	"sae/nn/experiment"
	"sae/wasm/protocol"
)

func visitor() *Page { return New(func(protocol.Message) {}, nil) }

// A link opens the settings that it was copied from.
func TestLink(t *testing.T) {
	for _, changes := range []map[string]string{
		{}, {"experiment": "1"}, {"experiment": "3", "lambda": "3e-5", "seed": "7"}, {"experiment": "4"},
		{"hidden": "256,64", "latent": "16", "epochs": "3", "workers": "2"}, {"hidden": ""},
	} {
		page := visitor()
		settings, err := page.Settings.With(changes)
		if err != nil {
			t.Fatal(err)
		}
		page.Settings = settings
		other := visitor()
		other.Link.Follow(page.Link.Query(false))
		if other.Settings != page.Settings || other.Messages.Notice != nil {
			t.Errorf("%v: the link %q opens %+v, notice %v", changes, page.Link.Query(false), other.Settings, other.Messages.Notice)
		}
		page.Link.Follow(page.Link.Query(true)) // what was set before does not matter
		if page.Settings != settings {
			t.Errorf("%v: the link %q opens %+v", changes, page.Link.Query(true), page.Settings)
		}
	}
	page := visitor()
	page.Settings.Hidden, page.Settings.Seed = "256,64", 3
	if got := page.Link.Query(true); got != "?hidden=256,64&seed=3" {
		t.Errorf("link %q", got)
	}
}

// Only an address without parameters is a first visit: links and frames that leave out
// settings mean the defaults, and the link to the defaults says so.
func TestVisitWithoutParameters(t *testing.T) {
	page := visitor()
	page.Link.Follow("")
	if page.Settings.Experiment != 5 || page.Settings.K != 12 || page.Settings.Latent != 64 || page.Messages.Notice != nil {
		t.Errorf("a first visit opens %+v, notice %v", page.Settings, page.Messages.Notice)
	}
	page.Settings = experiment.Default()
	if got := page.Link.Query(false); got != "?experiment=2" {
		t.Errorf("the link to the defaults is %q", got)
	}
	for _, query := range []string{"?experiment=2", "?fingerprint=2-simd-00c0ffee", "?epochs=20"} {
		page := visitor()
		if page.Link.Follow(query); page.Settings != experiment.Default() {
			t.Errorf("%s opens %+v", query, page.Settings)
		}
	}
	frame := visitor()
	if frame.FollowEmbed(""); frame.Settings != experiment.Default() {
		t.Errorf("a frame opens %+v", frame.Settings)
	}
}

// A script that sets something on a first visit, and names no experiment, means the defaults,
// until settings have changed.
func TestScripted(t *testing.T) {
	after := func(page *Page, changes map[string]string) experiment.Settings {
		t.Helper()
		settings, err := page.Settings.With(page.Link.Scripted(changes))
		if err != nil {
			t.Fatal(err)
		}
		page.Settings = settings
		return settings
	}
	for _, test := range []struct {
		query       string
		changes     map[string]string
		number, dim int
	}{
		{"", map[string]string{"hidden": "16", "latent": "8"}, 2, 8},
		{"", map[string]string{"lambda": "1e-4"}, 2, 64},
		{"", map[string]string{"experiment": "3"}, 3, 64},
		{"", map[string]string{"experiment": "5", "latent": "40"}, 5, 40},
		{"", map[string]string{"workers": "2", "device": "cpu"}, 5, 64},
		{"?experiment=5&latent=64&k=12", map[string]string{"latent": "40"}, 5, 40},
	} {
		page := visitor()
		page.Link.Follow(test.query)
		if got := after(page, test.changes); got.Experiment != test.number || got.Latent != test.dim {
			t.Errorf("%q, %v: experiment %d with %d units, want %d with %d", test.query, test.changes, got.Experiment, got.Latent, test.number, test.dim)
		}
	}
	page := visitor()
	page.Link.Follow("")
	after(page, map[string]string{"experiment": "5", "k": "20"})
	if got := after(page, map[string]string{"latent": "40"}); got.Experiment != 5 || got.K != 20 {
		t.Errorf("after another k: %+v", got)
	}
	page = visitor()
	page.Link.Follow("")
	if got, want := after(page, map[string]string{"epochs": "3"}), experiment.Default(); got.Epochs != 3 || got.Hidden != want.Hidden || got.Lambda != want.Lambda {
		t.Errorf("the defaults with 3 epochs: %+v", got)
	}
}

// What a link has wrong is named; the rest is used.
func TestBadLink(t *testing.T) {
	for query, want := range map[string]string{
		"?lambda=abc&latent=32":                          `lambda "abc": want a number from 0 to 1`,
		"?latent=32&frobnicate=1":                        "frobnicate: there is no such setting",
		"?latent=32&epochs=":                             `epochs ""`,
		"?latent=32&epochs=%zz":                          "invalid URL escape",
		"?latent=32&fingerprint=12":                      "such as 20-relaxed-simd-1a2b3c4d",
		"?latent=32&experiment=9":                        `experiment "9"`,
		"?latent=32&seed=1&seed=bad":                     "seed: is there 2 times: want it once; the first counts",
		"?latent=32&lr=1e-3x":                            `lr "1e-3x": want a number`,
		"?latent=32&lr=Infinity":                         `lr "Infinity"`,
		"?latent=32&latent=":                             "latent: is there 2 times",
		"?latent=32&mirrored=perhaps":                    `mirrored "perhaps": want true or false`,
		"?latent=32&hidden=1,2,3,4,5,6,7":                `hidden "1,2,3,4,5,6,7": want at most 6 widths`,
		"?latent=32&seed=-1":                             `seed "-1": want a whole number`,
		"?latent=32&batch=1.5":                           `batch "1.5": want a whole number`,
		"?latent=32&__proto__=1":                         "__proto__: there is no such setting",
		"?latent=32&=5":                                  ": there is no such setting",
		"?latent=32;epochs=3&latent=32":                  "invalid semicolon",
		"?latent=32&hidden=" + strings.Repeat("9", 201):  "hidden: 201 characters: want at most 200",
		"?latent=32&" + strings.Repeat("x", 300) + "=1":  "xxxxxxxxxxxxxxxxxxxx…: there is no such setting",
		"?latent=32&a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1": "h: there is no such setting; and 1 more",
		"?latent=32&fingerprint=2-simd-00c0ffee":         "",
		"?latent=32&experiment=2&lambda=0":               `experiment "2": want 1`,
	} {
		page := visitor()
		page.Link.Follow(query)
		if page.Settings.Latent != 32 {
			t.Errorf("%s: latent %d, want 32", query, page.Settings.Latent)
		}
		if err := page.Settings.Validate(); err != nil {
			t.Errorf("%s: %v", query, err)
		}
		if got := page.Messages.Notice; (got == nil) != (want == "") || got != nil && !strings.Contains(got.Text, want) {
			t.Errorf("%s: notice %v, want %q", query, got, want)
		}
	}
}

// A link of megabytes is not read at all.
func TestLongLink(t *testing.T) {
	page := visitor()
	page.Link.Follow("?latent=32&" + strings.Repeat("x=1&", 1<<20))
	if page.Settings.Latent == 32 || page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "characters of parameters: want at most 8192") {
		t.Errorf("latent %d, notice %v", page.Settings.Latent, page.Messages.Notice)
	}
}

// However many problems a link has, the notice stays short.
func TestManyProblems(t *testing.T) {
	page := visitor()
	page.Link.Follow("?latent=" + strings.Repeat("9", 5000) + "&a&b&c&d&e&f&g&lambda=" + strings.Repeat("é", 500))
	if n := len(page.Messages.Notice.Text); n > 1200 || !strings.Contains(page.Messages.Notice.Text, "; and 1 more. Defaults") {
		t.Errorf("a notice of %d bytes: %s", n, page.Messages.Notice.Text)
	}
}

// The fingerprint tells whether a run was reproduced.
func TestFingerprint(t *testing.T) {
	page, worker := open(t)
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusPaused, Epoch: 2, Epochs: []protocol.Epoch{{Epoch: 1, Loss: 0.5}, {Epoch: 2, Loss: 0.25}}})
	link := page.Link.Query(true)
	if !strings.HasPrefix(link, "?fingerprint=2-") {
		t.Fatalf("link %q, want a fingerprint after epoch 2", link)
	}
	page.Link.Follow(link)
	if text := page.Link.Reproduced(); !strings.Contains(text, "bit for bit, up to epoch 2") {
		t.Errorf("the run itself: %q", text)
	}
	page.History[0].Loss, page.Link.sums = page.History[0].Loss+1e-17, nil
	if text := page.Link.Reproduced(); !strings.Contains(text, "bit for bit") {
		t.Errorf("a change below the last bit: %q", text)
	}
	page.History[0].Loss, page.Link.sums = page.History[0].Loss+1e-15, nil
	if text := page.Link.Reproduced(); !strings.HasPrefix(text, "Not the same") {
		t.Errorf("another loss: %q", text)
	}
	page.Worker.Kernel = "another"
	if text := page.Link.Reproduced(); !strings.Contains(text, "other kernels") {
		t.Errorf("another kernel: %q", text)
	}
	page.History = page.History[:1]
	if text := page.Link.Reproduced(); !strings.Contains(text, "after epoch 2") {
		t.Errorf("not there yet: %q", text)
	}
	if visitor().Link.Reproduced() != "" {
		t.Error("without a link, there is nothing to compare with")
	}
}
