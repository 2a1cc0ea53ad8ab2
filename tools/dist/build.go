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
	offlineName = "offline.js" // registers it
	cardName    = "card.png"
)

var (
	//go:embed sw.js
	serviceWorker []byte
	//go:embed offline.js
	offline []byte
)

// keepsName reports whether a file's name gets no hash, because other sites or the
// browser use the name.
func keepsName(name string) bool {
	switch name {
	case "embed.js", "manifest.webmanifest", cardName, workerName:
		return true
	}
	return path.Ext(name) == ".html"
}

// isText reports whether a file can refer to others.
func isText(name string) bool {
	switch path.Ext(name) {
	case ".css", ".html", ".js", ".json", ".webmanifest":
		return true
	}
	return false
}

// build is a site that is being published.
type build struct {
	site   map[string][]byte   // the built site, by name
	names  map[string]string   // published names, by name in the site
	files  map[string][]byte   // the build, by published name
	refers map[string][]string // files of the site that a file refers to, in order
}

// newBuild renames the files of a site, updates the references to them, and adds
// the service worker. address is the build's public address, or "".
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

// completeHead adds to the page what only a published page has: the script that
// makes it work offline and, if the address is known, the addresses of the page
// and of the picture in its preview card.
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
	// A reference is a name in quotes, such as "sae.wasm" in fetch("sae.wasm"). An
	// empty integrity next to it is filled in: fetch("sae.wasm", { integrity: "" }).
	reference = regexp.MustCompile(`"([\w./-]+)"(,[ {]*integrity: ?")?`)
	// What precedes a reference in HTML that browsers check. They do not check other
	// preloads, but check the file when it is used.
	checked = regexp.MustCompile(`(?:<script src=|<link rel="(?:stylesheet|preload" as="script)" href=)$`)
	// A reference in HTML that must lead to a file.
	address = regexp.MustCompile(`\b(?:src|href)="([^"#]+)`)
)

// add adds a file to the build, after those that it refers to. trail lists the
// files that led to it, to detect cycles.
func (b *build) add(name string, trail []string) error {
	if i := slices.Index(trail, name); i >= 0 {
		return fmt.Errorf("files refer to each other in a cycle, so their hashes cannot be computed: %s", strings.Join(append(trail[i:], name), " → "))
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

// rewrite returns a file with the published names of the files that it refers to.
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

// checkAddresses returns an error if a page refers to a file that the site does
// not have, or with an address that is not relative.
func (b *build) checkAddresses(name string) error {
	for _, m := range address.FindAllSubmatch(b.site[name], -1) {
		target := string(m[1])
		if before, _, ok := strings.Cut(target, ":"); ok && !strings.Contains(before, "/") { // a scheme
			continue
		}
		file, _, _ := strings.Cut(target, "?")
		if _, ok := b.site[path.Join(path.Dir(name), file)]; !ok || strings.HasPrefix(target, "/") {
			return fmt.Errorf("%s: refers to %q: want the relative address of a file of the site", name, target)
		}
	}
	return nil
}

// shortHash returns the ten hexadecimal digits that a file's name contains.
func shortHash(content []byte) string {
	sum := sha256.Sum256(content)
	return fmt.Sprintf("%x", sum[:5])
}

// integrity returns the hash of a file as the integrity attribute writes it.
func integrity(content []byte) string {
	sum := sha512.Sum384(content)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}

// serviceWorker returns the service worker with the build's pages and files with
// hashed names filled in.
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
		panic(err) // impossible: it contains only strings
	}
	const empty = `const build = "", files = {};`
	filled := fmt.Sprintf("const build = %q, files = %s;", shortHash(append(list, serviceWorker...)), list)
	return bytes.Replace(serviceWorker, []byte(empty), []byte(filled), 1)
}

// write writes the build to a temporary folder and renames it, so that an earlier
// build stays until the new one is complete.
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
