package e2e

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A link passes bytes on as a slow network does. What Chromium emulates as 10 Mbit/s passes 7.
type link struct {
	bytesPerSecond float64
	roundTrip      time.Duration

	mu   sync.Mutex
	free time.Time // when it can take more from the server
}

// slowLink returns the address of a server, which is an address with a slash at its end, behind
// a link. All connections share its speed, and each takes a round trip to open.
func slowLink(tb testing.TB, server string, megabits float64, roundTrip time.Duration) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { listener.Close() })
	l := &link{bytesPerSecond: megabits * 1e6 / 8, roundTrip: roundTrip}
	host := strings.Trim(strings.TrimPrefix(server, "http:"), "/")
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go l.connect(client, host)
		}
	}()
	return "http://" + listener.Addr().String() + "/"
}

// connect connects a client with the server until one of them ends.
func (l *link) connect(client net.Conn, host string) {
	defer client.Close()
	server, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	defer server.Close()
	time.Sleep(l.roundTrip)
	go func() {
		l.pass(server, client, func(int) time.Time { return time.Now() }) // requests are short
		server.(*net.TCPConn).CloseWrite()
	}()
	l.pass(client, server, l.slot)
}

// slot returns when the link has taken the next n bytes from the server.
func (l *link) slot(n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.bytesPerSecond * float64(time.Second)))
	return l.free
}

// pass copies what comes from source, each part as soon as the link has taken it and half of a
// round trip is over.
func (l *link) pass(destination io.Writer, source io.Reader, slot func(n int) time.Time) {
	const partSize, underWay = 4 << 10, 16 // more would keep other connections waiting
	type part struct {
		due     time.Time
		content []byte
	}
	parts := make(chan part, underWay)
	go func() {
		defer close(parts)
		for {
			buffer := make([]byte, partSize)
			n, err := source.Read(buffer)
			if n > 0 {
				parts <- part{slot(n).Add(l.roundTrip / 2), buffer[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range parts {
		time.Sleep(time.Until(p.due))
		if _, err := destination.Write(p.content); err != nil {
			break
		}
	}
	for range parts { // lets the reading end
	}
}
