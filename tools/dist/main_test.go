package main

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

// miniature is a site of the same shape as the real one.
func miniature() map[string]string {
	return map[string]string{
		"index.html": `<!doctype html><head>
<link rel="icon" href="icon.svg">
<link rel="manifest" href="manifest.webmanifest">
<meta property="og:image" content="card.png">
<link rel="stylesheet" href="style.css">
<link rel="preload" as="script" href="boot.js">
<link rel="preload" as="fetch" href="sae.wasm" crossorigin>
<script src="boot.js" defer></script>
</head><a href="bench.html">Speed</a> <a href="https://go.dev/">Go</a> <a href="#main">Up</a>`,
		"bench.html":           `<a href="index.html">Demo</a><script src="bench.js"></script>`,
		"bench.js":             `fetch("sae.wasm", { integrity: "" }); new Worker("worker.js")`,
		"embed.html":           `<script src="frame.js"></script>`,
		"embed.js":             `new URL("embed.html", base)`,
		"frame.js":             `load([{ src: "boot.js", integrity: "" }])`,
		"boot.js":              `files = ["worker.js", "data/index.json", "missing.js"]; fetch("sae.wasm", { integrity: "" })`,
		"worker.js":            `importScripts("program.js")`,
		"program.js":           `"use strict" ` + strings.Repeat("// program\n", 100),
		"style.css":            `body {}`,
		"icon.svg":             `<svg></svg>`,
		"card.png":             "\x89PNG",
		"manifest.webmanifest": `{"icons": [{"src": "icon.svg"}]}`,
		"data/index.json":      `{"datasets":["cifar10.sae"]}`,
		"data/cifar10.sae":     "SAEDATA\n",
		"sae.wasm":             "\x00asm" + strings.Repeat("kernel", 1000),
	}
}

// write puts a site in a folder.
func write(t *testing.T, site map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range site {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read returns all files in a folder.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// publish builds a site and returns the files.
func publish(t *testing.T, site map[string]string, o options) map[string]string {
	t.Helper()
	o.site, o.output = write(t, site), filepath.Join(t.TempDir(), "dist")
	if err := run(o, io.Discard); err != nil {
		t.Fatal(err)
	}
	return read(t, o.output)
}

// find returns the name of the only file with the given start and end, and a hash between
// them.
func find(t *testing.T, files map[string]string, start, end string) string {
	t.Helper()
	var found []string
	for name := range files {
		if regexp.MustCompile(`^` + regexp.QuoteMeta(start) + `\.[0-9a-f]{10}` + regexp.QuoteMeta(end) + `$`).MatchString(name) {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s.….%s: found %v in %v", start, end, found, slices.Sorted(maps.Keys(files)))
	}
	return found[0]
}

func TestNames(t *testing.T) {
	files := publish(t, miniature(), options{})
	var names []string
	digits := regexp.MustCompile(`\.[0-9a-f]{10}\.`)
	for name := range files {
		names = append(names, digits.ReplaceAllString(name, ".#."))
	}
	slices.Sort(names)
	want := []string{
		"bench.#.js", "bench.html", "boot.#.js", "card.png", "data/cifar10.#.sae", "data/index.#.json", "embed.html", "embed.js", "frame.#.js",
		"icon.#.svg", "index.html", "manifest.webmanifest", "offline.#.js", "program.#.js", "sae.#.wasm", "style.#.css", "sw.js", "worker.#.js",
	}
	if !slices.Equal(names, want) {
		t.Errorf("files\n%v, want\n%v", names, want)
	}
}

// References have the new name of a file and, where integrity is checked, its hash.
func TestReferences(t *testing.T) {
	files := publish(t, miniature(), options{})
	name := func(start, end string) string { return find(t, files, start, end) }
	hash := func(name string) string { return integrity([]byte(files[name])) }
	program, boot, worker := name("sae", ".wasm"), name("boot", ".js"), name("worker", ".js")
	style, offline := name("style", ".css"), name("offline", ".js")
	for file, want := range map[string]string{
		worker:                      `importScripts("` + name("program", ".js") + `")`,
		boot:                        `files = ["` + worker + `", "` + name("data/index", ".json") + `", "missing.js"]; fetch("` + program + `", { integrity: "` + hash(program) + `" })`,
		name("frame", ".js"):        `load([{ src: "` + boot + `", integrity: "` + hash(boot) + `" }])`,
		name("data/index", ".json"): `{"datasets":["` + strings.TrimPrefix(name("data/cifar10", ".sae"), "data/") + `"]}`,
		"manifest.webmanifest":      `{"icons": [{"src": "` + name("icon", ".svg") + `"}]}`,
		"embed.js":                  `new URL("embed.html", base)`,
		"index.html": `<!doctype html><head>
<link rel="icon" href="` + name("icon", ".svg") + `">
<link rel="manifest" href="manifest.webmanifest">
<meta property="og:image" content="card.png">
<link rel="stylesheet" href="` + style + `" integrity="` + hash(style) + `">
<link rel="preload" as="script" href="` + boot + `" integrity="` + hash(boot) + `">
<link rel="preload" as="fetch" href="` + program + `" crossorigin>
<script src="` + boot + `" integrity="` + hash(boot) + `" defer></script>
<script src="` + offline + `" integrity="` + hash(offline) + `" defer></script>
</head><a href="bench.html">Speed</a> <a href="https://go.dev/">Go</a> <a href="#main">Up</a>`,
	} {
		if files[file] != want {
			t.Errorf("%s:\n%s\nwant\n%s", file, files[file], want)
		}
	}
}

// A change renames only the file and those that refer to it.
func TestRenaming(t *testing.T) {
	before := publish(t, miniature(), options{})
	if again := publish(t, miniature(), options{}); !maps.Equal(again, before) {
		t.Error("the same site makes different files")
	}
	site := miniature()
	site["program.js"] += "// changed"
	after := publish(t, site, options{})
	var kept, renamed []string
	for name := range before {
		if _, ok := after[name]; ok {
			kept = append(kept, name)
		} else {
			renamed = append(renamed, name[:strings.Index(name, ".")])
		}
	}
	slices.Sort(renamed)
	if want := []string{"bench", "boot", "frame", "program", "worker"}; !slices.Equal(renamed, want) {
		t.Errorf("renamed %v, want %v", renamed, want)
	}
	for _, name := range kept {
		if changed := before[name] != after[name]; changed != slices.Contains([]string{"index.html", "bench.html", "embed.html", "sw.js"}, name) {
			t.Errorf("%s: changed: %v", name, changed)
		}
	}
}

// The service worker lists the pages and everything that they load, with hashes.
func TestServiceWorker(t *testing.T) {
	files := publish(t, miniature(), options{})
	m := regexp.MustCompile(`(?s)const build = "([0-9a-f]{10})", files = (\{.*?\});`).FindStringSubmatch(files["sw.js"])
	if m == nil {
		t.Fatalf("no list of files in %s", files["sw.js"])
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(m[2]), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for name, content := range files {
		switch name {
		case "index.html":
			want["./"] = integrity([]byte(content))
		case "sw.js", "embed.js", "manifest.webmanifest", "card.png":
		default:
			want[name] = integrity([]byte(content))
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	site := miniature()
	site["index.html"] += "changed"
	if other := publish(t, site, options{}); strings.Contains(other["sw.js"], m[1]) {
		t.Error("a build with another page has the same name")
	}
}

func TestURL(t *testing.T) {
	for _, url := range []string{"https://host/a&b/path", "https://host/a&b/path/", "https://host/a&b/path//"} {
		page := publish(t, miniature(), options{url: url})["index.html"]
		for _, want := range []string{
			`<link rel="canonical" href="https://host/a&amp;b/path/">`,
			`<meta property="og:url" content="https://host/a&amp;b/path/">`,
			`<meta property="og:image" content="https://host/a&amp;b/path/card.png">`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %s in %s", url, want, page)
			}
		}
	}
}

func TestCompress(t *testing.T) {
	files := publish(t, miniature(), options{compress: true})
	decode := map[string]func(io.Reader) (io.Reader, error){
		".br": func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
		".gz": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	}
	count := 0
	for name, content := range files {
		decoder := decode[filepath.Ext(name)]
		if decoder == nil {
			continue
		}
		count++
		reader, err := decoder(strings.NewReader(content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		plain := files[strings.TrimSuffix(name, filepath.Ext(name))]
		if decoded, err := io.ReadAll(reader); err != nil || string(decoded) != plain || len(content) >= len(plain) {
			t.Errorf("%s: %d bytes that decode to %d, want fewer that decode to %d; %v", name, len(content), len(decoded), len(plain), err)
		}
	}
	if count < 4 {
		t.Errorf("%d compressed files", count)
	}
	for _, name := range []string{find(t, files, "icon", ".svg") + ".gz", find(t, files, "data/cifar10", ".sae") + ".br", "card.png.br"} {
		if _, ok := files[name]; ok {
			t.Errorf("%s exists, although it is larger or already compressed", name)
		}
	}
	if again := publish(t, miniature(), options{compress: true}); !maps.Equal(again, files) {
		t.Error("the same site makes different files")
	}
}

// The table lists each file that the page loads before it trains once. The budget limits
// its sum.
func TestSizes(t *testing.T) {
	dir, output := write(t, miniature()), filepath.Join(t.TempDir(), "dist")
	var stdout bytes.Buffer
	if err := run(options{site: dir, output: output, compress: true}, &stdout); err != nil {
		t.Fatal(err)
	}
	table := stdout.String()[strings.Index(stdout.String(), "bytes"):]
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^ *\d+ +\d+ +\d+ +(.+)$`).FindAllStringSubmatch(table, -1) {
		names = append(names, m[1])
	}
	want := []string{"index.html", "style.css", "boot.js", "sae.wasm", "offline.js", "worker.js", "data/index.json", "program.js", "total"}
	if !slices.Equal(names, want) {
		t.Errorf("rows %v, want %v in\n%s", names, want, table)
	}
	b, err := newBuild(map[string][]byte{}, "")
	if err == nil {
		t.Errorf("a build of an empty site: %v", b)
	}
	total := regexp.MustCompile(`(\d+) +total`).FindStringSubmatch(table)[1]
	if err := run(options{site: dir, output: output, compress: true, budget: 1}, io.Discard); err == nil || !strings.Contains(err.Error(), "the page loads "+total+" bytes with Brotli") {
		t.Errorf("over the budget: %v, want an error with the sum of\n%s", err, table)
	}
	if err := run(options{site: dir, output: output, compress: true, budget: 1e6}, io.Discard); err != nil {
		t.Errorf("within the budget: %v", err)
	}
}

// An earlier build is replaced completely, by files that everybody may read and nobody
// may execute.
func TestReplaces(t *testing.T) {
	output := filepath.Join(t.TempDir(), "dist")
	site := miniature()
	if err := run(options{site: write(t, site), output: output}, io.Discard); err != nil {
		t.Fatal(err)
	}
	first := read(t, output)
	site["sae.wasm"] += "changed"
	if err := run(options{site: write(t, site), output: output}, io.Discard); err != nil {
		t.Fatal(err)
	}
	second := read(t, output)
	program := find(t, second, "sae", ".wasm")
	if _, ok := first[program]; ok {
		t.Errorf("%s is in both builds", program)
	}
	info, err := os.Stat(filepath.Join(output, program))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("%s has mode %v, want -rw-r--r--; %v", program, info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(output)); err != nil || len(entries) != 1 {
		t.Errorf("beside the build: %v, %v", entries, err)
	}
}

func TestErrors(t *testing.T) {
	change := func(name, from, to string) map[string]string {
		site := miniature()
		if to == "" && from == "" {
			delete(site, name)
		} else {
			site[name] = strings.Replace(site[name], from, to, 1)
		}
		return site
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.tex"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		site map[string]string
		o    options
		want string
	}{
		"no page":        {site: change("index.html", "", ""), want: "make build"},
		"no head":        {site: change("index.html", "</head>", " "), want: "index.html: want </head> once"},
		"no card":        {site: change("index.html", "og:image", "og:picture"), want: `want <meta property="og:image"`},
		"circle":         {site: change("worker.js", "program.js", "boot.js"), want: "worker.js → boot.js → worker.js"},
		"missing script": {site: change("index.html", `src="boot.js"`, `src="boots.js"`), want: `index.html: refers to "boots.js"`},
		"absolute":       {site: change("index.html", `href="bench.html"`, `href="/bench.html"`), want: `"/bench.html": want the relative address`},
		"foreign folder": {site: miniature(), o: options{output: foreign}, want: "contains other files"},
		"folder as file": {site: miniature(), o: options{output: filepath.Join(foreign, "thesis.tex")}, want: "thesis.tex"},
		"no scheme":      {site: miniature(), o: options{url: "host/path"}, want: `address "host/path": want one like`},
		"other scheme":   {site: miniature(), o: options{url: "ftp://host/path"}, want: "want one like"},
		"query":          {site: miniature(), o: options{url: "https://host/?a=b"}, want: "want one like"},
		"unknown budget": {site: miniature(), o: options{budget: 1}, want: "-compress=false"},
	} {
		t.Run(name, func(t *testing.T) {
			o := test.o
			o.site = write(t, test.site)
			if o.output == "" {
				o.output = filepath.Join(t.TempDir(), "dist")
			}
			err := run(o, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if files := read(t, foreign); len(files) != 1 {
		t.Errorf("the foreign folder contains %v", files)
	}
}
