package prometheus

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// The clock of a lapse advances by LapseStep. Between two steps the scraped program runs
// for at least lapsePause.
const (
	LapseStep  = 30 * time.Second
	lapsePause = 500 * time.Millisecond
)

// Lapse is a Prometheus whose clock runs 60 times as fast as the clock of the scraped
// program, so that an hour of rule evaluations takes a minute. The rules keep their
// shipped windows and "for". It scrapes and evaluates only in [Lapse.Step].
type Lapse struct {
	*Prometheus
	url    string
	groups []*rules.Group
	now    time.Time
	last   map[string]labels.Labels // series of the last scrape
}

// StartLapse returns a lapse that scrapes an endpoint and evaluates the rules of files.
func StartLapse(t testing.TB, url, files string) *Lapse {
	t.Helper()
	l := &Lapse{Prometheus: open(t), url: url, now: time.Now().Truncate(time.Second)}
	paths, err := filepath.Glob(files)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no rule file matches %s (%v)", files, err)
	}
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:  rules.EngineQueryFunc(l.engine, l.db),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Context:    t.Context(),
		Appendable: l.db,
		Queryable:  l.db,
		Logger:     l.logger(),
		Parser:     parser.NewParser(parser.Options{}),
	})
	loaded, errs := manager.LoadGroups(LapseStep, labels.EmptyLabels(), "", nil, false, paths...)
	if errs != nil {
		t.Fatal(errs)
	}
	// Recording rules first, because alerts read recorded series.
	l.groups = slices.SortedFunc(maps.Values(loaded), func(a, b *rules.Group) int { return -strings.Compare(a.File(), b.File()) })
	for _, g := range l.groups {
		for _, rule := range g.AlertingRules() {
			rule.SetRestored(true) // otherwise it has no ALERTS series
		}
	}
	return l
}

// Step advances the clock by a step, scrapes, evaluates the rules, and returns the
// names of the firing alerts.
func (l *Lapse) Step(t testing.TB) []string {
	t.Helper()
	time.Sleep(lapsePause) // let the program run
	l.now = l.now.Add(LapseStep)
	l.scrapeOnce(t)
	var firing []string
	for _, g := range l.groups {
		g.Eval(t.Context(), l.now)
		for _, rule := range g.Rules() {
			if err := rule.LastError(); err != nil {
				t.Fatalf("rule %s: %v", rule.Name(), err)
			}
		}
		for _, rule := range g.AlertingRules() {
			if rule.State() == rules.StateFiring {
				firing = append(firing, rule.Name())
			}
		}
	}
	slices.Sort(firing)
	return firing
}

// scrapeOnce stores a scrape of the endpoint, with the labels of the job "coder" of the
// shipped configuration.
func (l *Lapse) scrapeOnce(t testing.TB) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", l.url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("scrape: status %d: %v", response.StatusCode, err)
	}
	at, app, seen := l.now.UnixMilli(), l.db.Appender(t.Context()), make(map[string]labels.Labels)
	add := func(set labels.Labels, v float64) {
		if _, err := app.Append(0, set, at, v); err != nil {
			t.Fatalf("append %s: %v", set, err)
		}
	}
	for p := textparse.NewPromParser(text, labels.NewSymbolTable(), false); ; {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("scrape: %v", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var set labels.Labels
		p.Labels(&set)
		builder := labels.NewBuilder(set).Set("job", "coder").Set("instance", "coder:2112").Set("apps", "coder")
		_, _, v := p.Series()
		set = builder.Labels()
		add(set, l.lapsed(set.Get(model.MetricNameLabel), v))
		seen[set.String()] = set
	}
	for name, set := range l.last {
		if _, ok := seen[name]; !ok {
			add(set, math.Float64frombits(value.StaleNaN))
		}
	}
	l.last = seen
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
}

// lapsed returns the value of a sample. Timestamps are converted to the clock of the lapse.
func (l *Lapse) lapsed(name string, v float64) float64 {
	if !strings.HasSuffix(name, "_timestamp_seconds") && !strings.HasSuffix(name, "_time_seconds") && !strings.HasSuffix(name, "_unix") || v == 0 {
		return v
	}
	ago := float64(time.Now().UnixNano())/1e9 - v
	return float64(l.now.Unix()) - ago*float64(LapseStep/lapsePause)
}

// Query evaluates a PromQL expression at the lapse's time.
func (l *Lapse) Query(t testing.TB, expression string) promql.Vector {
	t.Helper()
	query, err := l.engine.NewInstantQuery(t.Context(), l.db, nil, expression, l.now)
	if err != nil {
		t.Fatalf("query %s: %v", expression, err)
	}
	defer query.Close()
	vector, err := query.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatalf("query %s: %v", expression, err)
	}
	// The engine reuses the samples once the query is closed.
	return slices.Clone(vector)
}
