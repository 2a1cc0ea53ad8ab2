package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// start runs the server on addr over a one-page site. It returns the URL that
// was printed, a function that shuts the server down and waits for its end, and
// a function that gives what was written to stderr by then.
func start(t *testing.T, addr string) (url string, shutdown func() error, warnings func() string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	output, stdout := io.Pipe()
	var stderr strings.Builder
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, addr, dir, stdout, &stderr)
		stdout.CloseWithError(io.EOF)
		ended <- err
	}()
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("no address printed: %v", <-ended)
	}
	announcement := regexp.MustCompile(`^Serving (.+) at (http://\S+/)\n$`).FindStringSubmatch(line)
	if announcement == nil || announcement[1] != dir {
		t.Fatalf("printed %q, want \"Serving %s at http://…/\"", line, dir)
	}
	return announcement[2], func() error { cancel(); return <-ended }, stderr.String
}

func TestRun(t *testing.T) {
	tests := []struct {
		addr, host string
		warns      bool
	}{
		{"127.0.0.1:0", "127.0.0.1", false},
		{"localhost:0", "127.0.0.1", false},
		{":0", "127.0.0.1", false},
		{"0.0.0.0:0", "127.0.0.1", true},
	}
	for _, test := range tests {
		t.Run(test.addr, func(t *testing.T) {
			url, shutdown, warnings := start(t, test.addr)
			if !strings.HasPrefix(url, "http://"+test.host+":") {
				t.Errorf("serves at %s, want host %s", url, test.host)
			}
			response, body := request(t, "GET", url, nil)
			if response.StatusCode != http.StatusOK || body != page {
				t.Errorf("status %d with %d bytes, want 200 and the page", response.StatusCode, len(body))
			}
			if err := shutdown(); err != nil {
				t.Errorf("shutdown: %v", err)
			}
			if connection, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")); err == nil {
				connection.Close()
				t.Error("still accepts connections after the shutdown")
			}
			if got := strings.Contains(warnings(), "other machines can connect"); got != test.warns {
				t.Errorf("warnings %q, want one: %v", warnings(), test.warns)
			}
		})
	}
}

func TestRunError(t *testing.T) {
	site := t.TempDir()
	if err := os.WriteFile(filepath.Join(site, "index.html"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()

	tests := []struct {
		name, addr, dir string
		want            []string
	}{
		{"busy port", busy.Addr().String(), site, []string{busy.Addr().String(), "in use", "make serve ADDR=127.0.0.1:0"}},
		{"no port", "127.0.0.1", site, []string{`"127.0.0.1"`, "want HOST:PORT"}},
		{"empty port", "127.0.0.1:", site, []string{"want HOST:PORT"}},
		{"port out of range", "127.0.0.1:70000", site, []string{"70000"}},
		{"no site", "127.0.0.1:0", t.TempDir(), []string{"index.html", "make build"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := run(t.Context(), test.addr, test.dir, io.Discard, io.Discard)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}
