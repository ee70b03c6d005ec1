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

// TestHostileClients do their worst to an API and to its endpoint. Nothing of it
// stays: no series, no goroutine, no memory; and a scrape each second is
// answered in time.
func TestHostileClients(t *testing.T) {
	c := program.Start(t, "--load", "0")
	api, metrics := host(t, c.API), host(t, c.Metrics)
	// What there is of each kind of attack is there before: the series of routes
	// and methods that are known, and no more.
	attack(t, 3*time.Second, api, metrics)
	s := scrapeEachSecond(t, "example", c.Metrics)
	s.settles(vitals{goroutines: 500, files: 300, heap: 1e9}, 1) // the first attack is over
	before, _ := s.newest()

	attack(t, *hostileTime, api, metrics)
	s.settles(before, 1.5)
	if after, _ := s.newest(); after.series > before.series {
		t.Errorf("%d series of the API, %d before", after.series, before.series)
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

// attack lets 40 strangers do their worst for a time.
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

// again connects and attacks, time after time.
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
		select { // the processors are theirs and the example's
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// text is of random letters, fit for a method or a path.
func text(length int) string {
	b := make([]byte, length)
	for i := range b {
		b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[rand.N(62)]
	}
	return string(b)
}

// randomRequests asks with invented methods for invented paths.
func randomRequests(_ context.Context, conn net.Conn, host string) {
	for range 10 {
		path := []string{"/", "/api/v2/", "/api/v2/workspaces/", "/@"}[rand.N(4)] + text(1+rand.N(50))
		method := []string{text(1 + rand.N(20)), "GET", "DELETE", "PATCH", "OPTIONS", "TRACE"}[rand.N(6)]
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", method, path, host)
	}
	conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	io.Copy(io.Discard, conn)
}

// connects asks for tunnels to wherever it likes.
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

// halfOpen asks for a websocket and says nothing more, or stops in the middle of
// asking.
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

// slowRead asks for the metrics, in one of the formats, and reads a byte now and
// then.
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
