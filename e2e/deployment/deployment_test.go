package deployment

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e/answer"
	"github.com/otelcoder/otelcoder/e2e/invariant"
	"github.com/otelcoder/otelcoder/e2e/service"
)

// rounds is the number of measured intervals.
const rounds = 3

// TestDeployment measures the service with a deployment of each size. It checks only that
// the deployment is served, because times depend on the machine.
func TestDeployment(t *testing.T) {
	var all []measured
	for size := range strings.SplitSeq(*sizes, ",") {
		t.Run(size, func(t *testing.T) {
			workspaces, err := strconv.Atoi(size)
			if err != nil || workspaces <= 0 {
				t.Fatalf("-sizes %s: want positive numbers", *sizes)
			}
			all = append(all, measure(t, workspaces))
		})
	}
	t.Logf("as in docs/performance.md:\n\n%s", table(all))
}

// measured are the figures of one size.
type measured struct {
	workspaces, series int
	collections        map[string]time.Duration // median of each source

	databaseCPU, serviceCPU time.Duration // CPU time per interval
	memory                  int64         // peak in bytes, with gzipped scrapes

	known       time.Duration // from the start until the deployment is reported
	first       time.Duration // from then until a scrape succeeds
	gzip, plain scrape        // medians
}

type scrape struct {
	took  time.Duration
	bytes int64
}

// measure starts the service with a deployment and scrapes it as Prometheus does: four
// times per interval with gzip, and at the end without.
func measure(t *testing.T, workspaces int) measured {
	t.Logf("%d workspaces: loading", workspaces)
	db := newDatabase(t, workspaces)

	m := measured{workspaces: workspaces}
	began := time.Now()
	s := otelcoder.Start(t, db.url, "--interval", interval.String(), "--insights-interval", interval.String(),
		"--metric-names", edition.String())
	c := make(collections)
	for !c.look(t, s) {
		if time.Since(began) > 5*time.Minute {
			t.Fatalf("the deployment is not reported within 5 minutes; collected sources: %v", slices.Collect(maps.Keys(c)))
		}
		time.Sleep(*interval / 60)
	}
	m.known = time.Since(began)
	t.Logf("%d workspaces: reported %v after the start", workspaces, m.known)
	reported := time.Now()
	for {
		_, err := try(t, s, "gzip")
		if err == nil {
			break
		}
		t.Logf("%d workspaces: %v", workspaces, err) // Prometheus would try again, too
		if time.Since(reported) > 10*time.Minute {
			t.FailNow()
		}
	}
	m.first = time.Since(reported)
	t.Logf("%d workspaces: scraped %v later", workspaces, m.first)

	database, own := db.cpuTime(t), cpuTime(t, s.PID())
	for round := range rounds {
		for range 4 {
			time.Sleep(*interval / 4)
			c.look(t, s)
			get(t, s, "gzip")
		}
		t.Logf("%d workspaces: measured for %d of %d intervals", workspaces, round+1, rounds)
	}
	m.databaseCPU = (db.cpuTime(t) - database) / rounds
	m.serviceCPU = (cpuTime(t, s.PID()) - own) / rounds
	m.memory = peakMemory(t, s.PID())
	m.collections = c.medians()

	m.gzip = median(t, s, "gzip")
	if _, err := try(t, s, "identity"); err != nil { // not measured: it renders the plain format
		t.Logf("%d workspaces: first plain scrape: %v", workspaces, err)
	}
	m.plain = median(t, s, "identity")
	if m.series = series(t, s); m.series < 10*workspaces {
		t.Errorf("got %d series of %d workspaces, want at least 10 per workspace", m.series, workspaces)
	}
	return m
}

// client leaves Accept-Encoding to the requests. Its timeout is longer than Prometheus's.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: 5 * time.Minute}

// request requests all metrics in an encoding, and returns the body of the response.
func request(t *testing.T, s *service.Service, encoding string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Metrics+"metrics", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Encoding", encoding)
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, errors.New(response.Status)
	}
	return response.Body, nil
}

// try scrapes all metrics, without decoding them.
func try(t *testing.T, s *service.Service, encoding string) (scrape, error) {
	began := time.Now()
	body, err := request(t, s, encoding)
	if err != nil {
		return scrape{}, err
	}
	defer body.Close()
	n, err := io.Copy(io.Discard, body)
	return scrape{time.Since(began), n}, err
}

// get is try for a scrape that must succeed.
func get(t *testing.T, s *service.Service, encoding string) scrape {
	t.Helper()
	answered, err := try(t, s, encoding)
	if err != nil {
		t.Fatal(err)
	}
	return answered
}

// series returns the number of series of a scrape.
func series(t *testing.T, s *service.Service) (n int) {
	t.Helper()
	body, err := request(t, s, "identity")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		if !bytes.HasPrefix(lines.Bytes(), []byte("#")) {
			n++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func median(t *testing.T, s *service.Service, encoding string) scrape {
	t.Helper()
	all := make([]scrape, 9)
	for i := range all {
		all[i] = get(t, s, encoding)
	}
	slices.SortFunc(all, func(a, b scrape) int { return cmp.Compare(a.took, b.took) })
	return all[len(all)/2]
}

// collections are the durations of collections, by source and end time.
type collections map[string]map[float64]time.Duration

// look adds the latest collection of each source, if it succeeded. It reports whether all
// succeeded and the service reports the deployment.
func (c collections) look(t *testing.T, s *service.Service) (complete bool) {
	t.Helper()
	a, err := answer.Get(s.Metrics + "metrics/replica")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := invariant.Parse(a.ContentType, a.Body)
	if err != nil {
		t.Fatal(err)
	}
	durations := parsed.Family("otelcoder_source_collection_duration_seconds")
	if durations == nil {
		return false
	}
	complete = parsed.Value("otelcoder_reporter") == 1
	for _, sample := range durations.Samples {
		source := sample.Labels.Get("source")
		ended := parsed.Value("otelcoder_source_last_success_timestamp_seconds", "source", source)
		if parsed.Value("otelcoder_source_up", "source", source) == 0 {
			complete = false
			if ended > 0 || sample.Value > 0 {
				t.Logf("source %s failed after %v s", source, sample.Value)
			}
			continue
		}
		if c[source] == nil {
			c[source] = make(map[float64]time.Duration)
		}
		c[source][ended] = time.Duration(sample.Value * float64(time.Second))
	}
	return complete
}

func (c collections) medians() map[string]time.Duration {
	medians := make(map[string]time.Duration)
	for source, durations := range c {
		sorted := slices.Sorted(maps.Values(durations))
		medians[source] = sorted[len(sorted)/2]
	}
	return medians
}
