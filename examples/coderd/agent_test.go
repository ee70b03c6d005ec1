package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestHostileAgent checks that invalid reports of an agent are refused and counted, and do
// not affect other agents.
func TestHostileAgent(t *testing.T) {
	t.Parallel()
	p := start(t, "--load", "0", "--workspaces", "20") // too few for the load to have a hostile agent
	refused := func(s samples) samples {
		s = maps.Clone(s)
		maps.DeleteFunc(s, func(sample string, _ float64) bool {
			return !strings.HasPrefix(sample, `otelcoder_refused_total{origin="agent"`)
		})
		return s
	}
	before := p.until(t, func(s samples) error {
		if missing := s.missing(); missing != nil {
			return fmt.Errorf("no samples of %v", missing)
		}
		return nil
	})

	conn := dial(t, p.api+"/api/v2/workspaceagents/sidecar.dev.ada/rpc")
	defer conn.CloseNow()
	for n := range 10 {
		r := agentReport{Lifecycle: meters.LifecycleReady, Stats: meters.AgentStats{Connections: 1, RxBytes: 1}}
		r.makeHostile(n)
		if err := wsjson.Write(t.Context(), conn, r); err != nil {
			t.Fatal(err)
		}
		var reply agentReply
		if err := wsjson.Read(t.Context(), conn, &reply); err != nil {
			t.Fatalf("after report %d: %v", n, err)
		}
		if !reply.Running {
			t.Fatal("the first workspace is not running")
		}
	}

	after := p.scrape(t)
	want := samples{
		`otelcoder_refused_total{origin="agent",reason="duplicate"}`: 1,
		`otelcoder_refused_total{origin="agent",reason="labels"}`:    10_003,
		`otelcoder_refused_total{origin="agent",reason="length"}`:    0,
		`otelcoder_refused_total{origin="agent",reason="limit"}`:     0,
		`otelcoder_refused_total{origin="agent",reason="type"}`:      1,
		`otelcoder_refused_total{origin="agent",reason="value"}`:     1,
	}
	if got := refused(after); !maps.Equal(got, want) {
		t.Errorf("refused %v\n   want %v", got, want)
	}
	if missing := after.missing(); missing != nil {
		t.Errorf("no samples of %v after the hostile reports", missing)
	}
	const forged = `coderd_api_requests_processed_total{path="/"}`
	if _, ok := after[forged]; ok {
		t.Error("an agent has forged " + forged)
	}
	for sample := range before {
		if _, ok := after[sample]; !ok && strings.HasPrefix(sample, "coderd_agentstats_startup_script_seconds{") {
			t.Errorf("the series %s of another agent is lost", sample)
		}
	}
}

func TestAgentWebsocketEnds(t *testing.T) {
	t.Parallel()
	p := start(t, "--load", "0", "--workspaces", "2")
	for name, test := range map[string]struct {
		message string
		want    websocket.StatusCode // -1 means no close frame
	}{
		"not JSON":     {"{", -1},
		"other JSON":   {`{"Stats":"none"}`, -1},
		"no number":    {`{"Metrics":[{"Value":"much"}]}`, -1},
		"out of range": {`{"Latencies":{"1":1e999}}`, -1},
		"too long":     {strings.Repeat(" ", maxReport+1), websocket.StatusMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, p.api+"/api/v2/workspaceagents/sidecar.dev.ada/rpc")
			defer conn.CloseNow()
			if err := conn.Write(t.Context(), websocket.MessageText, []byte(test.message)); err != nil {
				t.Fatal(err)
			}
			_, _, err := conn.Read(t.Context())
			if got := websocket.CloseStatus(err); err == nil || got != test.want {
				t.Errorf("read: %v, want status %d", err, test.want)
			}
		})
	}
	p.until(t, func(s samples) error {
		if n := s["coderd_api_concurrent_websockets"]; n != 2 {
			return fmt.Errorf("%v websockets, want 2", n)
		}
		return nil
	})
	_, answer := ask(t, http.MethodGet, p.api+"/api/v2/workspaceagents/sidecar.dev.ada", "")
	if !strings.Contains(answer, `"Status":"disconnected"`) {
		t.Errorf("got the agent %s, want it disconnected", answer)
	}
}

// TestAgentConnectsTwice checks that only the newest websocket of an agent counts.
func TestAgentConnectsTwice(t *testing.T) {
	s := newStore(2)
	const id = "main.dev.ada"
	first, second := s.agentConnected(id), s.agentConnected(id)
	report := agentReport{Lifecycle: meters.LifecycleOff}
	if reply := s.report(id, first, report); reply.Running {
		t.Error("a report of the first websocket is accepted")
	}
	if reply := s.report(id, second, report); !reply.Running {
		t.Error("a report of the second websocket is not accepted")
	}
	status := func() meters.AgentStatus { a, _ := find(s, &s.agents, id); return a.Status }
	s.agentDisconnected(id, first)
	if got := status(); got != meters.AgentConnected {
		t.Errorf("got %s after the first websocket has ended, want connected", got)
	}
	s.agentDisconnected(id, second)
	if got := status(); got != meters.AgentDisconnected {
		t.Errorf("got %s after the second websocket has ended, want disconnected", got)
	}
}

// FuzzAgentReport checks that no report of an agent breaks a scrape.
func FuzzAgentReport(f *testing.F) {
	for n := range 10 {
		var r agentReport
		r.makeHostile(n)
		r.Metrics = r.Metrics[:min(len(r.Metrics), 10)]
		text, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"Lifecycle":"ready","Latencies":{"1":0.01,"999":3},"Home":1,"Stats":{"RxBytes":9223372036854775807,"Connections":1,"SessionsSSH":1}}`))
	meter := meterstest.NewReader(f)
	m, err := meters.New(meter.Providers())
	if err != nil {
		f.Fatal(err)
	}
	forwarded := m.Forwarded()
	f.Fuzz(func(t *testing.T, text []byte) {
		var report agentReport
		if json.Unmarshal(text, &report) != nil {
			return
		}
		s := newStore(2)
		connection := s.agentConnected("main.dev.ada")
		reports := forwarded.Agent(meters.ForwardingAgent{Username: "ada", WorkspaceName: "dev", AgentName: "main", TemplateName: "docker"})
		defer reports.Close()
		for range 2 {
			s.report("main.dev.ada", connection, report)
			reports.Report(report.forwarded())
		}
		stats, _ := s.AgentStats(t.Context())
		if len(stats) != 1 || stats[0].RxBytes < 0 || stats[0].TxBytes < 0 || stats[0].AgentName != "main" {
			t.Errorf("got the statistics %+v, want one row of main without negative bytes", stats)
		}
		if n := len(s.agents.byID["main.dev.ada"].Latencies); n > len(regions) {
			t.Errorf("latencies of %d regions, want at most %d", n, len(regions))
		}
		meter.Text(t) // fails the test if a scrape would fail
	})
}
