// Package answer asks endpoints and tells how long they took to answer, whatever
// else the machine does: a bare server is asked at the same moment, and when that
// is slow too, it is the machine.
//
//	timer := answer.NewTimer()
//	a, err := timer.Get(url)
//	if slow := a.Slow(); slow != "" { ... }
package answer

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"
)

// limit is how long a scrape may take, whatever goes on. When a bare server takes
// half as long, it is the machine that is slow.
const limit = 100 * time.Millisecond

// Answer is what an endpoint answered with status 200.
type Answer struct {
	ContentType string
	Body        []byte
	Took        time.Duration

	bare time.Duration // how long a server took that does nothing
}

// once answers one request a connection, so that none is left open.
var once = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

// Get asks an endpoint. Any other status than 200 is an error.
func Get(url string) (Answer, error) {
	began := time.Now()
	response, err := once.Get(url)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return Answer{ContentType: response.Header.Get("Content-Type"), Body: body, Took: time.Since(began)}, err
}

// Timer asks endpoints beside a server that does nothing.
type Timer struct{ bare *httptest.Server }

// NewTimer returns a Timer, to be closed when nothing is asked any more.
func NewTimer() *Timer {
	return &Timer{httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))}
}

// Close stops the bare server.
func (t *Timer) Close() { t.bare.Close() }

// Get asks an endpoint and, at the same moment, the bare server.
func (t *Timer) Get(url string) (Answer, error) {
	bare := make(chan time.Duration, 1)
	go func() {
		began := time.Now()
		_, _ = Get(t.bare.URL)
		bare <- time.Since(began)
	}()
	a, err := Get(url)
	a.bare = <-bare
	return a, err
}

// Slow says how slow the answer was; it is empty if that was in time, or the
// machine's fault.
func (a Answer) Slow() string {
	if a.Took <= limit || a.bare >= limit/2 {
		return ""
	}
	return fmt.Sprintf("a scrape took %v, when a bare server answered in %v", a.Took, a.bare)
}
