package httpmw

import (
	"bufio"
	"cmp"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// response is the writer that a handler is called with. It keeps the status code. It
// is small, since every request allocates one.
type response struct {
	http.ResponseWriter
	code int32 // final status code; 0 until it is sent
	// upgrade: the request asks for another protocol. received: it is from a client,
	// not made by a handler. measures: the handler of this response measures it.
	upgrade, received, measures bool
	inner                       atomic.Pointer[innerRoute] // reported by an inner handler, if measures
}

// Unwrap is for http.ResponseController, which sets deadlines and full duplex.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// unwrap returns the writer that w wraps, or nil.
func unwrap(w http.ResponseWriter) http.ResponseWriter {
	if w, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return w.Unwrap()
	}
	return nil
}

func (w *response) base() *response { return w }

// measuring returns the response of the handler that measures the request, if w is
// that response or wraps it. Otherwise it returns nil.
func measuring(w http.ResponseWriter) *response {
	for next := unwrap(w); next != nil; w, next = next, unwrap(next) {
		if r, ok := w.(interface{ base() *response }); ok && r.base().measures {
			return r.base()
		}
	}
	return nil
}

// sent keeps the first code: a second WriteHeader has no effect.
func (w *response) sent(code int) { w.code = cmp.Or(w.code, int32(code)) } // #nosec G115 -- the server takes three digits

// startBody returns the wrapped writer, for a write or a flush. If no code was sent before,
// the server sends 200.
func (w *response) startBody() http.ResponseWriter {
	w.sent(http.StatusOK)
	return w.ResponseWriter
}

func (w *response) WriteHeader(code int) {
	w.ResponseWriter.WriteHeader(code) // panics if there is no such code
	// Informational codes precede the final one, except 101, which ends HTTP.
	if code >= 200 || code == http.StatusSwitchingProtocols {
		w.sent(code)
	}
}

func (w *response) Write(p []byte) (int, error) { return w.startBody().Write(p) }

func (w *response) WriteString(s string) (int, error) { return io.WriteString(w.startBody(), s) }

// ReadFrom uses the wrapped writer's ReadFrom, if any, which can send files without
// copying them.
func (w *response) ReadFrom(from io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, from)
	if n > 0 { // an empty reader sends nothing
		w.sent(http.StatusOK)
	}
	return n, err
}

// writer returns the response with the methods of http.Flusher, http.Hijacker and
// http.Pusher that the wrapped writer has, or one that it unwraps to. Handlers test
// for them, and http.ResponseController would bypass a response that lacks them.
func (w *response) writer() http.ResponseWriter {
	can := 0
	for u := w.ResponseWriter; u != nil; u = unwrap(u) {
		switch u.(type) {
		case http.Flusher, interface{ FlushError() error }:
			can |= 1
		}
		if _, ok := u.(http.Hijacker); ok {
			can |= 2
		}
		if _, ok := u.(http.Pusher); ok {
			can |= 4
		}
	}
	return [...]http.ResponseWriter{
		w, withF{w}, withH{w}, withFH{withF{w}},
		withP{w}, withFP{withF{w}}, withHP{withH{w}}, withFHP{withFH{withF{w}}},
	}[can]
}

// A response that can flush (F), hijack (H), push (P). Each type is a single pointer,
// which an interface holds without an allocation.
type withF struct{ *response }
type withH struct{ *response }
type withP struct{ *response }
type withFH struct{ withF }
type withFP struct{ withF }
type withHP struct{ withH }
type withFHP struct{ withFH }

// FlushError is preferred by http.ResponseController.
func (w withF) FlushError() error { return http.NewResponseController(w.startBody()).Flush() }
func (w withF) Flush()            { _ = w.FlushError() }

func (w withH) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w withFH) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w *response) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if w.upgrade && err == nil {
		w.sent(http.StatusSwitchingProtocols)
	}
	return conn, buffered, err
}

func (w withP) Push(target string, o *http.PushOptions) error   { return push(w, target, o) }
func (w withFP) Push(target string, o *http.PushOptions) error  { return push(w, target, o) }
func (w withHP) Push(target string, o *http.PushOptions) error  { return push(w, target, o) }
func (w withFHP) Push(target string, o *http.PushOptions) error { return push(w, target, o) }

// push uses the first Pusher that w unwraps to. There is one if w is a Pusher.
func push(w http.ResponseWriter, target string, o *http.PushOptions) error {
	w = unwrap(w)
	if pusher, ok := w.(http.Pusher); ok {
		return pusher.Push(target, o)
	}
	return push(w, target, o)
}
