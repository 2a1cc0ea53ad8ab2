// Package tools tests the workflows and the Dockerfile, which deploy the demo.
package tools

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// leastNode is the oldest major version of Node that is still maintained.
const leastNode = 22

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// all returns all matches of a pattern, with their groups.
func all(pattern, text string) [][]string {
	return regexp.MustCompile("(?m)"+pattern).FindAllStringSubmatch(text, -1)
}

func atLeast(t *testing.T, what, version string) {
	t.Helper()
	if major, err := strconv.Atoi(version); err != nil || major < leastNode {
		t.Errorf("%s: Node %s, want %d or newer", what, version, leastNode)
	}
}

// Workflows name actions by commit, because a tag can be moved, and keep no
// credentials.
func TestWorkflows(t *testing.T) {
	names, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no workflows found: %v", err)
	}
	for _, name := range names {
		text := read(t, name)
		uses := all(`\buses: *(.*)$`, text)
		if len(uses) == 0 {
			t.Errorf("%s: no actions found", name)
		}
		for _, use := range uses {
			if len(all(`^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`, use[1])) != 1 {
				t.Errorf("%s: uses %q: want an action by its commit, and its version as a comment", name, use[1])
			}
		}
		checkouts, withoutCredentials := all(`uses: actions/checkout@`, text), all(`uses: actions/checkout@.*\n +with:\n +persist-credentials: false$`, text)
		if len(checkouts) == 0 || len(withoutCredentials) != len(checkouts) {
			t.Errorf("%s: %d of %d checkouts do not keep credentials, want all", name, len(withoutCredentials), len(checkouts))
		}
		versions := all(`node-version: *(.*)$`, text)
		if len(versions) == 0 {
			t.Errorf("%s: no version of Node found", name)
		}
		for _, version := range versions {
			atLeast(t, name, version[1])
		}
	}
}

// Only a tested build is deployed.
func TestPages(t *testing.T) {
	text := read(t, "../.github/workflows/pages.yml")
	// One job runs the tests, makes dist of the same build and uploads it, in this order.
	uploads := 0
	for _, job := range regexp.MustCompile(`(?m)^  \w+:$`).Split(text, -1) {
		uploads += strings.Count(job, "upload-pages-artifact@")
		if strings.Contains(job, "upload-pages-artifact@") && len(all(`(?s)run: make test$.*run: make dist .*upload-pages-artifact@`, job)) != 1 {
			t.Error("a job uploads a build that it has not tested")
		}
	}
	if uploads != 1 {
		t.Errorf("%d uploads, want 1", uploads)
	}
}

func TestDockerfile(t *testing.T) {
	text := read(t, "../Dockerfile")
	images := append(all(`^FROM +(\S+)`, text), all(`^COPY +--from=(\S+)`, text)...)
	stages := map[string]bool{"scratch": true}
	for _, stage := range all(`^FROM .* AS +(\S+)$`, text) {
		stages[stage[1]] = true
	}
	for _, image := range images {
		if !stages[image[1]] && len(all(`^\w+:\d+\.\d+\.\d+\S*@sha256:[0-9a-f]{64}$`, image[1])) != 1 {
			t.Errorf("image %s: want its full version and its digest", image[1])
		}
	}
	versions := all(`\bnode:(\d+)`, text)
	if len(versions) == 0 {
		t.Error("no version of Node found")
	}
	for _, version := range versions {
		atLeast(t, "Dockerfile", version[1])
	}
	if installs := all(`^RUN .*(tools/need|apt-get|apk) `, text); len(installs) > 0 {
		t.Errorf("%q installs packages without a fixed version", installs)
	}
}
