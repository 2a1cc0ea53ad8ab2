// Command dist makes of the built site a folder that any static host can serve,
// under any path.
//
//	dist [-site build/site] [-o dist] [-url https://host/path/] [-compress=false] [-budget BYTES]
//
// The names of files get a hash of their content, but for those that others link
// to, and what refers to them follows: browsers can keep such a file for good, and
// a page of one build never gets a file of another. Scripts, styles and the program
// carry the hash that they have to have. Beside each file that shrinks lie its forms
// in Brotli and gzip, at their best, for hosts that know to send them. A service
// worker keeps the build in the browser. The same site makes the same bytes.
//
// It prints what has to be loaded before the page can train on the data set that is
// built in; where that is more than -budget, in bytes with Brotli, it fails.
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
	flag.StringVar(&o.output, "o", "dist", "`folder` to write; one of an earlier build is replaced")
	flag.StringVar(&o.url, "url", "", "`address` where the folder will be found, for the card that other sites show of a link to it")
	flag.BoolVar(&o.compress, "compress", true, "write each file in Brotli and gzip too, which takes up to a minute")
	flag.Int64Var(&o.budget, "budget", 0, "fail where training takes more than so many `bytes` with Brotli; 0 is no limit")
	flag.Parse()
	err := fmt.Errorf("unexpected argument %q; want options only: see dist -help", flag.Arg(0))
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
		return errors.New("-budget is about compressed files; leave out -compress=false")
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
	fmt.Fprintf(stdout, "%s holds the site in %d files", o.output, len(b.files))
	if address == "" {
		fmt.Fprint(stdout, "; a link to it is shown with a card only where it knows its address: make dist URL=https://HOST/PATH/")
	}
	fmt.Fprintln(stdout)
	if !o.compress {
		return nil
	}
	fmt.Fprintln(stdout)
	if total := b.printSizes(stdout); o.budget > 0 && total > o.budget {
		return fmt.Errorf("training takes %d bytes with Brotli, %d over the budget of %d", total, total-o.budget, o.budget)
	}
	return nil
}

// replaceable fails where the folder to write holds something that is no earlier
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
		return fmt.Errorf("%s holds other files; want an empty folder, or one of an earlier build", output)
	}
	return nil
}

// parseURL checks the address of a folder, and ends it with a slash.
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
