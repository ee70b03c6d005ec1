package service_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// takeover limits the time in which no replica reports the deployment.
const takeover = 15 * time.Second

// replica is a service that is scraped continuously. It has its own proxy to the database.
type replica struct {
	*service.Service
	name  string
	proxy *pgtest.Proxy

	mu      sync.Mutex
	scrapes []reporting
}

// reporting is a scrape that contained the deployment.
type reporting struct {
	by           string
	began, ended time.Time
}

// startReplica starts a replica and scrapes it until the test ends.
func startReplica(t *testing.T, name, url string) *replica {
	t.Helper()
	r := &replica{name: name, proxy: pgtest.NewProxy(t, url)}
	r.Service = otelcoder.Start(t, r.proxy.URL, "--interval", "1s", "--insights-interval", "1s")
	stop := make(chan struct{})
	var scraping sync.WaitGroup
	// Scrape concurrently, so that some scrapes are under way when the replica is frozen.
	for range 3 {
		scraping.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(50 * time.Millisecond):
					r.scrape()
				}
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		scraping.Wait()
	})
	return r
}

// once makes one request per connection, so that no connection is left open.
var once = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

func (r *replica) scrape() {
	began := time.Now()
	response, err := once.Get(r.Metrics + "metrics")
	if err != nil {
		return // killed
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return
	}
	for _, of := range []string{"coderd_agents_up{", "coderd_provisionerd_jobs_current{", "otelcoder_reporter 1\n"} {
		if strings.Contains(string(body), "\n"+of) {
			r.mu.Lock()
			r.scrapes = append(r.scrapes, reporting{r.name, began, time.Now()})
			r.mu.Unlock()
			return
		}
	}
}

// reportsSince reports whether the newest scrape that contained the deployment began
// after a time.
func (r *replica) reportsSince(t time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.scrapes)
	return n > 0 && r.scrapes[n-1].began.After(t)
}

// reporter waits until one of the replicas reports.
func reporter(t *testing.T, replicas []*replica, after string) *replica {
	t.Helper()
	since := time.Now()
	for {
		for _, r := range replicas {
			if r.reportsSince(since) {
				t.Logf("%s: %s reports after %.1f s", after, r.name, time.Since(since).Seconds())
				return r
			}
		}
		if time.Since(since) > takeover {
			t.Fatalf("%s: no replica reports within %v", after, takeover)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// others returns the replicas except one.
func others(replicas []*replica, but *replica) []*replica {
	var rest []*replica
	for _, r := range replicas {
		if r != but {
			rest = append(rest, r)
		}
	}
	return rest
}

// TestReplicas checks that another replica takes over in time after each fault of the
// reporting one, and that two never report at the same time.
func TestReplicas(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			server := pgtest.Start(t)
			db := server.Database(t)
			service.Deployment(t, db)
			url := db.Role(t, grants)

			var all, running []*replica
			start := func() {
				r := startReplica(t, fmt.Sprintf("replica %d", len(all)+1), url)
				all, running = append(all, r), append(running, r)
			}
			for range n {
				start()
			}
			first := reporter(t, running, "start")

			first.Kill()
			running = others(running, first)
			first = reporter(t, running, "kill -9")
			start()

			first.Freeze()
			second := reporter(t, others(running, first), "SIGSTOP")
			thawed := time.Now()
			first.Thaw()
			time.Sleep(time.Second) // for some scrapes
			if first.reportsSince(thawed) {
				t.Error("a replica reports after SIGCONT, while another does")
			}

			speak := second.proxy.Silence()
			third := reporter(t, others(running, second), "silent network")
			speak()

			third.proxy.Cut()
			time.Sleep(time.Second) // so that no scrape from before the cut counts
			third = reporter(t, running, "cut connection")

			third.Stop(t)
			running = others(running, third)
			reporter(t, running, "SIGTERM")

			oneAtATime(t, all)
		})
	}
}

// oneAtATime checks that two overlapping scrapes of different replicas never both
// contained the deployment.
func oneAtATime(t *testing.T, replicas []*replica) {
	t.Helper()
	var all []reporting
	for _, r := range replicas {
		r.mu.Lock()
		all = append(all, r.scrapes...)
		r.mu.Unlock()
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.by != b.by && a.began.Before(b.ended) && b.began.Before(a.ended) {
				t.Fatalf("two replicas report at a time: %s from %v to %v, %s from %v to %v", a.by, a.began, a.ended, b.by, b.began, b.ended)
			}
		}
	}
	t.Logf("%d scrapes contained the deployment, never of two replicas at a time", len(all))
}
