package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// start runs the server on addr with a one-page site. It returns the printed URL, a
// function that shuts the server down and waits for its end, and a function that returns
// what was written to stderr.
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
			address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
			if err := check(t.Context(), address); err != nil {
				t.Errorf("check: %v", err)
			}
			if err := shutdown(); err != nil {
				t.Errorf("shutdown: %v", err)
			}
			if check(t.Context(), address) == nil {
				t.Error("check finds a server after the shutdown")
			}
			if connection, err := net.Dial("tcp", address); err == nil {
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

func TestCheckError(t *testing.T) {
	empty := httptest.NewServer(http.NotFoundHandler())
	defer empty.Close()
	for addr, want := range map[string]string{
		"127.0.0.1":                    "want HOST:PORT",
		empty.Listener.Addr().String(): "status 404, want 200",
	} {
		if err := check(t.Context(), addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", addr, err, want)
		}
	}
}

// dial connects to a new server, whose configuration change may modify.
func dial(t *testing.T, change func(*http.Server)) net.Conn {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(root)
	change(server)
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

// Clients that send too much, or too slowly, are disconnected.
func TestBadClients(t *testing.T) {
	unchanged := func(*http.Server) {}
	impatient := func(s *http.Server) { s.ReadHeaderTimeout = time.Millisecond }
	impatientThen := func(s *http.Server) { s.IdleTimeout = time.Millisecond }
	for _, test := range []struct {
		name, request string
		change        func(*http.Server)
		answer        string
	}{
		{"large header", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10), unchanged, "HTTP/1.1 431 "},
		{"no HTTP", "\x16\x03\x01\x00\r\n\r\n", unchanged, "HTTP/1.1 400 "},
		{"no host", "GET / HTTP/1.1\r\n\r\n", unchanged, "HTTP/1.1 400 "},
		{"path above the root", "GET /../../secret.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", unchanged, "HTTP/1.1 307 "},
		{"half a header", "GET / HTTP/1.1\r\nHost: x\r\n", impatient, ""},
		{"nothing", "", impatient, ""},
		{"nothing more", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", impatientThen, "HTTP/1.1 200 "},
	} {
		t.Run(test.name, func(t *testing.T) {
			connection := dial(t, test.change)
			if _, err := io.WriteString(connection, test.request); err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(connection) // ends when the server closes the connection
			if !strings.HasPrefix(string(answer), test.answer) || test.answer == "" && len(answer) > 0 {
				t.Errorf("answer %.60q, want %q", answer, test.answer)
			}
		})
	}
}

// A client that receives nothing is disconnected, however much it asked for.
func TestClientThatReceivesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "large.sae"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "large.sae"), 64<<20); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	ended := make(chan struct{})
	connection := dial(t, func(server *http.Server) {
		files := &files{root: root, known: map[string]known{}, stall: 100 * time.Millisecond}
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			files.ServeHTTP(w, r)
			close(ended)
		})
	})
	if _, err := io.WriteString(connection, "GET /large.sae HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second): // patience allows hours for such a file
		t.Fatal("the server still waits for a client that receives nothing")
	}
	if n, err := io.Copy(io.Discard, connection); n >= 64<<20 {
		t.Errorf("%d bytes came, %v, want the connection to be cut", n, err)
	}
}

func TestDeadline(t *testing.T) {
	start := time.Unix(1_000_000_000, 0)
	for _, test := range []struct {
		now  time.Duration // since the start
		sent int64
		want time.Duration
	}{
		{0, 32 << 10, 10 * time.Second},                                       // nothing may stall
		{40 * time.Second, 10 << 20, 50 * time.Second},                        // nor later
		{60 * time.Second, 32 << 10, writeTimeout + 4*time.Second},            // 32 KB in a minute are too few
		{1000 * time.Second, 1000 * slowest, 1010 * time.Second},              // just fast enough
		{1025 * time.Second, 1000 * slowest, writeTimeout + 1000*time.Second}, // and about to be too slow
		{time.Hour, 3600 * slowest * 2, time.Hour + 10*time.Second},           // long, but fast
	} {
		r := &response{started: start, stall: 10 * time.Second, sent: test.sent}
		if got := r.deadline(start.Add(test.now)).Sub(start); got != test.want {
			t.Errorf("after %v and %d bytes: %v after the start, want %v", test.now, test.sent, got, test.want)
		}
	}
}

// All resources that a client can occupy are bounded, and a slow network has time for a
// large data set.
func TestBounds(t *testing.T) {
	s := newServer(nil)
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("without a bound: %+v", s)
	}
	if got := patience(150 << 20); got < time.Hour {
		t.Errorf("150 MiB may take %v, want an hour or more", got)
	}
	if got := patience(0); got != writeTimeout {
		t.Errorf("an empty file may take %v, want %v", got, writeTimeout)
	}
}
