// Command dist turns the built site into a folder that any static host can serve,
// under any path.
//
//	dist [-site build/site] [-o dist] [-url https://host/path/] [-compress=false] [-budget BYTES]
//
// File names contain a content hash and are cached forever, except the names of
// files that other sites link to. References to renamed files are updated, so a
// page never loads a file of another build. Pages and scripts carry the hashes of
// the scripts, styles and program that they load. Files that compress well are
// also written as .br and .gz. A service worker caches the build in the browser.
// The same site gives the same bytes.
//
// dist prints what the page loads before it can train on the synthetic data set.
// If that is more than -budget bytes with Brotli, it fails.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	var o options
	flag.StringVar(&o.site, "site", "build/site", "`folder` of the built site")
	flag.StringVar(&o.output, "o", "dist", "`folder` to write; an earlier build in it is replaced")
	flag.StringVar(&o.url, "url", "", "public `address` of the folder, for the preview card that other sites show for a link")
	flag.BoolVar(&o.compress, "compress", true, "also write each file with Brotli and gzip, which takes up to a minute")
	flag.Int64Var(&o.budget, "budget", 0, "fail if the page loads more than so many `bytes` with Brotli before training; 0 is no limit")
	flag.Parse()
	err := fmt.Errorf("unexpected argument %q: want only options, see dist -help", flag.Arg(0))
	if flag.NArg() == 0 {
		err = run(o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

type options struct {
	site, output, url string
	compress          bool
	budget            int64
}

func run(o options, stdout io.Writer) error {
	if o.budget > 0 && !o.compress {
		return errors.New("-budget counts compressed bytes: want no -compress=false")
	}
	if err := replaceable(o.output); err != nil {
		return err
	}
	address, err := parseURL(o.url)
	if err != nil {
		return err
	}
	site, err := readSite(o.site)
	if err != nil {
		return err
	}
	b, err := newBuild(site, address)
	if err != nil {
		return err
	}
	if o.compress {
		b.compress()
	}
	if err := b.write(o.output); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s contains the site in %d files", o.output, len(b.files))
	if address == "" {
		fmt.Fprint(stdout, "; for a preview card, give its public address: make dist URL=https://HOST/PATH/")
	}
	fmt.Fprintln(stdout)
	if !o.compress {
		return nil
	}
	fmt.Fprintln(stdout)
	if total := b.printSizes(stdout); o.budget > 0 && total > o.budget {
		return fmt.Errorf("the page loads %d bytes with Brotli before training, %d over the budget of %d", total, total-o.budget, o.budget)
	}
	return nil
}

// replaceable returns an error unless the output folder is missing, empty or an earlier
// build.
func replaceable(output string) error {
	entries, err := os.ReadDir(output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ours := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == workerName })
	if len(entries) > 0 && !ours {
		return fmt.Errorf("%s contains other files: want an empty folder or an earlier build", output)
	}
	return nil
}

// parseURL checks the address of a folder and makes it end with a slash.
func parseURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("address %q: want one like https://host/path/", text)
	}
	return strings.TrimRight(u.String(), "/") + "/", nil
}

// readSite returns the content of all files of the built site, by name.
func readSite(dir string) (map[string][]byte, error) {
	site := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		site[filepath.ToSlash(name)] = content
		return err
	})
	if err == nil && site[pageName] == nil {
		err = fmt.Errorf("no %s in %s", pageName, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("no built site: %w; build it with: make build", err)
	}
	return site, nil
}
