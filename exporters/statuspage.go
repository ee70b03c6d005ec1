package exporters

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/status"
)

const (
	// maxViews limits the views prepared at a time; further requests wait.
	maxViews = 4
	// refreshLimit is how long a view waits for a refresh of the summaries. Only a
	// process that is not scraped needs it.
	refreshLimit = 100 * time.Millisecond
	// previewSize is the maximum length of the preview in bytes.
	previewSize = 4 << 10
)

// statusPage is the status page of an Exporter. It implements [status.Backend].
type statusPage struct {
	exporter *Exporter
	page     *status.Page
	history  status.History
	version  string
	started  time.Time
	scrapes  scrapes
	families []status.Family    // without series counts
	viewing  chan struct{}      // holds a token for each view being prepared
	opening  chan struct{}      // holds a token while series are collected
	wanted   chan chan struct{} // requests to run for a refresh

	mu   sync.Mutex
	role status.Role // from WithReporter
}

func newStatusPage(e *Exporter, c config) *statusPage {
	p := &statusPage{
		exporter: e, version: c.version, started: time.Now(),
		viewing: make(chan struct{}, maxViews), opening: make(chan struct{}, 1), wanted: make(chan chan struct{}),
	}
	for family := range e.edition.All() {
		row := e.edition.Info(family)
		p.families = append(p.families, status.Family{Name: row.Name, Type: row.Type.String(), Help: row.Help, Labels: row.Labels, Group: row.Group.String()})
	}
	for _, report := range c.health {
		e.board.ReportHealth(report)
	}
	p.page = status.NewPage(p, &p.history)
	return p
}

// run records the history and refreshes the summaries on request until ctx ends.
func (p *statusPage) run(ctx context.Context) {
	ticker := time.NewTicker(status.SampleInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case refreshed := <-p.wanted:
			p.refresh(ctx)
			close(refreshed)
		case <-ticker.C:
			reports := p.refresh(ctx)
			p.history.Record(time.Now(), p.exporter.sample(reports))
		}
	}
}

// refresh updates the summaries. It returns whether this process is the reporter.
func (p *statusPage) refresh(ctx context.Context) (reports bool) {
	e := p.exporter
	reports = p.observeRole()
	for _, g := range []*group{e.process, e.workspaces, e.deployment} {
		if g.cache == nil || reports {
			g.refresh(ctx)
		}
	}
	return reports
}

// observeRole updates the role and returns whether this process is the reporter.
func (p *statusPage) observeRole() bool {
	state := status.StandingBy
	if p.exporter.reporter() {
		state = status.Reporting
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.role.State {
	case state:
	case "": // the first call
		p.role = status.Role{State: state, Since: p.started}
	default:
		p.role = status.Role{State: state, Since: time.Now()}
	}
	return state == status.Reporting
}

// Facts implements [status.Backend].
func (p *statusPage) Facts(ctx context.Context) status.Facts {
	e := p.exporter
	p.await(ctx)
	reports := p.observeRole()
	reported := e.board.report()
	facts := status.Facts{
		At: time.Now(), Version: p.version, Started: p.started, MetricNames: e.edition.String(),
		Database: reported.Database, Role: reported.Role, Sources: reported.Sources, Refused: reported.Refused, Push: reported.Push,
		Scrapes:  p.scrapes.facts(time.Now()),
		Families: slices.Clone(p.families),
		Sample:   e.sample(reports),
		Preview:  p.preview(reports),
	}
	facts.Scrapes.Errors = uint64(e.scrapeErrors.Load()) // #nosec G115 -- it is never negative
	if facts.Role.State == "" {
		p.mu.Lock()
		facts.Role = p.role
		p.mu.Unlock()
	}
	i := 0
	for family := range e.edition.All() {
		if g := e.groupOf(family); g.cache == nil || reports {
			s, _ := g.summary(facts.Families[i].Name)
			facts.Families[i].Series = s.series
		}
		i++
	}
	return facts
}

// await waits for a refresh, at most for refreshLimit.
func (p *statusPage) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, refreshLimit)
	defer cancel()
	refreshed := make(chan struct{})
	select {
	case p.wanted <- refreshed:
	case <-ctx.Done():
		return
	}
	select {
	case <-refreshed:
	case <-ctx.Done():
	}
}

// preview returns the beginning of the last text rendering of /metrics.
func (p *statusPage) preview(reports bool) string {
	var head []byte
	for _, g := range []*group{p.exporter.deployment, p.exporter.workspaces, p.exporter.process} {
		if g.cache == nil || reports {
			head = append(head, g.head(previewSize-len(head))...)
		}
	}
	return string(head[:bytes.LastIndexByte(head, '\n')+1])
}

// Series implements [status.Backend].
func (p *statusPage) Series(ctx context.Context, name string) iter.Seq[status.Series] {
	return func(yield func(status.Series) bool) {
		of, ok := p.exporter.edition.Lookup(name)
		if !ok {
			return
		}
		g := p.exporter.groupOf(of)
		if g.cache != nil && !p.exporter.reporter() {
			return
		}
		labels := p.exporter.edition.Info(of).Labels
		if of.Origin() == instrument.Runtime {
			p.runtimeSeries(g, name, labels, yield)
			return
		}
		if rendered, ok := g.newestText(); ok {
			for s := range samplesOf(rendered.Lines(name), name, labels) {
				if ctx.Err() != nil || !yield(s) {
					return
				}
			}
			return
		}
		select {
		case p.opening <- struct{}{}:
			defer func() { <-p.opening }()
		case <-ctx.Done():
			return
		}
		for _, family := range g.collect(ctx) {
			if family.name != name {
				continue
			}
			for piece := range family.pieces(pieceSize) {
				if ctx.Err() != nil || !yieldPoints(piece, labels, yield) {
					return
				}
			}
		}
	}
}

// yieldPoints yields the points of metrics. It returns false once yield does.
func yieldPoints(metrics []metricdata.Metrics, labels []string, yield func(status.Series) bool) bool {
	values := func(set *attribute.Set) []string {
		found := make([]string, len(labels))
		for i, label := range labels {
			found[i], _ = valueOf(set, attribute.Key(label), i)
		}
		return found
	}
	for _, m := range metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[float64]:
			for i := range data.DataPoints {
				p := &data.DataPoints[i]
				if !yield(status.Series{Labels: values(&p.Attributes), Value: p.Value}) {
					return false
				}
			}
		case metricdata.Sum[float64]:
			for i := range data.DataPoints {
				p := &data.DataPoints[i]
				if !yield(status.Series{Labels: values(&p.Attributes), Value: p.Value}) {
					return false
				}
			}
		case metricdata.Histogram[float64]:
			for i := range data.DataPoints {
				p := &data.DataPoints[i]
				if !yield(status.Series{Labels: values(&p.Attributes), Count: float64(p.Count), Sum: p.Sum}) {
					return false
				}
			}
		}
	}
	return true
}

// runtimeSeries yields the series of a runtime family, which has no instrument.
func (p *statusPage) runtimeSeries(g *group, name string, labels []string, yield func(status.Series) bool) {
	var families []*dto.MetricFamily
	g.try(func() (err error) {
		families, err = g.extra.Gather()
		return err
	})
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.Metric {
			s := status.Series{Labels: make([]string, len(labels))}
			for _, l := range m.Label {
				if i := slices.Index(labels, l.GetName()); i >= 0 {
					s.Labels[i] = l.GetValue()
				}
			}
			switch {
			case m.Counter != nil:
				s.Value = m.Counter.GetValue()
			case m.Gauge != nil:
				s.Value = m.Gauge.GetValue()
			case m.Untyped != nil:
				s.Value = m.Untyped.GetValue()
			case m.Summary != nil:
				s.Count, s.Sum = float64(m.Summary.GetSampleCount()), m.Summary.GetSampleSum()
			case m.Histogram != nil:
				s.Count, s.Sum = float64(m.Histogram.GetSampleCount()), m.Histogram.GetSampleSum()
			}
			if !yield(s) {
				return
			}
		}
	}
}

// handler serves the page. Like a scrape, it sends numbers of the deployment only
// while this process is the reporter.
func (p *statusPage) handler(page *status.Page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(page, w, r) })
}

func (p *statusPage) serve(page *status.Page, w http.ResponseWriter, r *http.Request) {
	e := p.exporter
	if e.ended.Load() {
		http.Error(w, "no status: "+errShutDown.Error(), http.StatusServiceUnavailable)
		return
	}
	var prepared answerBuffer
	var reports bool
	valid := func() bool { return !reports || e.reporter() }
	for {
		reports = e.reporter()
		prepared = answerBuffer{header: w.Header()}
		if !p.prepare(page, &prepared, r) {
			return // the client is gone
		}
		if valid() {
			break
		}
	}
	if prepared.code != 0 {
		w.WriteHeader(prepared.code)
	}
	if r.Method == http.MethodHead {
		return
	}
	if _, err := (leaseWriter{w, valid}).Write(prepared.body.Bytes()); errors.Is(err, errLeaseLost) {
		panic(http.ErrAbortHandler)
	}
}

// prepare renders the page. The number of concurrent calls is limited. It returns
// false if the client has disconnected.
func (p *statusPage) prepare(page *status.Page, to *answerBuffer, r *http.Request) bool {
	select {
	case p.viewing <- struct{}{}:
		defer func() { <-p.viewing }()
	case <-r.Context().Done():
		return false
	}
	page.ServeHTTP(to, r)
	return true
}

// answerBuffer buffers a response.
type answerBuffer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (b *answerBuffer) Header() http.Header         { return b.header }
func (b *answerBuffer) WriteHeader(code int)        { b.code = code }
func (b *answerBuffer) Write(p []byte) (int, error) { return b.body.Write(p) }

// scrapes records the answers to scrapers.
type scrapes struct {
	mu      sync.Mutex
	last    *status.Scrape
	began   time.Time   // of the first one
	minutes [6]minuteOf // by the minute modulo 6
}

type minuteOf struct {
	minute int64 // Unix
	n      int
}

// maxAgent is the maximum length of a recorded User-Agent in bytes.
const maxAgent = 200

func (s *scrapes) record(scrape status.Scrape) {
	if len(scrape.By) > maxAgent {
		scrape.By = scrape.By[:maxAgent]
	}
	scrape.By = strings.Clone(strings.ToValidUTF8(scrape.By, "\uFFFD"))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = &scrape
	if s.began.IsZero() {
		s.began = scrape.At
	}
	minute := scrape.At.Unix() / 60
	m := &s.minutes[minute%int64(len(s.minutes))]
	if m.minute != minute {
		*m = minuteOf{minute: minute}
	}
	m.n++
}

// facts returns the last scrape and the scrapes per minute, the mean of up to five full
// minutes since the first scrape.
func (s *scrapes) facts(now time.Time) status.Scrapes {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return status.Scrapes{}
	}
	last := *s.last
	facts := status.Scrapes{Last: &last, PerMinute: status.Unknown()}
	this := now.Unix() / 60
	from := max(s.began.Unix()/60+1, this-5)
	if from >= this { // no full minute yet
		return facts
	}
	n := 0
	for _, m := range s.minutes {
		if m.minute >= from && m.minute < this {
			n += m.n
		}
	}
	facts.PerMinute = status.Number(float64(n) / float64(this-from))
	return facts
}

// countingWriter counts the bytes written.
type countingWriter struct {
	io.Writer
	bytes int64
}

func (m *countingWriter) Write(p []byte) (int, error) {
	n, err := m.Writer.Write(p)
	m.bytes += int64(n)
	return n, err
}

// recordScrape records an answer to a scraper.
func (p *statusPage) recordScrape(r *http.Request, q query, began time.Time, bytes int64) {
	scrape := status.Scrape{
		At: began, By: r.UserAgent(), Path: r.URL.Path, Format: formats[q.format].name,
		Bytes: bytes, DurationSeconds: time.Since(began).Seconds(),
	}
	if q.encoding == render.Gzip {
		scrape.Encoding = "gzip"
	}
	p.scrapes.record(scrape)
}
