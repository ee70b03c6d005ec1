// Package answer scrapes endpoints and reports how long their answers took. That is
// logged and not asserted, since it depends on the machine: tests of packages
// exporters and meters assert that a scrape waits for nothing.
package answer

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Answer is an answer with status 200.
type Answer struct {
	ContentType string
	Body        []byte
	Took        time.Duration
}

// client makes a connection for each request, so that none is left open. Its timeout
// is that of a scrape in Prometheus, by default.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}

// Get returns the answer of an endpoint. Any status but 200 is an error, and so is an
// answer that takes more than 10 seconds.
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

// Timer keeps the durations of answers. The zero Timer is ready for use, by several
// goroutines.
type Timer struct {
	mu    sync.Mutex
	times []time.Duration
}

// Get is [Get], and keeps how long it took.
func (t *Timer) Get(url string) (Answer, error) {
	a, err := Get(url)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times = append(t.times, a.Took)
	return a, err
}

// String returns the number of answers, the longest and the 99th percentile.
func (t *Timer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.times) == 0 {
		return "no answers"
	}
	took := slices.Sorted(slices.Values(t.times))
	return fmt.Sprintf("%d answers, p99 %v, longest %v", len(took), took[len(took)*99/100], took[len(took)-1])
}
