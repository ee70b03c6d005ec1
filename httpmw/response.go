package httpmw

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// response notes the status code that a handler sends. It is small, since each
// request needs one.
type response struct {
	http.ResponseWriter
	code     int32 // final status code; 0 until one was sent
	hijacked bool
	finished bool // the handler returned; else it panicked, or is still running

	// Of the application that measures the request, not of those further in.
	measured bool
	received bool                 // the request is from a client, not made by a handler
	note     atomic.Pointer[note] // by applications further in
}

// Unwrap is for http.ResponseController: deadlines, full duplex.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(code int) {
	w.ResponseWriter.WriteHeader(code) // panics if there is no such code
	// Informational responses come before the final one, but for 101: what
	// follows that is another protocol.
	if code >= 200 || code == http.StatusSwitchingProtocols {
		w.sent(code)
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.sent(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// WriteString saves those who use io.WriteString a copy.
func (w *response) WriteString(s string) (int, error) {
	w.sent(http.StatusOK)
	return io.WriteString(w.ResponseWriter, s)
}

// sent notes the first code only: a second WriteHeader has no effect.
func (w *response) sent(code int) {
	if w.code == 0 {
		w.code = int32(code) // #nosec G115 -- the server takes three digits
	}
}

// status returns the code that was sent to a request with these headers, or that
// the server sends now that the handler has returned, or has panicked.
func (w *response) status(h http.Header) int {
	switch {
	case w.code != 0:
		return int(w.code)
	case w.hijacked && asksForUpgrade(h):
		return http.StatusSwitchingProtocols
	case !w.finished:
		return http.StatusInternalServerError
	}
	return http.StatusOK
}

// itself is for those that have a response with abilities.
func (w *response) itself() *response { return w }

// measuredResponse returns the response, of the application that measures it,
// that w is or wraps, or nil.
func measuredResponse(w http.ResponseWriter) *response {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		if one, ok := w.(interface{ itself() *response }); ok && one.itself().measured {
			return one.itself()
		}
		w = wrapper.Unwrap()
	}
}

// writer returns the response as it is handed to the handler: it implements
// Flusher, Hijacker, ReaderFrom and Pusher if, and only if, the wrapped writer
// does, because handlers ask for them and choose another way without.
func (w *response) writer() http.ResponseWriter {
	const (
		flushes = 1 << iota
		hijacks
		readsFrom
		pushes
	)
	var can int
	if _, ok := w.ResponseWriter.(http.Flusher); ok {
		can |= flushes
	}
	if _, ok := w.ResponseWriter.(http.Hijacker); ok {
		can |= hijacks
	}
	if _, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		can |= readsFrom
	}
	if _, ok := w.ResponseWriter.(http.Pusher); ok {
		can |= pushes
	}
	switch can {
	case flushes:
		return withF{w}
	case hijacks:
		return withH{w}
	case flushes | hijacks:
		return withFH{withF{w}}
	case readsFrom:
		return withR{w}
	case flushes | readsFrom:
		return withFR{withF{w}}
	case hijacks | readsFrom:
		return withHR{withH{w}}
	case flushes | hijacks | readsFrom: // HTTP/1
		return withFHR{withFH{withF{w}}}
	case pushes: // http.TimeoutHandler
		return withP{w}
	case flushes | pushes: // HTTP/2
		return withFP{withF{w}}
	case hijacks | pushes:
		return withHP{withH{w}}
	case flushes | hijacks | pushes:
		return withFHP{withFH{withF{w}}}
	case readsFrom | pushes:
		return withRP{withR{w}}
	case flushes | readsFrom | pushes:
		return withFRP{withFR{withF{w}}}
	case hijacks | readsFrom | pushes:
		return withHRP{withHR{withH{w}}}
	case flushes | hijacks | readsFrom | pushes:
		return withFHRP{withFHR{withFH{withF{w}}}}
	}
	return w
}

// A response with abilities: F flushes, H hijacks, R reads from, P pushes. Each
// type has one ability more than the one it embeds. All of them are nothing but
// the pointer, so that none needs an allocation of its own.
type (
	withF    struct{ *response }
	withH    struct{ *response }
	withFH   struct{ withF }
	withR    struct{ *response }
	withFR   struct{ withF }
	withHR   struct{ withH }
	withFHR  struct{ withFH }
	withP    struct{ *response }
	withFP   struct{ withF }
	withHP   struct{ withH }
	withFHP  struct{ withFH }
	withRP   struct{ withR }
	withFRP  struct{ withFR }
	withHRP  struct{ withHR }
	withFHRP struct{ withFHR }
)

func (w withF) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController asks for first.
func (w withF) FlushError() error {
	w.sent(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w withH) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w withFH) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w withR) ReadFrom(from io.Reader) (int64, error)   { return w.readFrom(from) }
func (w withFR) ReadFrom(from io.Reader) (int64, error)  { return w.readFrom(from) }
func (w withHR) ReadFrom(from io.Reader) (int64, error)  { return w.readFrom(from) }
func (w withFHR) ReadFrom(from io.Reader) (int64, error) { return w.readFrom(from) }

func (w withP) Push(target string, o *http.PushOptions) error    { return w.push(target, o) }
func (w withFP) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w withHP) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w withFHP) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w withRP) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w withFRP) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w withHRP) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w withFHRP) Push(target string, o *http.PushOptions) error { return w.push(target, o) }

func (w *response) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := w.ResponseWriter.(http.Hijacker).Hijack()
	w.hijacked = w.hijacked || err == nil
	return conn, buffered, err
}

func (w *response) readFrom(from io.Reader) (int64, error) {
	n, err := w.ResponseWriter.(io.ReaderFrom).ReadFrom(from)
	if n > 0 { // an empty reader leaves the code open
		w.sent(http.StatusOK)
	}
	return n, err
}

func (w *response) push(target string, o *http.PushOptions) error {
	return w.ResponseWriter.(http.Pusher).Push(target, o)
}
