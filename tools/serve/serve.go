// Command serve serves the built site over HTTP.
//
//	serve [-addr 127.0.0.1:8080] [-dir build/site]
//	serve -check [-addr 127.0.0.1:8080]
//
// Without a host in the address, only this machine can connect. Port 0 picks a
// free port; the printed address shows which. SIGINT or SIGTERM stops the server.
//
// Browsers revalidate every file on every load, so that a rebuilt site shows at once.
// Files with a hash in their name never change and are cached forever. If the site has a
// compressed form of a file (.br, .zst or .gz) that the browser accepts, that is sent.
// Other files that compress well are compressed with zstd or gzip.
//
// With -check, serve requests the page from the server at the address instead, and
// fails if there is no answer. That is the health check of a container that contains no
// other program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`HOST:PORT` to listen on; no host means 127.0.0.1, port 0 any free port")
	dir := flag.String("dir", "build/site", "`folder` of the built site")
	asks := flag.Bool("check", false, "check that a server answers at -addr, instead of serving")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "serve: unexpected argument %q: want only -addr, -dir and -check\n", flag.Arg(0))
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if *asks {
		err = check(ctx, *addr)
	} else {
		err = run(ctx, *addr, *dir, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// run serves the site in dir on addr until ctx ends. It prints the site's
// address to stdout once connections are accepted.
func run(ctx context.Context, addr, dir string, stdout, stderr io.Writer) error {
	if _, err := os.Stat(filepath.Join(dir, "index.html")); err != nil {
		return fmt.Errorf("no built site in %s: %w; build it with: make build", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()

	listener, err := listen(addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Serving %s at %s\n", dir, siteURL(listener))
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		fmt.Fprintf(stderr, "serve: warning: %s is not a loopback address: other machines can connect\n", addr)
	}

	server := newServer(root)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		return server.Close() // aborts downloads
	}
	return nil
}

// writeTimeout is how long a client may take to receive a response, in addition
// to the time that the handler allows for its size.
const writeTimeout = 30 * time.Second

// sendBuffer is how many bytes the system buffers of a response. A slow client
// receives a third of it well within writeTimeout.
const sendBuffer = 256 << 10

// newServer returns a server with limits on headers and on slow clients.
func newServer(root *os.Root) *http.Server {
	return &http.Server{
		Handler:           newHandler(root),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnContext: func(ctx context.Context, connection net.Conn) context.Context {
			// Buffered data count as received. By default, the system buffers megabytes,
			// and then accepts nothing for minutes if the client is slow.
			if tcp, ok := connection.(*net.TCPConn); ok {
				_ = tcp.SetWriteBuffer(sendBuffer)
			}
			return ctx
		},
	}
}

// check returns an error if no server answers at addr with a page.
func check(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	addr, err := address(addr)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+addr+"/", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers with status %d, want 200", request.URL, response.StatusCode)
	}
	return nil
}

// address returns addr, with the host 127.0.0.1 if it has none.
func address(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return "", fmt.Errorf("address %q: want HOST:PORT, such as 127.0.0.1:8080", addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

func listen(addr string) (net.Listener, error) {
	addr, err := address(addr)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(addr)
		return nil, fmt.Errorf("%s is in use by another program; choose another address, such as any free port: make serve ADDR=%s",
			addr, net.JoinHostPort(host, "0"))
	}
	return listener, err
}

// siteURL returns the site's address for a browser on this machine.
func siteURL(listener net.Listener) string {
	address := *listener.Addr().(*net.TCPAddr)
	if address.IP.IsUnspecified() {
		address.IP = net.IPv4(127, 0, 0, 1)
	}
	return "http://" + address.String() + "/"
}
