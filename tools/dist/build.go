package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	pageName    = "index.html"
	workerName  = "sw.js"      // the service worker
	offlineName = "offline.js" // starts it
	cardName    = "card.png"
)

var (
	//go:embed sw.js
	serviceWorker []byte
	//go:embed offline.js
	offline []byte
)

// keepsName tells whether others link to a file, or ask for it by name, so that it
// can have no hash in it.
func keepsName(name string) bool {
	switch name {
	case "embed.js", "manifest.webmanifest", cardName, workerName:
		return true
	}
	return path.Ext(name) == ".html"
}

// isText tells whether a file may refer to others.
func isText(name string) bool {
	switch path.Ext(name) {
	case ".css", ".html", ".js", ".json", ".webmanifest":
		return true
	}
	return false
}

// build is the site as it is to be published.
type build struct {
	site   map[string][]byte   // as it was built
	names  map[string]string   // of the site's files in the build
	files  map[string][]byte   // the build, by the names there
	refers map[string][]string // of the site's files: which others they name
}

// newBuild renames the files of a site, has what refers to them follow, and adds
// the service worker. The address is where the build will be found, if that is
// known.
func newBuild(site map[string][]byte, address string) (*build, error) {
	site = maps.Clone(site)
	b := &build{site: site, names: map[string]string{}, files: map[string][]byte{}, refers: map[string][]string{}}
	site[offlineName] = offline
	var err error
	if site[pageName], err = completeHead(string(site[pageName]), address); err != nil {
		return nil, err
	}
	for name := range site {
		if keepsName(name) {
			b.names[name] = name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(site)) {
		if err := b.add(name, nil); err != nil {
			return nil, err
		}
	}
	b.files[workerName] = b.serviceWorker()
	return b, nil
}

// completeHead adds to the page what only a published one has: the script that
// keeps it for a visit without a network and, in the card of a link to it, its
// address, without which the picture's is not known either.
func completeHead(page, address string) ([]byte, error) {
	const (
		end     = "</head>"
		picture = `<meta property="og:image" content="` + cardName + `">`
	)
	for _, want := range []string{end, picture} {
		if strings.Count(page, want) != 1 {
			return nil, fmt.Errorf("%s: want %s once", pageName, want)
		}
	}
	page = strings.Replace(page, end, `<script src="`+offlineName+`" defer></script>`+"\n"+end, 1)
	if address != "" {
		address := html.EscapeString(address)
		page = strings.Replace(page, picture, fmt.Sprintf("<link rel=\"canonical\" href=%q>\n<meta property=\"og:url\" content=%q>\n<meta property=\"og:image\" content=%q>",
			address, address, address+cardName), 1)
	}
	return []byte(page), nil
}

var (
	// A reference is a name in quotes: "sae.wasm" in fetch("sae.wasm"), for instance.
	// Where it comes with an empty place for the hash, that is filled in:
	// fetch("sae.wasm", { integrity: "" }).
	reference = regexp.MustCompile(`"([\w./-]+)"(,[ {]*integrity: ?")?`)
	// What starts a reference in HTML that can be checked. What is fetched early cannot,
	// but is when it is used.
	checked = regexp.MustCompile(`(?:<script src=|<link rel="(?:stylesheet|preload" as="script)" href=)$`)
	// A reference in HTML that has to lead somewhere.
	address = regexp.MustCompile(`\b(?:src|href)="([^"#]+)`)
)

// add puts a file into the build, after those that it refers to. The trail is of
// the files that led to it, which show a circle.
func (b *build) add(name string, trail []string) error {
	if i := slices.Index(trail, name); i >= 0 {
		return fmt.Errorf("a circle of files, each with the hash of the next in it: %s", strings.Join(append(trail[i:], name), " → "))
	}
	if _, done := b.files[b.names[name]]; done {
		return nil
	}
	content := b.site[name]
	if path.Ext(name) == ".html" {
		if err := b.checkAddresses(name); err != nil {
			return err
		}
	}
	if isText(name) {
		var err error
		if content, err = b.rewrite(name, append(trail, name)); err != nil {
			return err
		}
	}
	if b.names[name] == "" {
		extension := path.Ext(name)
		b.names[name] = strings.TrimSuffix(name, extension) + "." + shortHash(content) + extension
	}
	b.files[b.names[name]] = content
	return nil
}

// rewrite returns a file with the new names of those that it refers to.
func (b *build) rewrite(name string, trail []string) ([]byte, error) {
	source := b.site[name]
	var out bytes.Buffer
	rest := 0
	for _, m := range reference.FindAllSubmatchIndex(source, -1) {
		target := path.Join(path.Dir(name), string(source[m[2]:m[3]]))
		if _, ok := b.site[target]; !ok || target == name {
			continue
		}
		if !slices.Contains(b.refers[name], target) {
			b.refers[name] = append(b.refers[name], target)
		}
		if keepsName(target) {
			continue
		}
		if err := b.add(target, trail); err != nil {
			return nil, err
		}
		renamed := b.names[target]
		out.Write(source[rest:m[2]])
		if path.Dir(name) != "." {
			renamed = path.Base(renamed)
		}
		out.WriteString(renamed)
		out.Write(source[m[3]:m[1]])
		hash := integrity(b.files[b.names[target]])
		if m[4] >= 0 {
			out.WriteString(hash)
		} else if path.Ext(name) == ".html" && checked.Match(source[:m[0]]) {
			fmt.Fprintf(&out, ` integrity=%q`, hash)
		}
		rest = m[1]
	}
	out.Write(source[rest:])
	return out.Bytes(), nil
}

// checkAddresses fails where a page refers to a file that the site does not have,
// or not by an address relative to its own.
func (b *build) checkAddresses(name string) error {
	for _, m := range address.FindAllSubmatch(b.site[name], -1) {
		target := string(m[1])
		if before, _, ok := strings.Cut(target, ":"); ok && !strings.Contains(before, "/") { // a scheme
			continue
		}
		file, _, _ := strings.Cut(target, "?")
		if _, ok := b.site[path.Join(path.Dir(name), file)]; !ok || strings.HasPrefix(target, "/") {
			return fmt.Errorf("%s: refers to %q; want the relative address of a file of the site", name, target)
		}
	}
	return nil
}

// shortHash is what names have of the hash of a file: ten digits.
func shortHash(content []byte) string {
	sum := sha256.Sum256(content)
	return fmt.Sprintf("%x", sum[:5])
}

// integrity is the hash of a file in the form that the attribute integrity has.
func integrity(content []byte) string {
	sum := sha512.Sum384(content)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}

// serviceWorker returns the service worker with what it has to know of the build:
// the pages, and all that has a hash in its name, which is what pages load.
func (b *build) serviceWorker() []byte {
	kept := map[string]string{}
	for name, content := range b.files {
		switch {
		case name == pageName:
			kept["./"] = integrity(content) // some hosts redirect index.html to its folder
		case path.Ext(name) == ".html" || !keepsName(name):
			kept[name] = integrity(content)
		}
	}
	list, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		panic(err) // there are only strings in it
	}
	const empty = `const build = "", files = {};`
	filled := fmt.Sprintf("const build = %q, files = %s;", shortHash(append(list, serviceWorker...)), list)
	return bytes.Replace(serviceWorker, []byte(empty), []byte(filled), 1)
}

// write puts the build in a folder, as a whole: until it is complete, what was
// there stays.
func (b *build) write(output string) (err error) {
	output = filepath.Clean(output)
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(output), filepath.Base(output)+".new")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	for name, content := range b.files {
		file := filepath.Join(fresh, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(output); err != nil {
		return err
	}
	return os.Rename(fresh, output)
}
