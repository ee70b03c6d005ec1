package httpmw_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// abilities returns the names of the optional interfaces of a writer that handlers depend
// on. It leaves out io.ReaderFrom, which the middleware's writers always implement.
func abilities(w http.ResponseWriter) string {
	var names []string
	if _, ok := w.(http.Flusher); ok {
		names = append(names, "Flusher")
	}
	if _, ok := w.(http.Hijacker); ok {
		names = append(names, "Hijacker")
	}
	if _, ok := w.(http.Pusher); ok {
		names = append(names, "Pusher")
	}
	return strings.Join(names, " ")
}

// The optional interfaces of a writer. Each method reports its call.
type (
	flusher    struct{ called func(string) }
	hijacker   struct{ called func(string) }
	readerFrom struct{ called func(string) }
	pusher     struct{ called func(string) }
)

func (f flusher) Flush() { f.called("Flusher") }
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h.called("Hijacker")
	return nil, nil, nil
}
func (r readerFrom) ReadFrom(io.Reader) (int64, error) { r.called("ReaderFrom"); return 0, nil }
func (p pusher) Push(string, *http.PushOptions) error  { p.called("Pusher"); return nil }

// TestAbilities checks that the handler's writer implements the same optional interfaces as
// the server's, and passes calls on.
func TestAbilities(t *testing.T) {
	f := newFixture(t)
	var called []string
	call := func(name string) { called = append(called, name) }
	type w struct{ http.ResponseWriter }
	bare := w{httptest.NewRecorder()}
	fl, hi, rf, pu := flusher{call}, hijacker{call}, readerFrom{call}, pusher{call}
	for want, writer := range map[string]http.ResponseWriter{
		"": bare,
		"Flusher": struct {
			w
			flusher
		}{bare, fl},
		"Hijacker": struct {
			w
			hijacker
		}{bare, hi},
		"ReaderFrom": struct {
			w
			readerFrom
		}{bare, rf},
		"Pusher": struct {
			w
			pusher
		}{bare, pu},
		"Flusher Hijacker": struct {
			w
			flusher
			hijacker
		}{bare, fl, hi},
		"Flusher ReaderFrom": struct {
			w
			flusher
			readerFrom
		}{bare, fl, rf},
		"Flusher Pusher": struct {
			w
			flusher
			pusher
		}{bare, fl, pu},
		"Hijacker ReaderFrom": struct {
			w
			hijacker
			readerFrom
		}{bare, hi, rf},
		"Hijacker Pusher": struct {
			w
			hijacker
			pusher
		}{bare, hi, pu},
		"ReaderFrom Pusher": struct {
			w
			readerFrom
			pusher
		}{bare, rf, pu},
		"Flusher Hijacker ReaderFrom": struct {
			w
			flusher
			hijacker
			readerFrom
		}{bare, fl, hi, rf},
		"Flusher Hijacker Pusher": struct {
			w
			flusher
			hijacker
			pusher
		}{bare, fl, hi, pu},
		"Flusher ReaderFrom Pusher": struct {
			w
			flusher
			readerFrom
			pusher
		}{bare, fl, rf, pu},
		"Hijacker ReaderFrom Pusher": struct {
			w
			hijacker
			readerFrom
			pusher
		}{bare, hi, rf, pu},
		"Flusher Hijacker ReaderFrom Pusher": struct {
			w
			flusher
			hijacker
			readerFrom
			pusher
		}{bare, fl, hi, rf, pu},
	} {
		called = nil
		f.measure(f.measure(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if got, want := abilities(w), strings.Join(strings.Fields(strings.ReplaceAll(want, "ReaderFrom", "")), " "); got != want {
				t.Errorf("got a writer with %q, want %q", got, want)
			}
			if w, ok := w.(http.Flusher); ok {
				w.Flush()
			}
			if w, ok := w.(http.Hijacker); ok {
				w.Hijack()
			}
			w.(io.ReaderFrom).ReadFrom(io.LimitReader(strings.NewReader(""), 1))
			if w, ok := w.(http.Pusher); ok {
				w.Push("", nil)
			}
		}))).ServeHTTP(writer, httptest.NewRequest("GET", "/", nil))
		if got := strings.Join(called, " "); got != want {
			t.Errorf("called %q of the server's writer, want %q", got, want)
		}
	}
}

func TestServersWriter(t *testing.T) {
	for _, test := range []struct {
		name  string
		proto string
		http2 bool
		want  string
	}{
		{"HTTP/1", "HTTP/1.1", false, "Flusher Hijacker"},
		{"HTTP/2", "HTTP/2.0", true, "Flusher Pusher"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			mux := http.NewServeMux()
			mux.HandleFunc("GET /api/v2/users", func(w http.ResponseWriter, r *http.Request) {
				if got := abilities(w); got != test.want {
					t.Errorf("the writer is %s, want %s", got, test.want)
				}
				control := http.NewResponseController(w)
				for what, err := range map[string]error{
					"SetReadDeadline":  control.SetReadDeadline(time.Now().Add(time.Minute)),
					"SetWriteDeadline": control.SetWriteDeadline(time.Now().Add(time.Minute)),
					"EnableFullDuplex": control.EnableFullDuplex(),
				} {
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
				w.WriteHeader(http.StatusEarlyHints)
				io.Copy(w, io.LimitReader(strings.NewReader("hello, world"), 5))
				io.WriteString(w, r.Proto)
				if err := control.Flush(); err != nil {
					t.Errorf("Flush: %v", err)
				}
			})
			done := make(chan struct{}, 1)
			measured := f.measure(mux)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				measured.ServeHTTP(w, r)
				done <- struct{}{}
			}))
			s.EnableHTTP2 = test.http2
			s.StartTLS()
			defer s.Close()
			response, err := s.Client().Get(s.URL + "/api/v2/users")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if string(body) != "hello"+test.proto || err != nil {
				t.Errorf("the client got %q and the error %v, want %q", body, err, "hello"+test.proto)
			}
			<-done
			f.expect(t, `
latencies{method="GET",path="/api/v2/users"} 1
requests{code="200",method="GET",path="/api/v2/users"} 1
`)
		})
	}
}

// TestWriterThatOnlyUnwraps checks that the middleware records flushes and hijacks below an
// outer middleware whose writer has only Unwrap, as http.ResponseController requires.
func TestWriterThatOnlyUnwraps(t *testing.T) {
	hijack := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
		conn.Close()
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		header  []string
		want    string
	}{
		{"upgrade", hijack, []string{"Connection", "upgrade", "Upgrade", "websocket"}, `
requests{code="101",method="GET",path="/stream"} 1
websockets{path="/stream"} 1
`},
		{"panic after a flush", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			panic("no")
		}, nil, `
latencies{method="GET",path="/stream"} 1
requests{code="200",method="GET",path="/stream"} 1
`},
		{"panic after a Flusher's flush", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			panic("no")
		}, nil, `
latencies{method="GET",path="/stream"} 1
requests{code="200",method="GET",path="/stream"} 1
`},
	} {
		for name, at := range map[string]func(mw, http.Handler) http.Handler{
			"":                  func(measure mw, h http.Handler) http.Handler { return wrapped(measure(h)) },
			", wrapped twice":   func(measure mw, h http.Handler) http.Handler { return wrapped(wrapped(measure(h))) },
			", measured twice":  func(measure mw, h http.Handler) http.Handler { return wrapped(measure(wrapped(measure(h)))) },
			", wrapped further": func(measure mw, h http.Handler) http.Handler { return wrapped(measure(wrapped(h))) },
		} {
			if name == ", wrapped further" && strings.Contains(test.name, "Flusher") {
				continue // the handler's own wrapper has no Flush
			}
			t.Run(test.name+name, func(t *testing.T) {
				f := newFixture(t)
				mux := http.NewServeMux()
				mux.Handle("GET /stream", test.handler)
				serve(t, at(f.measure, mux)).do(t, "/stream", test.header...)
				f.expect(t, test.want)
			})
		}
	}
}

// TestWriterThatUnwrapsToNothing checks that the handler's writer cannot flush or hijack if
// neither the outer writer nor any writer that it unwraps to can.
func TestWriterThatUnwrapsToNothing(t *testing.T) {
	f := newFixture(t)
	type w struct{ http.ResponseWriter }
	h := f.measure(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		_, _, hijacked := control.Hijack()
		for what, err := range map[string]error{"Flush": control.Flush(), "Hijack": hijacked} {
			if !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: %v, want %v", what, err, http.ErrNotSupported)
			}
		}
		if got := abilities(w); got != "" {
			t.Errorf("the writer is %q, want no optional interfaces", got)
		}
		panic("no")
	}))
	func() {
		defer func() { recover() }()
		h.ServeHTTP(withUnwrap{w{httptest.NewRecorder()}}, httptest.NewRequest("GET", "/", nil))
	}()
	f.expect(t, `
latencies{method="GET",path="STATIC"} 1
requests{code="500",method="GET",path="STATIC"} 1
`)
}

// TestFlushError checks that a flush returns the error that net/http reports.
func TestFlushError(t *testing.T) {
	f := newFixture(t)
	flushed := make(chan error, 1)
	s := serve(t, f.measure(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		if err := control.SetWriteDeadline(time.Unix(1, 0)); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, "hello")
		flushed <- control.Flush()
	})))
	s.do(t, "/")
	if err := <-flushed; err == nil {
		t.Error("got no error from a flush after the write deadline, want one")
	}
}
