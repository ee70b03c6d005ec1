package exporters_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/exporters"
)

// pipes is an in-memory listener that works in a synctest bubble.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2112} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.connections <- server
	return client
}

// serve serves an Exporter on pipes until the test ends. The test must run in a synctest
// bubble.
func serve(t *testing.T, options ...exporters.Option) *pipes {
	t.Helper()
	e := newExporter(t, options...)
	p := &pipes{make(chan net.Conn), make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- e.Serve(ctx, p) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// TestSlowClientsAreLetGo checks that clients with an incomplete request are disconnected
// within seconds, and idle clients within minutes.
func TestSlowClientsAreLetGo(t *testing.T) {
	for name, test := range map[string]struct {
		say  string
		ends time.Duration
	}{
		"nothing":             {"", 5 * time.Second},
		"half a request line": {"GET /met", 5 * time.Second},
		"half a header":       {"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: te", 5 * time.Second},
		"a request, then nothing": {
			"HEAD /metrics/replica HTTP/1.1\r\nHost: a\r\n\r\n", 2 * time.Minute,
		},
		"an answer it does not read": {"GET /metrics/replica HTTP/1.1\r\nHost: a\r\n\r\n", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := serve(t).dial()
				defer client.Close()
				io.WriteString(client, test.say)
				if strings.HasPrefix(test.say, "HEAD") {
					response, err := http.ReadResponse(bufio.NewReader(client), &http.Request{Method: "HEAD"})
					if err != nil || response.StatusCode != http.StatusOK {
						t.Fatalf("got the response %v and the error %v, want status 200", response, err)
					}
				}
				if strings.HasPrefix(test.say, "GET /metrics/replica") {
					time.Sleep(test.ends + time.Second) // without reading
				}
				began := time.Now()
				_, err := io.Copy(io.Discard, client)
				if took := time.Since(began); err != nil || took > test.ends {
					t.Errorf("disconnected after %s with the error %v, want at most %s", took, err, test.ends)
				}
			})
		})
	}
}

func TestHeadersAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serve(t).dial()
		defer client.Close()
		go fmt.Fprintf(client, "GET /metrics HTTP/1.1\r\nHost: a\r\nX-Flood: %s\r\n\r\n", strings.Repeat("x", 64<<10))
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("got the response %v and the error %v, want status 431", response, err)
		}
	})
}

// TestRequestsWithoutAPathAreRefused checks that requests for an invalid path or for no
// path get an error of the client or a redirect.
func TestRequestsWithoutAPathAreRefused(t *testing.T) {
	for _, line := range []string{"OPTIONS * HTTP/1.1", "CONNECT example.com:443 HTTP/1.1", "GET http://example.com/ok HTTP/1.1", "GET /../etc/passwd HTTP/1.1", "PRI * HTTP/2.0"} {
		t.Run(line, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := serve(t).dial()
				defer client.Close()
				go fmt.Fprintf(client, "%s\r\nHost: a\r\n\r\n", line)
				response, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				if response.StatusCode < 300 || response.StatusCode >= 500 {
					t.Errorf("status %d, want 3xx or 4xx", response.StatusCode)
				}
			})
		})
	}
}

// TestWithServe checks that the host's own function serves the connections, and that the
// server's errors about clients are logged at a limited rate.
func TestWithServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		broken := errors.New("broken")
		e := newExporter(t, exporters.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
			exporters.WithServe(func(l net.Listener, s *http.Server) error {
				if s.ReadHeaderTimeout == 0 || s.Handler == nil {
					t.Error("the server has no timeout or no handler")
				}
				for range 1000 {
					s.ErrorLog.Print("http: TLS handshake error")
				}
				l.Close()
				return broken
			}))
		err := e.Serve(t.Context(), &pipes{make(chan net.Conn), make(chan struct{})})
		if !errors.Is(err, broken) || err.Error() != "serve metrics on 127.0.0.1:2112: broken" {
			t.Errorf("got the error %v, want %v with its address", err, broken)
		}
		if n := strings.Count(log.String(), "TLS handshake error"); n != 1 {
			t.Errorf("logged %d TLS errors within a minute, want 1", n)
		}
	})
}

// TestWithServeReturnsEarly checks that Serve returns an error when the function of
// WithServe returns nil early.
func TestWithServeReturnsEarly(t *testing.T) {
	e := newExporter(t, exporters.WithServe(func(l net.Listener, _ *http.Server) error { return l.Close() }))
	err := e.Serve(t.Context(), &pipes{make(chan net.Conn), make(chan struct{})})
	if want := "serve metrics on 127.0.0.1:2112: the function of WithServe has returned"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestServeEndsDuringARendering checks that a scrape that waits for a rendering does not
// delay the end of Serve.
func TestServeEndsDuringARendering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExporter(t)
		begun, goOn := make(chan struct{}), make(chan struct{})
		e.OnConversion(func() {
			close(begun)
			<-goOn
		})
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- e.Serve(ctx, p) }()
		client := p.dial()
		defer client.Close()
		go io.WriteString(client, "GET /metrics/deployment HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		<-begun
		start := time.Now()
		cancel()
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("scrape: got the response %v and the error %v, want status 503", response, err)
		}
		io.Copy(io.Discard, client)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("Serve ended after %s, want at most 100ms", took)
		}
		close(goOn)
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
