package exporters

import (
	"context"
	"maps"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/clock"
	"github.com/otelcoder/otelcoder/internal/status"
)

// summary holds the numbers of a family for the status page.
type summary struct {
	series int
	label  string             // to group the values by; "" sums all series
	sums   map[string]float64 // of the values, by label; nil if the page shows none

	// Of a histogram whose values the page shows, over all series. Buckets are cumulative
	// and include +Inf.
	bounds, buckets []float64
}

// newSummary returns the summary of a family without series.
func newSummary(e instrument.Edition, name string) summary {
	f, ok := e.Lookup(name)
	if !ok {
		return summary{}
	}
	switch f {
	case instrument.APIWorkspaceLatestBuild, instrument.AgentsConnections, instrument.WorkspaceBuilds:
		return summary{label: "status", sums: make(map[string]float64)}
	case instrument.APIRequestsProcessed:
		return summary{label: "code", sums: make(map[string]float64)}
	case instrument.APIActiveUsers, instrument.LicenseActiveUsers, instrument.LicenseLimitUsers,
		instrument.LicenseUserLimitEnabled, instrument.ProvisionerdJobsCurrent,
		instrument.APIConcurrentRequests, instrument.APIConcurrentWebsockets, instrument.APIRequestLatencies:
		return summary{sums: make(map[string]float64)}
	}
	return summary{}
}

// maxSums limits the values of a label in a summary. Documented labels have fewer:
// status codes have some 60.
const maxSums = 100

// summarize summarizes a family.
func (f family) summarize(e instrument.Edition) summary {
	s := newSummary(e, f.name)
	for _, m := range f.metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[float64]:
			s.add(data.DataPoints)
		case metricdata.Sum[float64]:
			s.add(data.DataPoints)
		case metricdata.Histogram[float64]:
			s.series += len(data.DataPoints)
			if s.sums != nil {
				s.addBuckets(data.DataPoints)
			}
		case metricdata.Gauge[int64]:
			s.series += len(data.DataPoints)
		case metricdata.Sum[int64]:
			s.series += len(data.DataPoints)
		}
	}
	return s
}

func (s *summary) add(points []metricdata.DataPoint[float64]) {
	s.series += len(points)
	if s.sums == nil {
		return
	}
	at := 0 // index of the label, usually the same in all points
	for i := range points {
		value := ""
		if s.label != "" {
			value, at = valueOf(&points[i].Attributes, attribute.Key(s.label), at)
		}
		if _, known := s.sums[value]; known || len(s.sums) < maxSums {
			s.sums[value] += points[i].Value
		}
	}
}

// addConverted adds the series of a gauge or counter, or of a histogram whose values the
// page does not show. Reading labels from converted series is ten times as fast as from
// points.
func (s *summary) addConverted(f *dto.MetricFamily) {
	s.series += len(f.Metric)
	if s.sums == nil {
		return
	}
	at := 0 // index of the label, usually the same in all series
	for _, m := range f.Metric {
		value := ""
		if s.label != "" {
			if at >= len(m.Label) || m.Label[at].GetName() != s.label {
				at = max(slices.IndexFunc(m.Label, func(l *dto.LabelPair) bool { return l.GetName() == s.label }), 0)
			}
			if at < len(m.Label) && m.Label[at].GetName() == s.label {
				value = m.Label[at].GetValue()
			}
		}
		if _, known := s.sums[value]; known || len(s.sums) < maxSums {
			s.sums[value] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
}

// valueOf returns the value and the index of a label. At is the likely index.
func valueOf(set *attribute.Set, label attribute.Key, at int) (string, int) {
	if a, ok := set.Get(at); ok && a.Key == label {
		return a.Value.AsString(), at
	}
	for i := range set.Len() {
		if a, _ := set.Get(i); a.Key == label {
			return a.Value.AsString(), i
		}
	}
	return "", at
}

func (s *summary) addBuckets(points []metricdata.HistogramDataPoint[float64]) {
	for _, p := range points {
		if s.bounds == nil {
			s.bounds, s.buckets = p.Bounds, make([]float64, len(p.Bounds)+1)
		}
		if len(p.BucketCounts) != len(s.buckets) {
			continue
		}
		count := 0.0
		for i, n := range p.BucketCounts {
			count += float64(n)
			s.buckets[i] += count
		}
	}
}

// summaries holds the summaries of a group's families by name. It is immutable.
type summaries struct {
	at time.Time
	of map[string]summary
}

// summarize replaces the group's summaries.
func (g *group) summarize(of map[string]summary) { g.summaries.Store(&summaries{time.Now(), of}) }

// head returns the first n bytes of the newest text rendering, if any.
func (g *group) head(n int) []byte {
	if g.cache != nil {
		r, _ := g.newestText()
		return r.Head(n)
	}
	if r := g.live.Load(); r != nil {
		return r.Head(n)
	}
	return nil
}

// newestText returns the newest cached rendering in a text format, if any.
func (g *group) newestText() (render.Rendering, bool) {
	if g.cache == nil {
		return render.Rendering{}, false
	}
	for _, f := range []format{text, openMetrics} {
		if r, ok := g.cache.Peek(f); ok {
			return r, true
		}
	}
	return render.Rendering{}, false
}

// summary returns the group's last summary of a family.
func (g *group) summary(name string) (summary, bool) {
	last := g.summaries.Load()
	if last == nil {
		return summary{}, false
	}
	s, ok := last.of[name]
	return s, ok
}

// sampling is the minimum ratio of the interval to the duration of refreshes, so that
// they take at most a thousandth of the time.
const sampling = 1000

// refresh updates the summaries unless a rendering has updated them recently.
func (g *group) refresh(ctx context.Context) {
	last := g.summaries.Load()
	switch {
	case last == nil:
	case g.cache != nil && g.cache.InUse(): // each change is rendered
		return
	case clock.Since(last.at) < max(status.SampleInterval-time.Second, sampling*g.collecting):
		return
	}
	began := time.Now()
	of := make(map[string]summary)
	for _, f := range g.collect(ctx) {
		of[f.name] = f.summarize(g.exporter.edition)
	}
	if ctx.Err() != nil {
		return
	}
	g.try(func() error {
		families, err := g.extra.Gather()
		for _, f := range families {
			of[f.GetName()] = summary{series: len(f.Metric)}
		}
		return err
	})
	g.collecting = time.Since(began)
	g.summarize(of)
}

// sample returns the current numbers for the status page; without the deployment's if
// this process is not the reporter.
func (e *Exporter) sample(reports bool) status.Sample {
	s := status.NoSample()
	if inFlight, ok := e.process.summary(e.edition.Name(instrument.APIConcurrentRequests)); ok && inFlight.series > 0 {
		s.API = e.apiSample(inFlight.sums[""])
	}
	if !reports {
		return s
	}
	one := func(g *group, f instrument.Family) status.Number {
		if found, ok := g.summary(e.edition.Name(f)); ok && found.series > 0 {
			return status.Number(found.sums[""])
		}
		return status.Unknown()
	}
	byStatus := func(f instrument.Family) map[string]float64 {
		if found, ok := e.deployment.summary(e.edition.Name(f)); ok && found.series > 0 {
			return maps.Clone(found.sums)
		}
		return nil
	}
	s.Workspaces = byStatus(instrument.APIWorkspaceLatestBuild)
	s.Agents = byStatus(instrument.AgentsConnections)
	s.ActiveUsers = one(e.deployment, instrument.APIActiveUsers)
	if limited := one(e.deployment, instrument.LicenseUserLimitEnabled); limited.Known() && limited > 0 {
		s.SeatsTaken = one(e.deployment, instrument.LicenseActiveUsers)
		s.Seats = one(e.deployment, instrument.LicenseLimitUsers)
	}
	s.JobsRunning = one(e.workspaces, instrument.ProvisionerdJobsCurrent)
	if builds, ok := e.workspaces.summary(e.edition.Name(instrument.WorkspaceBuilds)); ok {
		s.Builds = &status.Builds{Succeeded: builds.sums["success"], Failed: builds.sums["failed"]}
	}
	return s
}

func (e *Exporter) apiSample(inFlight float64) *status.APISample {
	a := &status.APISample{InFlight: inFlight}
	if s, ok := e.process.summary(e.edition.Name(instrument.APIRequestsProcessed)); ok {
		for code, n := range s.sums {
			a.Requests += n
			if len(code) == 3 && code[0] == '5' {
				a.Errors += n
			}
		}
	}
	if s, ok := e.process.summary(e.edition.Name(instrument.APIConcurrentWebsockets)); ok {
		a.Websockets = s.sums[""]
	}
	if s, ok := e.process.summary(e.edition.Name(instrument.APIRequestLatencies)); ok {
		a.Bounds, a.Buckets = s.bounds, s.buckets
	}
	return a
}

func (e *Exporter) groupOf(f instrument.Family) *group {
	return [...]*group{instrument.Deployment: e.deployment, instrument.Workspaces: e.workspaces, instrument.Process: e.process}[f.Group()]
}
