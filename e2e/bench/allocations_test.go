//go:build !race

package bench

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

var record = flag.Bool("record", false, "record the allocations of the hot paths")

// recordFile has a line for each hot path: its name, its allocations and their bytes.
const recordFile = "testdata/allocations.tsv"

// TestAllocations compares the allocations of the hot paths, which hardly depend on the
// machine, with the record. The flag -record writes it.
func TestAllocations(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	measured := make(map[string]cost)
	for _, name := range slices.Sorted(maps.Keys(hotPaths)) {
		t.Run(name, func(t *testing.T) {
			measured[name] = hotPaths[name](t)
			t.Log(measured[name])
		})
	}
	if *record {
		if err := os.WriteFile(recordFile, format(measured), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(recordFile)
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range differences(recorded, measured) {
		t.Error(difference)
	}
}

// hotPaths are run for each request, scrape or collection.
var hotPaths = map[string]func(*testing.T) cost{
	"request, ServeMux":             requestOnServeMux,
	"request, chi":                  requestOnChi,
	"scrape, unchanged, plain":      func(t *testing.T) cost { return unchanged(t, "plain") },
	"scrape, unchanged, gzip":       func(t *testing.T) cost { return unchanged(t, "gzip") },
	"rendering, 1000 series, plain": func(t *testing.T) cost { return rendering(t, "plain") },
	"rendering, 1000 series, gzip":  func(t *testing.T) cost { return rendering(t, "gzip") },
	"snapshot, 1000 workspaces":     snapshot,
}

func requestOnServeMux(t *testing.T) cost {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{thing}", noContent)
	return requests(measuring(t)(mux))
}

func requestOnChi(t *testing.T) cost {
	router := chi.NewRouter()
	router.Use(measuring(t))
	router.Get("/things/{thing}", noContent)
	return requests(router)
}

func measuring(t *testing.T) func(http.Handler) http.Handler {
	m, err := meters.New(meterstest.NewReader(t).Providers())
	if err != nil {
		t.Fatal(err)
	}
	return httpmw.New(m.API())
}

func requests(h http.Handler) cost {
	r := httptest.NewRequest(http.MethodGet, "/things/42", nil)
	return of(1000, func() {
		r.Pattern = "" // as it arrives
		h.ServeHTTP(nowhere{}, r)
	})
}

func unchanged(t *testing.T, encoding string) (c cost) {
	synctest.Test(t, func(t *testing.T) {
		o := newOtelcoder(t, deployment(1000/seriesPerWorkspace), time.Hour)
		r := request(o.path, encoding == "gzip")
		to := new(sink)
		c = of(1000, func() {
			clear(to.header)
			o.ServeHTTP(to, r)
		})
	})
	return c
}

// rendering returns the cost of rendering families that each gained or lost a series.
func rendering(t *testing.T, encoding string) (c cost) {
	synctest.Test(t, func(t *testing.T) {
		o := newOtelcoder(t, deployment(1000/seriesPerWorkspace), time.Hour)
		o.ServeHTTP(new(sink), request(o.path, encoding == "gzip"))
		c = of(10, func() {
			time.Sleep(pause)
			o.series.Store(1 - o.series.Load())
			o.observation.Changed()
			synctest.Wait()
		})
	})
	return c
}

// snapshot returns the cost of a collection of the agents and one of their statistics.
func snapshot(t *testing.T) (c cost) {
	synctest.Test(t, func(t *testing.T) {
		m, err := meters.New(meterstest.NewReader(t).Providers(), meters.WithInterval(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Shutdown(context.Background()) })
		var d collected
		d.workspaces, _ = deployment(1000).Agents(t.Context())
		d.stats, _ = deployment(1000).AgentStats(t.Context())
		m.Poll(meters.Sources{Agents: &d, AgentStats: &d})
		c = of(10, func() {
			time.Sleep(time.Minute)
			synctest.Wait()
		})
	})
	return c
}

// collected is a source that allocates nothing, and whose values change.
type collected struct {
	workspaces []meters.Workspace
	stats      []meters.AgentStats
}

func (c *collected) Agents(context.Context) ([]meters.Workspace, error) {
	for i := range c.workspaces {
		c.workspaces[i].Agents[0].Latencies[0].Seconds += 0.001
	}
	return c.workspaces, nil
}

func (c *collected) AgentStats(context.Context) ([]meters.AgentStats, error) {
	for i := range c.stats {
		c.stats[i].RxBytes++
	}
	return c.stats, nil
}

// cost has the allocations of one run of a hot path, and their bytes.
type cost struct{ allocations, bytes uint64 }

func (c cost) String() string {
	return fmt.Sprintf("%d allocations, %d bytes", c.allocations, c.bytes)
}

// of returns the mean cost of f in a number of runs, after two that fill the pools. Garbage
// collection, which empties them, is off.
func of(runs int, f func()) cost {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	f()
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return cost{(after.Mallocs - before.Mallocs) / uint64(runs), (after.TotalAlloc - before.TotalAlloc) / uint64(runs)}
}

// differences describes the measured costs that differ from the recorded ones by more than
// 10 %, in either direction: an improvement that is not recorded could be lost unnoticed.
func differences(recorded, measured map[string]cost) []string {
	var found []string
	for name, is := range measured {
		was, ok := recorded[name]
		switch {
		case !ok:
			found = append(found, fmt.Sprintf("%s: not recorded, see `make bench-record`", name))
		case is.allocations*10 > was.allocations*11 || is.bytes*10 > was.bytes*11:
			found = append(found, fmt.Sprintf("%s: %v, more than 110 %% of the recorded %v", name, is, was))
		case is.allocations*10 < was.allocations*9 || is.bytes*10 < was.bytes*9:
			found = append(found, fmt.Sprintf("%s: %v, less than 90 %% of the recorded %v: keep it with `make bench-record`", name, is, was))
		}
	}
	for name := range recorded {
		if _, ok := measured[name]; !ok {
			found = append(found, fmt.Sprintf("%s: recorded but not measured, see `make bench-record`", name))
		}
	}
	slices.Sort(found)
	return found
}

func format(costs map[string]cost) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(costs)) {
		fmt.Fprintf(&b, "%s\t%d\t%d\n", name, costs[name].allocations, costs[name].bytes)
	}
	return b.Bytes()
}

func parse(text []byte) (map[string]cost, error) {
	costs := make(map[string]cost)
	for line := range strings.Lines(string(text)) {
		name, numbers, _ := strings.Cut(line, "\t")
		var c cost
		if _, err := fmt.Sscan(numbers, &c.allocations, &c.bytes); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", recordFile, line, err)
		}
		costs[name] = c
	}
	return costs, nil
}

func TestDifferences(t *testing.T) {
	recorded := map[string]cost{"path": {100, 1000}}
	for _, test := range []struct {
		name     string
		measured map[string]cost
		want     string // in the only difference; empty for none
	}{
		{"equal", map[string]cost{"path": {100, 1000}}, ""},
		{"10 % more", map[string]cost{"path": {110, 1100}}, ""},
		{"10 % less", map[string]cost{"path": {90, 900}}, ""},
		{"more allocations", map[string]cost{"path": {111, 1000}}, "more than 110 %"},
		{"more bytes", map[string]cost{"path": {100, 1101}}, "more than 110 %"},
		{"fewer allocations", map[string]cost{"path": {89, 1000}}, "less than 90 %"},
		{"fewer bytes", map[string]cost{"path": {100, 899}}, "less than 90 %"},
		{"more allocations of fewer bytes", map[string]cost{"path": {111, 899}}, "more than 110 %"},
		{"another path", map[string]cost{"path": {100, 1000}, "other": {1, 1}}, "other: not recorded"},
		{"no path", nil, "path: recorded but not measured"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := differences(recorded, test.measured)
			if test.want == "" && len(got) == 0 {
				return
			}
			if len(got) != 1 || test.want == "" || !strings.Contains(got[0], test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestOneAllocationMore finds a request that allocates once more.
func TestOneAllocationMore(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var kept []byte
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{thing}", noContent)
	middleware := measuring(t)
	was := requests(middleware(mux))
	is := requests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept = make([]byte, 16)
		middleware(mux).ServeHTTP(w, r)
	}))
	_ = kept
	got := differences(map[string]cost{"request": was}, map[string]cost{"request": is})
	if len(got) != 1 || !strings.Contains(got[0], "more than 110 %") {
		t.Errorf("got %q for %v instead of %v", got, is, was)
	}
}
