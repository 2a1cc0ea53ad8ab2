// Package docs_test checks the documents: their links, the table of settings, and
// the sections of the changelog.
package docs_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"sae/nn/experiment"
)

var update = flag.Bool("update", false, "write the table in settings.md")

// The table in settings.md agrees with nn/experiment.
func TestSettings(t *testing.T) {
	content, err := os.ReadFile("settings.md")
	if err != nil {
		t.Fatal(err)
	}
	const head = "| name | default | values | |\n|---|---|---|---|\n"
	text, _, _ := strings.Cut(string(content), head)
	want := strings.TrimRight(text, "\n") + "\n\n" + head
	for _, field := range experiment.Table {
		want += fmt.Sprintf("| `%s` | `%s` | %s | %s |\n", field.Name, field.Format(experiment.Default()), field.Want(), field.Help)
	}
	if string(content) == want {
		return
	}
	if !*update {
		t.Fatal("settings.md: the table is out of date; run: go test ./docs -update")
	}
	if err := os.WriteFile("settings.md", []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Relative links in Markdown files lead to files and headings that exist.
func TestLinks(t *testing.T) {
	root := os.DirFS("..")
	files := map[string]string{} // Markdown files by their path in the repository
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch base := path.Base(name); {
		case name != "." && strings.HasPrefix(base, "."), base == "node_modules", name == "build", name == "dist":
			if entry.IsDir() {
				return fs.SkipDir
			}
		case path.Ext(name) == ".md":
			content, err := fs.ReadFile(root, name)
			files[name] = string(content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for name, text := range files {
		for _, target := range linkTargets(text) {
			if strings.Contains(target, ":") { // an address of another site
				continue
			}
			links++
			file, anchor, hasAnchor := strings.Cut(target, "#")
			to := name
			if file != "" {
				to = path.Join(path.Dir(name), file)
			}
			if _, err := fs.Stat(root, to); err != nil {
				t.Errorf("%s: link %s: there is no file %s", name, target, to)
			} else if hasAnchor && !anchors(files[to])[anchor] {
				t.Errorf("%s: link %s: %s has no such heading", name, target, to)
			}
		}
	}
	if links == 0 {
		t.Error("no links found")
	}
}

// Merging changelogs of two branches can repeat a section or an entry.
func TestChangelog(t *testing.T) {
	content, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^(?:## |- ).+$`).FindAllString(string(content), -1)
	if len(lines) == 0 {
		t.Error("CHANGELOG.md has no versions")
	}
	seen := map[string]bool{}
	for _, line := range lines {
		if seen[line] {
			t.Errorf("CHANGELOG.md has %q twice", line)
		}
		seen[line] = true
	}
}

func TestAnchors(t *testing.T) {
	text := "# A `Go` heading, with commas\n\n    # code\n\n```\n# fenced\n```\n## tools/serve\n## Twice\n## Twice\n[a](b.md#c) and ![d](e.png)\n\n    [not](a link)\n"
	got := anchors(text)
	for _, want := range []string{"a-go-heading-with-commas", "toolsserve", "twice", "twice-1"} {
		if !got[want] {
			t.Errorf("anchor %s is missing in %v", want, got)
		}
	}
	if len(got) != 4 {
		t.Errorf("got anchors %v, want 4", got)
	}
	if got, want := fmt.Sprint(linkTargets(text)), "[b.md#c e.png]"; got != want {
		t.Errorf("got links %s, want %s", got, want)
	}
}

var (
	code        = regexp.MustCompile("(?ms)^```.*?^```$|^    .*?$|`[^`\n]*`")
	link        = regexp.MustCompile(`\]\(([^) ]+)\)`)
	heading     = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	fenced      = regexp.MustCompile("(?ms)^```.*?^```$")
	punctuation = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// linkTargets returns the targets of the links in Markdown, except in code.
func linkTargets(text string) (targets []string) {
	for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
		targets = append(targets, match[1])
	}
	return targets
}

// anchors returns the anchors that GitHub gives the headings of Markdown.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		anchor := strings.ReplaceAll(punctuation.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")
		for i, first := 1, anchor; found[anchor]; i++ {
			anchor = fmt.Sprintf("%s-%d", first, i)
		}
		found[anchor] = true
	}
	return found
}
