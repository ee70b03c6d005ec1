// Package answer asks endpoints and tells how long they took to answer, whatever
// else the machine does: a bare server is asked all the while, and when that is
// slow too, it is the machine.
//
//	timer := answer.NewTimer()
//	a, err := timer.Get(url)
//	...
//	err = timer.Check()
package answer

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

const (
	// limit is how long an answer may take, whatever goes on. When a bare one
	// takes half as long as it, it is the machine that is slow.
	limit = 100 * time.Millisecond

	// hang is how long not one may take: what waits for a database or a receiver
	// waits for a second and more. A machine can stop one process, and not
	// another, for a part of it.
	hang = time.Second

	// share is the part of the answers that may take longer than the limit,
	// though no bare one did; of few answers it is one.
	share = 0.01
)

// Answer is what an endpoint answered with status 200.
type Answer struct {
	ContentType string
	Body        []byte
	Took        time.Duration
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

// Timer asks endpoints beside a server that does nothing, and keeps how long they
// took.
type Timer struct {
	bare *httptest.Server

	mu    sync.Mutex
	times []timing
}

// timing is how long an answer took, and how long the slowest of the bare ones
// took meanwhile.
type timing struct{ took, bare time.Duration }

// NewTimer returns a Timer, to be closed when nothing is asked any more.
func NewTimer() *Timer {
	return &Timer{bare: httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))}
}

// Close stops the bare server.
func (t *Timer) Close() { t.bare.Close() }

// Get asks an endpoint and, until it has answered, the bare server.
func (t *Timer) Get(url string) (Answer, error) {
	answered, slowest := make(chan struct{}), make(chan time.Duration)
	go func() {
		var bare time.Duration
		defer func() { slowest <- bare }()
		for {
			a, _ := Get(t.bare.URL)
			bare = max(bare, a.Took)
			select {
			case <-answered:
				return
			case <-time.After(limit / 20):
			}
		}
	}()
	a, err := Get(url)
	close(answered)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times = append(t.times, timing{a.Took, <-slowest})
	return a, err
}

// Check tells whether the answers came in time: but for a few, in 100 ms.
func (t *Timer) Check() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return check(t.times)
}

func check(times []timing) error {
	var slow []error
	for _, at := range times {
		if at.took <= limit || at.bare >= at.took/2 {
			continue
		}
		err := fmt.Errorf("an answer took %v, when a bare server answered in %v", at.took, at.bare)
		if at.took >= hang {
			return err
		}
		slow = append(slow, err)
	}
	if len(slow) > max(1, int(share*float64(len(times)))) {
		return errors.Join(slow...)
	}
	return nil
}

// String tells how many answers there were and how long they took.
func (t *Timer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.times) == 0 {
		return "no answers"
	}
	took := make([]time.Duration, len(t.times))
	for i, at := range t.times {
		took[i] = at.took
	}
	slices.Sort(took)
	return fmt.Sprintf("%d answers took at most %v, 99 of 100 at most %v", len(took), took[len(took)-1], took[len(took)*99/100])
}
