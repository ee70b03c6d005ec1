// Package answer scrapes endpoints and measures the response times. Tests only log the
// times, because they depend on the machine; the tests of packages exporters and meters
// check that a scrape never waits.
package answer

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Answer is a response with status 200.
type Answer struct {
	ContentType string
	Body        []byte
	Took        time.Duration
}

// client makes a connection for each request, so that none is left open. Its timeout is
// Prometheus's default timeout of a scrape.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}

// Get returns the response of an endpoint. It fails after 10 seconds, and if the status
// is not 200.
func Get(url string) (Answer, error) {
	began := time.Now()
	response, err := client.Get(url)
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

// Timer records response times. The zero Timer is ready for use, and safe for concurrent
// use.
type Timer struct {
	mu    sync.Mutex
	times []time.Duration
}

// Get is [Get], and records the response time.
func (t *Timer) Get(url string) (Answer, error) {
	a, err := Get(url)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times = append(t.times, a.Took)
	return a, err
}

// String returns the number of responses, and the 99th percentile and the maximum of
// their times.
func (t *Timer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.times) == 0 {
		return "no responses"
	}
	took := slices.Sorted(slices.Values(t.times))
	return fmt.Sprintf("%d responses, p99 %v, longest %v", len(took), took[len(took)*99/100], took[len(took)-1])
}
