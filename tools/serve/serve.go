// Command serve serves the built site over HTTP.
//
//	serve [-addr 127.0.0.1:8080] [-dir build/site]
//
// It is made for looking at the site on one's own machine: without a host in
// the address only this machine can connect, browsers revalidate every file on
// every load, so that a rebuilt site shows at once, and SIGINT or SIGTERM ends
// it. Port 0 picks a free port; the printed address tells which.
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
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "serve: unexpected argument %q; want only -addr and -dir\n", flag.Arg(0))
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *dir, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// run serves the site in dir on addr until ctx ends. It prints the site's
// address to stdout once connections are accepted.
func run(ctx context.Context, addr, dir string, stdout, stderr io.Writer) error {
	if _, err := os.Stat(filepath.Join(dir, "index.html")); err != nil {
		return fmt.Errorf("%s holds no built site: %w; build it with: make build", dir, err)
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

	server := &http.Server{
		Handler:           newHandler(root),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      2 * time.Minute, // time for the data set over a slow network
		IdleTimeout:       2 * time.Minute,
	}
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
		return server.Close() // a download is still running: cut it off
	}
	return nil
}

// listen opens addr, with 127.0.0.1 where it names no host.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return nil, fmt.Errorf("address %q: want HOST:PORT, such as 127.0.0.1:8080", addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	addr = net.JoinHostPort(host, port)
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program; choose another address, such as any free port: make serve ADDR=%s",
			addr, net.JoinHostPort(host, "0"))
	}
	return listener, err
}

// siteURL is where a browser on this machine finds the site.
func siteURL(listener net.Listener) string {
	address := *listener.Addr().(*net.TCPAddr)
	if address.IP.IsUnspecified() {
		address.IP = net.IPv4(127, 0, 0, 1)
	}
	return "http://" + address.String() + "/"
}
