package bench

import (
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	victoria "github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

// endpoint serves the state of a deployment.
type endpoint struct {
	http.Handler
	path string
	// collect collects the deployment's state; nil if it is collected in the background.
	collect func()
}

var endpoints = []struct {
	name string
	new  func(b testing.TB, d deployment) endpoint
}{
	{"client_golang", clientGolang},
	{"otelcoder", func(b testing.TB, d deployment) endpoint { return newOtelcoder(b, d, time.Hour).endpoint }},
	{"VictoriaMetrics", victoriaMetrics},
}

// otelcoderEndpoint is an endpoint whose families can be changed.
type otelcoderEndpoint struct {
	endpoint
	providers   instrument.Providers
	meters      *meters.Meters
	observation *instrument.Observation
	series      atomic.Int64 // of each family, added to the deployment's
}

// newOtelcoder returns an endpoint that polls the deployment at an interval.
func newOtelcoder(b testing.TB, d deployment, interval time.Duration) *otelcoderEndpoint {
	exporter, err := exporters.New()
	if err != nil {
		b.Fatal(err)
	}
	o := &otelcoderEndpoint{providers: exporter.Providers()}
	o.Handler, o.path = exporter.Handler(), "/metrics/deployment"
	families := append(slices.Clone(statFamilies[:]), instrument.AgentsUp, instrument.AgentsConnections,
		instrument.AgentsConnectionLatencies, instrument.AgentsApps)
	o.observation, err = o.providers.Observe(func(to instrument.Observer) {
		observe := func(f instrument.Family, m instrument.Measured) { to.Observe(f, instrument.Documented.Labels(f, m), 1) }
		for i := range o.series.Load() {
			agent := instrument.Agent{Username: strconv.FormatInt(i, 10)}
			observe(instrument.AgentsUp, instrument.WorkspaceAgents{Username: agent.Username})
			observe(instrument.AgentsConnections, instrument.AgentConnection{Agent: agent})
			observe(instrument.AgentsConnectionLatencies, instrument.AgentLatency{Agent: agent})
			observe(instrument.AgentsApps, instrument.AgentApp{Agent: agent})
			for _, f := range statFamilies {
				observe(f, agent)
			}
		}
	}, families...)
	if err != nil {
		b.Fatal(err)
	}
	o.meters, err = meters.New(o.providers, meters.WithInterval(interval))
	if err != nil {
		b.Fatal(err)
	}
	o.meters.Poll(meters.Sources{Agents: d, AgentStats: d})
	b.Cleanup(func() {
		o.meters.Shutdown(context.Background())
		exporter.Shutdown(context.Background())
	})
	// Wait for the sources, so that the first rendering has all series.
	for i := 0; ; i++ {
		live := scrape(b, exporter.Handler(), "/metrics/replica", false)
		if strings.Contains(live, `otelcoder_source_up{source="agents"} 1`) && strings.Contains(live, `otelcoder_source_up{source="agent_stats"} 1`) {
			return o
		}
		if i == 3000 {
			b.Fatal("the sources are still not up")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// change adds a series to each family, so that all are rendered again.
func (o *otelcoderEndpoint) change() {
	o.series.Add(1)
	o.observation.Changed()
}

// withAPI measures requests to a number of routes. The endpoint then serves everything.
func (o *otelcoderEndpoint) withAPI(b testing.TB, routes int) {
	o.path = "/"
	api := o.meters.API()
	for i := range routes {
		for _, code := range []int{200, 404} {
			api.Start(false).End(context.Background(), api.Path(fmt.Sprintf("/api/v2/things%d/{thing}", i)), http.MethodGet, code)
		}
	}
}

// vectors has the families of workspaces, as a Coder server registers them.
type vectors struct {
	up, connections, latencies, apps *prometheus.GaugeVec
	stats                            [8]*prometheus.GaugeVec
}

func clientGolang(_ testing.TB, d deployment) endpoint {
	registry := prometheus.NewRegistry()
	vector := func(f instrument.Family) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: f.String(), Help: instrument.Documented.Info(f).Help}, instrument.Documented.Info(f).Labels)
		registry.MustRegister(v)
		return v
	}
	v := vectors{
		up:          vector(instrument.AgentsUp),
		connections: vector(instrument.AgentsConnections),
		latencies:   vector(instrument.AgentsConnectionLatencies),
		apps:        vector(instrument.AgentsApps),
	}
	for i, f := range statFamilies {
		v.stats[i] = vector(f)
	}
	v.collect(d)
	return endpoint{
		Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		path:    "/",
		collect: func() { v.collect(d) },
	}
}

// collect resets the vectors and sets all series, as a Coder server does.
func (v vectors) collect(d deployment) {
	for _, vector := range append([]*prometheus.GaugeVec{v.up, v.connections, v.latencies, v.apps}, v.stats[:]...) {
		vector.Reset()
	}
	workspaces, _ := d.Agents(context.Background())
	for _, w := range workspaces {
		v.up.WithLabelValues(w.Template, w.Username, w.Name).Set(1)
		for _, a := range w.Agents {
			v.connections.WithLabelValues(a.Name, string(a.Lifecycle), string(a.Status), a.TailnetNode, w.Username, w.Name).Set(1)
			for _, l := range a.Latencies {
				v.latencies.WithLabelValues(a.Name, l.Region, strconv.FormatBool(l.Preferred), w.Username, w.Name).Set(l.Seconds)
			}
			for _, app := range a.Apps {
				v.apps.WithLabelValues(a.Name, app.DisplayName, string(app.Health), w.Username, w.Name).Add(1)
			}
		}
	}
	rows, _ := d.AgentStats(context.Background())
	for _, row := range rows {
		for i, value := range statValues(row) {
			v.stats[i].WithLabelValues(row.AgentName, row.Username, row.Workspace).Set(value)
		}
	}
}

var statFamilies = [8]instrument.Family{
	instrument.AgentStatsRx, instrument.AgentStatsTx, instrument.AgentStatsConnections, instrument.AgentStatsSessionsVSCode,
	instrument.AgentStatsSessionsJetBrains, instrument.AgentStatsSessionsReconnectingPTY, instrument.AgentStatsSessionsSSH,
	instrument.AgentStatsMedianLatency,
}

func statValues(s meters.AgentStats) [8]float64 {
	return [8]float64{
		float64(s.RxBytes), float64(s.TxBytes), float64(s.Connections), float64(s.SessionsVSCode),
		float64(s.SessionsJetBrains), float64(s.SessionsReconnectingPTY), float64(s.SessionsSSH), s.MedianLatency,
	}
}

// victoriaMetrics names series with their labels, as VictoriaMetrics/metrics requires. It has
// no help texts.
func victoriaMetrics(_ testing.TB, d deployment) endpoint {
	var current atomic.Pointer[victoria.Set]
	collect := func() {
		set := victoria.NewSet()
		gauge := func(f instrument.Family, value float64, labels ...string) {
			name := []byte(f.String())
			for i, label := range instrument.Documented.Info(f).Labels {
				separator := ","
				if i == 0 {
					separator = "{"
				}
				name = strconv.AppendQuote(append(append(append(name, separator...), label...), '='), labels[i])
			}
			set.GetOrCreateGauge(string(append(name, '}')), nil).Set(value)
		}
		workspaces, _ := d.Agents(context.Background())
		for _, w := range workspaces {
			gauge(instrument.AgentsUp, 1, w.Template, w.Username, w.Name)
			for _, a := range w.Agents {
				gauge(instrument.AgentsConnections, 1, a.Name, string(a.Lifecycle), string(a.Status), a.TailnetNode, w.Username, w.Name)
				for _, l := range a.Latencies {
					gauge(instrument.AgentsConnectionLatencies, l.Seconds, a.Name, l.Region, strconv.FormatBool(l.Preferred), w.Username, w.Name)
				}
				for _, app := range a.Apps {
					gauge(instrument.AgentsApps, 1, a.Name, app.DisplayName, string(app.Health), w.Username, w.Name)
				}
			}
		}
		rows, _ := d.AgentStats(context.Background())
		for _, row := range rows {
			for i, value := range statValues(row) {
				gauge(statFamilies[i], value, row.AgentName, row.Username, row.Workspace)
			}
		}
		current.Store(set)
	}
	collect()
	return endpoint{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				current.Load().WritePrometheus(w)
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			compressor, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
			current.Load().WritePrometheus(compressor)
			compressor.Close()
		}),
		path:    "/",
		collect: collect,
	}
}
