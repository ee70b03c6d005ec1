package httpmw_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/coder/websocket"
	"github.com/go-chi/chi/v5"
)

// echo accepts a websocket and sends back each message.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if string(message) == "panic" {
			panic("the client sent panic")
		}
		if err := conn.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

func dial(t *testing.T, s *server, path string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), s.URL+path, &websocket.DialOptions{HTTPClient: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// exchange sends a message and waits for its echo.
func exchange(t *testing.T, conn *websocket.Conn) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, message, err := conn.Read(t.Context()); string(message) != "hello" || err != nil {
		t.Fatalf("got %q and the error %v, want hello", message, err)
	}
}

func TestWebsockets(t *testing.T) {
	f := newFixture(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v2/agents/{agent}/pty", echo)
	s := serve(t, f.measure(mux))
	var conns []*websocket.Conn
	for i := range 3 {
		conns = append(conns, dial(t, s, "/api/v2/agents/7/pty"))
		exchange(t, conns[i])
	}
	if n := f.Samples(t)["coderd_api_concurrent_websockets"]; n != 3 {
		t.Errorf("%v websockets in flight, want 3", n)
	}
	if n := f.Samples(t)["coderd_api_concurrent_requests"]; n != 0 {
		t.Errorf("%v requests in flight, want 0", n)
	}
	conns[0].Close(websocket.StatusNormalClosure, "")
	conns[1].CloseNow()
	if err := conns[2].Write(t.Context(), websocket.MessageText, []byte("panic")); err != nil {
		t.Error(err)
	}
	for range conns {
		<-s.done
	}
	f.expect(t, `
requests{code="101",method="GET",path="/api/v2/agents/{agent}/pty"} 3
websockets{path="/api/v2/agents/{agent}/pty"} 3
`)
}

func TestWebsocketInChi(t *testing.T) {
	f := newFixture(t)
	router := chi.NewRouter()
	router.Use(f.measure, withContext)
	router.Route("/api/v2", func(router chi.Router) {
		router.With(f.measure).Get("/watch/{build}", echo)
	})
	s := serve(t, router)
	conn := dial(t, s, "/api/v2/watch/7")
	exchange(t, conn)
	conn.CloseNow()
	<-s.done
	f.expect(t, `
requests{code="101",method="GET",path="/api/v2/watch/{build}"} 1
websockets{path="/api/v2/watch/{build}"} 1
`)
}

// TestUpgrades checks that a request for a websocket is measured as a websocket, even if the
// handler refuses it or panics.
func TestUpgrades(t *testing.T) {
	hijack := func(w http.ResponseWriter) net.Conn {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return nil
		}
		return conn
	}
	const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n"
	hijacker := func(w http.ResponseWriter, _ *http.Request) {
		conn := hijack(w)
		fmt.Fprint(conn, switching)
		conn.Close()
	}
	const websockets, latencies = `websockets{path="/"} 1`, `latencies{method="GET",path="/"} 1`
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		upgrade string
		code    string
		counted string
	}{
		{"hijacked, without WriteHeader", hijacker, "websocket", "101", websockets},
		{"hijacked, then a panic", func(w http.ResponseWriter, r *http.Request) { hijacker(w, r); panic("no") }, "WebSocket", "101", websockets},
		{"a panic instead", func(http.ResponseWriter, *http.Request) { panic("no") }, "websocket", "500", websockets},
		{"refused", answer(403), "websocket", "403", websockets},
		{"refused by the library", func(w http.ResponseWriter, r *http.Request) { r.Header.Del("Sec-WebSocket-Key"); echo(w, r) }, "websocket", "400", websockets},
		{"ignored", answer(200), "websocket", "200", websockets},
		{"another protocol", hijacker, "tcp", "101", latencies},
		{"another protocol, refused", answer(400), "tcp", "400", latencies},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			mux := http.NewServeMux()
			mux.Handle("GET /{$}", test.handler)
			s := serve(t, f.measure(mux))
			s.do(t, "/", "Connection", "keep-alive, Upgrade", "Upgrade", test.upgrade,
				"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
			requests := fmt.Sprintf(`requests{code="%s",method="GET",path="/"} 1`, test.code)
			if test.counted == websockets {
				f.expect(t, requests+"\n"+test.counted+"\n")
			} else {
				f.expect(t, test.counted+"\n"+requests+"\n")
			}
		})
	}
}

// TestWebsocketOfAClientThatIsGone checks a client that disconnects before the handler has
// hijacked the connection. Only until then the server ends the request's context.
func TestWebsocketOfAClientThatIsGone(t *testing.T) {
	f := newFixture(t)
	started := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /slow", func(_ http.ResponseWriter, r *http.Request) {
		started <- struct{}{}
		<-r.Context().Done()
	})
	s := serve(t, f.measure(mux))
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(conn)
	fmt.Fprint(w, "GET /slow HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	w.Flush()
	<-started
	if n := f.Samples(t)["coderd_api_concurrent_websockets"]; n != 1 {
		t.Errorf("%v websockets in flight, want 1", n)
	}
	conn.Close()
	<-s.done
	f.expect(t, `
requests{code="200",method="GET",path="/slow"} 1
websockets{path="/slow"} 1
`)
}
