package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/otelcoder/otelcoder/meters"
)

const reportInterval = 2 * time.Second

// workspaceAgent simulates the agent of a workspace, which reports over a websocket.
// Unlike a real agent it survives builds of its workspace, so that the websockets stay
// open: it restarts its scripts when the control plane reports a new build.
type workspaceAgent struct {
	id      string
	url     string // of its websocket
	client  *http.Client
	log     *slog.Logger
	leaves  bool      // closes its websocket now and then, and reconnects
	hostile bool      // sends invalid reports
	broken  *sync.Map // the IDs of agents that do not connect

	build          int // its workspace's
	lifecycle      meters.AgentLifecycle
	startupSeconds float64
	scripts        map[bool]int // number of scripts run, by success
	reports        int          // number of reports sent
}

// startAgents connects an agent of each workspace. The agents report until ctx ends. It
// returns when the API has a report of each agent.
func startAgents(ctx context.Context, running *sync.WaitGroup, workspaces []workspace, apiURL string, leave bool, broken *sync.Map, log *slog.Logger) error {
	client := newClient()
	for i, w := range workspaces {
		a := &workspaceAgent{
			id:        w.agents[0].ID,
			url:       apiURL + "/api/v2/workspaceagents/" + w.agents[0].ID + "/rpc",
			client:    client,
			log:       log,
			leaves:    leave,
			hostile:   i%25 == 24,
			broken:    broken,
			lifecycle: meters.LifecycleCreated,
			scripts:   make(map[bool]int),
		}
		conn, err := a.connect(ctx)
		if err != nil {
			return fmt.Errorf("connect agent %s: %w", a.id, err)
		}
		running.Go(func() { a.run(ctx, conn) })
	}
	return nil
}

// run reports over a websocket until ctx ends, and reconnects when the websocket closes.
func (a *workspaceAgent) run(ctx context.Context, conn *websocket.Conn) {
	defer a.client.CloseIdleConnections()
	err := a.keepReporting(ctx, conn)
	for ctx.Err() == nil {
		a.log.Debug("agent connects again", "agent", a.id, "error", err)
		if conn, err = a.connect(ctx); err != nil {
			pause(ctx, reportInterval)
			continue
		}
		err = a.keepReporting(ctx, conn)
	}
}

var errBroken = errors.New("broken on the front page")

func (a *workspaceAgent) isBroken() bool {
	_, broken := a.broken.Load(a.id)
	return broken
}

// connect opens a websocket and sends the first report.
func (a *workspaceAgent) connect(ctx context.Context) (*websocket.Conn, error) {
	if a.isBroken() {
		return nil, errBroken
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, a.url, &websocket.DialOptions{HTTPClient: a.client})
	if err != nil {
		return nil, err
	}
	if err := a.send(ctx, conn); err != nil {
		conn.CloseNow()
		return nil, err
	}
	return conn, nil
}

func (a *workspaceAgent) keepReporting(ctx context.Context, conn *websocket.Conn) error {
	defer conn.CloseNow()
	for !a.leaves || rand.N(20) > 0 {
		pause(ctx, reportInterval)
		if a.isBroken() {
			return errBroken
		}
		if err := a.send(ctx, conn); err != nil {
			return err
		}
	}
	return conn.Close(websocket.StatusNormalClosure, "restarting")
}

// send sends a report and reads the reply.
func (a *workspaceAgent) send(ctx context.Context, conn *websocket.Conn) error {
	if err := wsjson.Write(ctx, conn, a.report()); err != nil {
		return err
	}
	var reply agentReply
	if err := wsjson.Read(ctx, conn, &reply); err != nil {
		return err
	}
	switch {
	case reply.Running && reply.Build != a.build:
		a.build, a.lifecycle = reply.Build, meters.LifecycleStarting
	case a.lifecycle == meters.LifecycleStarting:
		a.runStartupScript()
	}
	return nil
}

func (a *workspaceAgent) runStartupScript() {
	success := rand.N(10) > 0
	a.lifecycle = meters.LifecycleReady
	if !success {
		a.lifecycle = meters.LifecycleStartError
	}
	a.scripts[success]++
	a.startupSeconds = 0.5 + 20*rand.Float64()
}

func (a *workspaceAgent) report() agentReport {
	a.reports++
	r := agentReport{
		Lifecycle: a.lifecycle,
		Latencies: make(map[int]float64),
		Home:      1,
		Stats: meters.AgentStats{
			RxBytes:                 rand.N[int64](1 << 20),
			TxBytes:                 rand.N[int64](1 << 20),
			Connections:             8,
			MedianLatency:           0.005 + 0.05*rand.Float64(),
			SessionsVSCode:          1 + rand.N[int64](2),
			SessionsJetBrains:       rand.N[int64](2),
			SessionsReconnectingPTY: rand.N[int64](3),
			SessionsSSH:             rand.N[int64](2),
		},
		Metrics: a.metrics(),
	}
	for number := range regions {
		r.Latencies[number] = 0.005 * float64(number%20+1) * (1 + rand.Float64())
	}
	if a.hostile {
		r.makeHostile(a.reports)
	}
	return r
}

// metrics returns the documented metrics that an agent forwards, and one undocumented
// metric.
func (a *workspaceAgent) metrics() []agentMetric {
	metrics := []agentMetric{forwarded("agent_reports_total", meters.ForwardedCounter, float64(a.reports))}
	for success, n := range a.scripts {
		metrics = append(metrics, forwarded("agent_scripts_executed_total", meters.ForwardedCounter, float64(n), "success", fmt.Sprint(success)))
	}
	if a.lifecycle == meters.LifecycleReady || a.lifecycle == meters.LifecycleStartError {
		success := fmt.Sprint(a.lifecycle == meters.LifecycleReady)
		metrics = append(metrics, forwarded("coderd_agentstats_startup_script_seconds", meters.ForwardedGauge, a.startupSeconds, "success", success))
	}
	return metrics
}

// forwarded returns a metric. labels alternates names and values.
func forwarded(name string, kind meters.ForwardedType, value float64, labels ...string) agentMetric {
	m := agentMetric{meters.ForwardedMetric{Name: name, Type: kind}, number(value)}
	for i := 0; i < len(labels); i += 2 {
		m.Labels = append(m.Labels, meters.ForwardedLabel{Name: labels[i], Value: labels[i+1]})
	}
	return m
}
