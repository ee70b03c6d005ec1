package endurance

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/otelcoder/otelcoder/e2e/answer"
	"github.com/otelcoder/otelcoder/e2e/invariant"
)

// forwarded are the families that agents report.
var forwarded = []string{"agent_scripts_executed_total", "coderd_agentstats_startup_script_seconds"}

// TestMisbehavingAgents runs a thousand misbehaving agents at once. It checks that none
// has more than the documented four series, and that every scrape has all series of the
// other agents.
func TestMisbehavingAgents(t *testing.T) {
	c := program.Start(t, "--load", "0", "--workspaces", "1100")
	ids := agents(t, c.API)
	if len(ids) < 1050 {
		t.Fatalf("got %d agents, want at least 1050", len(ids))
	}
	good, bad := make(map[string]bool), ids[50:1050]
	for _, id := range ids[:50] {
		good[id] = true
	}
	var complete map[string]bool
	for deadline := time.Now().Add(time.Minute); len(complete) < 40; time.Sleep(time.Second) { // some workspaces are stopped
		if time.Now().After(deadline) {
			t.Fatalf("got %d series of the well-behaved agents within a minute, want at least 40", len(complete))
		}
		complete = series(scrapeOnce(t, c.Metrics), good)
	}

	ctx, cancel := context.WithTimeout(t.Context(), *hostileTime)
	defer cancel()
	var misbehaving sync.WaitGroup
	for _, id := range bad {
		misbehaving.Go(func() { misbehave(ctx, c.API+"api/v2/workspaceagents/"+id+"/rpc") })
	}
	scrapes, most := 0, 0
	for ctx.Err() == nil {
		s := scrapeOnce(t, c.Metrics)
		now := series(s, good)
		for one := range complete {
			if !now[one] {
				t.Fatalf("lost the series %s of a well-behaved agent", one)
			}
		}
		counts := make(map[string]int) // series per agent
		for _, name := range forwarded {
			if f := s.Family(name); f != nil {
				for _, sample := range f.Samples {
					counts[agentOf(sample)]++
				}
			}
		}
		for agent, n := range counts {
			if most = max(most, n); n > 4 {
				t.Errorf("agent %s: got %d series, want at most 4", agent, n)
			}
		}
		scrapes++
	}
	misbehaving.Wait()
	refused := 0.0
	for _, sample := range scrapeOnce(t, c.Metrics).Family("otelcoder_refused_total").Samples {
		if sample.Labels.Get("origin") == "agent" {
			refused += sample.Value
		}
	}
	if refused == 0 {
		t.Error("got no refused values of agents in otelcoder_refused_total")
	}
	t.Logf("%d scrapes with all %d series of the well-behaved agents; at most %d series per agent; %.0f values refused", scrapes, len(complete), most, refused)
}

// agents returns the IDs of the agents, one per workspace. The example's own agents come
// first.
func agents(t *testing.T, api string) []string {
	t.Helper()
	var ids []string
	for {
		a, err := answer.Get(fmt.Sprintf("%sapi/v2/workspaces?limit=100&offset=%d", api, len(ids)))
		if err != nil {
			t.Fatal(err)
		}
		var page []struct{ ID string }
		if err := json.Unmarshal(a.Body, &page); err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return ids
		}
		for _, w := range page {
			ids = append(ids, "main."+w.ID)
		}
	}
}

func scrapeOnce(t *testing.T, url string) *invariant.Scrape {
	t.Helper()
	a, err := answer.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	s := sound(t, "example", a)
	if s == nil {
		t.FailNow()
	}
	return s
}

func agentOf(sample invariant.Sample) string {
	l := sample.Labels
	return l.Get("agent_name") + "." + l.Get("workspace_name") + "." + l.Get("username")
}

// series returns the forwarded series of some agents.
func series(s *invariant.Scrape, of map[string]bool) map[string]bool {
	found := make(map[string]bool)
	for _, name := range forwarded {
		if f := s.Family(name); f != nil {
			for _, sample := range f.Samples {
				if of[agentOf(sample)] {
					found[sample.String()] = true
				}
			}
		}
	}
	return found
}

type label struct{ Name, Value string }

type metric struct {
	Name, Type, Value string
	Labels            []label
}

// misbehave connects as an agent, again and again, and sends arbitrary reports.
func misbehave(ctx context.Context, url string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for ctx.Err() == nil {
		conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			continue
		}
		for range 1 + rand.N(20) {
			if conn.Write(ctx, websocket.MessageText, nonsense()) != nil {
				break
			}
			if rand.N(3) > 0 { // otherwise do not wait for the response
				if _, _, err := conn.Read(ctx); err != nil {
					break
				}
			}
			select { // leave CPU time to the example
			case <-ctx.Done():
			case <-time.After(rand.N(2 * time.Second)):
			}
		}
		conn.CloseNow()
	}
}

// nonsense returns a report with random names, types, values, labels and sizes.
func nonsense() []byte {
	if rand.N(20) == 0 {
		return []byte(text(1 + rand.N(1000)))
	}
	var metrics []metric
	for range rand.N(200) {
		m := metric{
			Name:  []string{forwarded[0], forwarded[1], "coderd_api_requests_processed_total", "go_goroutines", text(1 + rand.N(50))}[rand.N(5)],
			Type:  []string{"counter", "gauge", "histogram", ""}[rand.N(4)],
			Value: []string{"1", "-1", "NaN", "+Inf", "1e308", fmt.Sprint(rand.N(1_000_000))}[rand.N(6)],
		}
		for range rand.N(4) {
			m.Labels = append(m.Labels, label{
				[]string{"success", "username", "le", "__name__", text(10)}[rand.N(5)],
				[]string{"true", "false", "\xff\x00", text(rand.N(20)), strings.Repeat("long", rand.N(1000))}[rand.N(5)],
			})
		}
		metrics = append(metrics, m)
	}
	report, _ := json.Marshal(map[string]any{
		"Lifecycle": []string{"ready", text(10)}[rand.N(2)],
		"Latencies": map[int]float64{rand.N(10_000) - 5_000: rand.Float64() - 0.5},
		"Home":      rand.N(10) - 5,
		"Stats":     map[string]any{"RxBytes": rand.Int64() - rand.Int64(), "MedianLatency": -rand.Float64()},
		"Metrics":   metrics,
	})
	return report
}
