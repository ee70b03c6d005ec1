package endurance

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHostileClients attacks an API and its endpoint. It checks that the attack leaves no
// series, goroutines, files or memory behind, and that a scrape every second succeeds in
// time.
func TestHostileClients(t *testing.T) {
	c := program.Start(t, "--load", "0")
	api, metrics := host(t, c.API), host(t, c.Metrics)
	// The first attack creates the series of known routes and methods. The second must
	// add none.
	attack(t, 3*time.Second, api, metrics)
	s := scrapeEachSecond(t, "example", c.Metrics)
	s.settles(vitals{goroutines: 500, files: 300, heap: 1e9}, 1) // the first attack is over
	before, _ := s.newest()

	attack(t, *hostileTime, api, metrics)
	s.settles(before, 1.5)
	if after, _ := s.newest(); after.series > before.series {
		t.Errorf("got %d series of the API, want at most %d as before", after.series, before.series)
	}
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// attack lets 40 hostile clients attack for a time.
func attack(t *testing.T, d time.Duration, api, metrics string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var attacking sync.WaitGroup
	for range 8 {
		for _, how := range []func(context.Context, net.Conn, string){randomRequests, connects, headerFlood, halfOpen} {
			attacking.Go(func() { again(ctx, api, how) })
		}
		attacking.Go(func() { again(ctx, metrics, slowRead) })
	}
	attacking.Wait()
}

// again connects and attacks repeatedly.
func again(ctx context.Context, host string, how func(context.Context, net.Conn, string)) {
	for ctx.Err() == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
		if err != nil {
			continue
		}
		stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
		how(ctx, conn, host)
		stop()
		conn.Close()
		select { // leave CPU time to the example
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// text returns random letters and digits, valid as a method or in a path.
func text(length int) string {
	b := make([]byte, length)
	for i := range b {
		b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[rand.N(62)]
	}
	return string(b)
}

// randomRequests sends requests with random methods for random paths.
func randomRequests(_ context.Context, conn net.Conn, host string) {
	for range 10 {
		path := []string{"/", "/api/v2/", "/api/v2/workspaces/", "/@"}[rand.N(4)] + text(1+rand.N(50))
		method := []string{text(1 + rand.N(20)), "GET", "DELETE", "PATCH", "OPTIONS", "TRACE"}[rand.N(6)]
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", method, path, host)
	}
	conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	io.Copy(io.Discard, conn)
}

// connects requests a tunnel to a random host or path.
func connects(_ context.Context, conn net.Conn, _ string) {
	target := text(10) + ".example:443"
	if rand.N(2) == 0 {
		target = "/api/v2/" + text(20)
	}
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, text(10))
	conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	io.Copy(io.Discard, conn)
}

// headerFlood sends headers without end.
func headerFlood(_ context.Context, conn net.Conn, host string) {
	fmt.Fprintf(conn, "GET /api/v2/users HTTP/1.1\r\nHost: %s\r\n", host)
	value := text(1_000)
	for range 5_000 {
		if _, err := fmt.Fprintf(conn, "X-%s: %s\r\n", text(20), value); err != nil {
			return
		}
	}
}

// halfOpen requests a websocket and then sends nothing, or stops in the middle of the
// request.
func halfOpen(ctx context.Context, conn net.Conn, host string) {
	request := fmt.Sprintf("GET /api/v2/workspaceagents/%s/pty HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s==\r\n\r\n", []string{"main.dev.ada", text(10)}[rand.N(2)], host, strings.Repeat("A", 22))
	if rand.N(2) == 0 {
		request = request[:rand.N(len(request))]
	}
	io.WriteString(conn, request)
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(2 * time.Second)):
	}
}

// slowRead requests the metrics in a random format, and reads the response slowly, byte
// by byte.
func slowRead(ctx context.Context, conn net.Conn, host string) {
	fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\nAccept-Encoding: %s\r\n\r\n", host,
		[]string{"text/plain", "application/openmetrics-text", text(2000)}[rand.N(3)], []string{"gzip", "identity", text(10)}[rand.N(3)])
	conn.(*net.TCPConn).SetReadBuffer(1)
	for range 20 {
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}
