package main

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/meters"
)

const (
	maxReport     = 2 << 20          // bytes; a longer message closes the websocket
	reportTimeout = 30 * time.Second // without a report, the websocket is closed
)

// agentReport is the JSON message that an agent sends over its websocket. It is
// untrusted.
type agentReport struct {
	Lifecycle meters.AgentLifecycle
	Latencies map[int]float64   // seconds, by the region's number
	Home      int               // number of its home region
	Stats     meters.AgentStats // bytes since the last report; the websocket identifies the agent
	Metrics   []agentMetric     // to forward
}

type agentMetric struct {
	meters.ForwardedMetric
	Value number // replaces the embedded Value
}

// number is encoded as text, since JSON has neither NaN nor infinity.
type number float64

func (n number) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

func (n *number) UnmarshalText(text []byte) error {
	value, err := strconv.ParseFloat(string(text), 64)
	*n = number(value)
	return err
}

// agentReply answers every report. An agent restarts with every build.
type agentReply struct {
	Build   int
	Running bool // false if the report was ignored
}

// agentRPC is the control plane's end of an agent's websocket.
func (a *api) agentRPC(w http.ResponseWriter, r *http.Request) {
	id := chi.URLParam(r, "agent")
	agent, err := find(a.store, &a.store.agents, id)
	if err != nil {
		writeError(w, err)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has written the response
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxReport)

	connection := a.store.agentConnected(id)
	defer a.store.agentDisconnected(id, connection)

	// The agent's forwarded metrics are served while it is connected.
	forwarded := a.forwarded.Agent(meters.ForwardingAgent{
		Username:      agent.workspace.Owner,
		WorkspaceName: agent.workspace.Name,
		AgentName:     agent.Name,
		TemplateName:  agent.workspace.Template,
	})
	defer forwarded.Close()

	for {
		report, err := readReport(r.Context(), conn)
		if err != nil {
			a.log.Debug("agent is gone", "agent", id, "reason", err)
			return
		}
		reply := a.store.report(id, connection, report)
		if reply.Running {
			forwarded.Report(report.forwarded())
		}
		if err := wsjson.Write(r.Context(), conn, reply); err != nil {
			return
		}
	}
}

func readReport(ctx context.Context, conn *websocket.Conn) (report agentReport, err error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	_, text, err := conn.Read(ctx)
	if err != nil {
		return report, err
	}
	return report, json.Unmarshal(text, &report)
}

func (r agentReport) forwarded() []meters.ForwardedMetric {
	metrics := make([]meters.ForwardedMetric, len(r.Metrics))
	for i, m := range r.Metrics {
		metrics[i] = m.ForwardedMetric
		metrics[i].Value = float64(m.Value)
	}
	return metrics
}

// agentConnected records a websocket of an agent and returns its number.
func (s *store) agentConnected(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.agents.byID[id]
	a.connection++
	a.Status, a.TailnetNode = meters.AgentConnected, newTailnetNode()
	return a.connection
}

func (s *store) agentDisconnected(id string, connection int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.agents.byID[id]; a.connection == connection {
		a.Status = meters.AgentDisconnected
	}
}

// report records a report over the newest websocket of an agent while its workspace
// runs. Invalid values are left out.
func (s *store) report(id string, connection int, r agentReport) agentReply {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.agents.byID[id]
	w := a.workspace
	reply := agentReply{w.Latest.Number, w.up() && a.connection == connection}
	if !reply.Running {
		return reply
	}
	if slices.Contains(lifecycles, r.Lifecycle) {
		a.Lifecycle = r.Lifecycle
	}
	a.Latencies = nil
	for number, seconds := range r.Latencies {
		if region, known := regions[number]; known && seconds >= 0 {
			a.Latencies = append(a.Latencies, meters.RegionLatency{Region: region, Preferred: number == r.Home, Seconds: seconds})
		}
	}

	// Bytes are summed until the next collection. Of the other values, the newest
	// report replaces the previous one.
	rx, tx := addBytes(a.stats.RxBytes, r.Stats.RxBytes), addBytes(a.stats.TxBytes, r.Stats.TxBytes)
	a.stats, a.reported = r.Stats, true
	a.stats.RxBytes, a.stats.TxBytes = rx, tx
	a.stats.AgentName, a.stats.Username, a.stats.Workspace = a.Name, w.Owner, w.Name
	for i, sessions := range []int64{r.Stats.SessionsVSCode, r.Stats.SessionsJetBrains, r.Stats.SessionsReconnectingPTY, r.Stats.SessionsSSH} {
		if sessions > 0 && r.Stats.Connections > 0 {
			s.use(w, builtins[i], "")
		}
	}
	return reply
}

// addBytes returns sum + n. A negative n counts as 0, and the result is at most the
// maximum int64.
func addBytes(sum, n int64) int64 { return sum + min(max(n, 0), math.MaxInt64-sum) }
