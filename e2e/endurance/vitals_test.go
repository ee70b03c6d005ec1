package endurance

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/answer"
	"github.com/otelcoder/otelcoder/e2e/invariant"
)

// vitals are the metrics of a process in a scrape, and the duration of the scrape.
type vitals struct {
	at         time.Time
	took       time.Duration
	series     int // of the API's families, which clients can affect
	goroutines float64
	memory     float64 // resident, bytes
	heap       float64 // in use, bytes
	files      float64
}

func (v vitals) String() string {
	return fmt.Sprintf("%4.0f MB resident, %4.0f MB heap, %4.0f goroutines, %3.0f files, %4d API series, scraped in %v",
		v.memory/1e6, v.heap/1e6, v.goroutines, v.files, v.series, v.took.Round(100*time.Microsecond))
}

// scraper scrapes an endpoint every second. It checks each scrape alone and against the
// one before.
type scraper struct {
	t     *testing.T
	name  string
	url   string
	timer answer.Timer

	mu   sync.Mutex
	all  []vitals
	last *invariant.Scrape
}

// scrapeEachSecond starts a scraper, which stops when the test ends.
func scrapeEachSecond(t *testing.T, name, url string) *scraper {
	t.Helper()
	s := &scraper{t: t, name: name, url: url}
	stop := make(chan struct{})
	var scraping sync.WaitGroup
	scraping.Go(func() {
		for {
			s.scrape()
			select {
			case <-stop:
				return
			case <-time.After(time.Second):
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		scraping.Wait()
		t.Logf("%s: %v", name, &s.timer)
	})
	return s
}

func (s *scraper) scrape() {
	a, err := s.timer.Get(s.url)
	if err != nil {
		s.t.Errorf("%s: %v", s.name, err)
		return
	}
	scrape := sound(s.t, s.name, a)
	if scrape == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		if err := scrape.CheckSince(s.last, e2e.Served()); err != nil {
			s.t.Errorf("%s: %v", s.name, err)
		}
	}
	s.last = scrape
	s.all = append(s.all, vitalsOf(scrape, a.Took))
}

// sound parses and checks a response. It returns nil if the response cannot be parsed.
func sound(t *testing.T, name string, a answer.Answer) *invariant.Scrape {
	t.Helper()
	scrape, err := invariant.Parse(a.ContentType, a.Body)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return nil
	}
	if err := scrape.Check(e2e.Served()); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return scrape
}

func vitalsOf(s *invariant.Scrape, took time.Duration) vitals {
	v := vitals{
		at:         time.Now(),
		took:       took,
		goroutines: s.Value("go_goroutines"),
		memory:     s.Value("process_resident_memory_bytes"),
		heap:       s.Value("go_memstats_heap_inuse_bytes"),
		files:      s.Value("process_open_fds"),
	}
	for _, name := range []string{
		"coderd_api_requests_processed_total", "coderd_api_request_latencies_seconds", "coderd_api_websocket_durations_seconds",
	} {
		if f := s.Family(name); f != nil {
			v.series += len(f.Samples)
		}
	}
	return v
}

// newest returns the vitals of the newest scrape.
func (s *scraper) newest() (v vitals, scrape *invariant.Scrape) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return vitals{}, nil
	}
	return s.all[len(s.all)-1], s.last
}

// settles waits until the process has about the goroutines and files that it had before,
// and at most heap times its heap.
func (s *scraper) settles(before vitals, heap float64) {
	s.t.Helper()
	since := time.Now()
	var now vitals
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		now, _ = s.newest()
		if now.at.After(since) && now.goroutines <= before.goroutines+10 && now.files <= before.files+5 && now.heap <= heap*before.heap {
			s.t.Logf("before: %v", before)
			s.t.Logf("after:  %v", now)
			return
		}
	}
	s.t.Errorf("%s: not back to its size within a minute: before %v, now %v", s.name, before, now)
}
