// Package prometheus runs a real Prometheus inside a test: its scrape manager,
// its time series database in a temporary folder, and its query engine.
//
//	p := prometheus.Start(t, prometheus.Jobs("http://127.0.0.1:2112/")...)
//	p.WaitScraped(t, 2)
//	vector := p.Query(t, `coderd_agents_up{job="PrometheusProto"}`)
//	p.CheckHealthy(t)
package prometheus

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/otelcoder/otelcoder/internal/logged"
)

// Protocols are the scrape protocols that the tests use, by their names in a scrape
// configuration.
var Protocols = []config.ScrapeProtocol{
	config.PrometheusText0_0_4,
	config.PrometheusText1_0_0,
	config.OpenMetricsText1_0_0,
	config.PrometheusProto,
}

// Job is a scrape configuration. Its name becomes the label job of the series.
type Job struct {
	Name     string
	URL      string // of the endpoint
	Protocol config.ScrapeProtocol
}

// Jobs returns a job for each of [Protocols], named after it.
func Jobs(url string) []Job {
	jobs := make([]Job, len(Protocols))
	for i, protocol := range Protocols {
		jobs[i] = Job{string(protocol), url, protocol}
	}
	return jobs
}

// Prometheus is a running Prometheus.
type Prometheus struct {
	targets int // number of scraped targets
	manager *scrape.Manager
	db      *tsdb.DB
	engine  *promql.Engine
	rules   *rules.Manager // nil without a file of rules
	metrics *client.Registry
	log     *logged.Log
}

// configuration is the configuration of Prometheus. The timeout of a scrape is its
// interval. A timeout of 1 s would be too short on a loaded machine.
var configuration = template.Must(template.New("").Parse(`
global:
  scrape_interval: 2s
  scrape_timeout: 2s
scrape_configs:
{{- range .}}
- job_name: {{printf "%q" .Job.Name}}
  metrics_path: {{printf "%q" .Endpoint.Path}}
  scrape_protocols: [{{printf "%q" .Job.Protocol}}]
  static_configs: [{targets: [{{printf "%q" .Endpoint.Host}}]}]
{{- end}}
`))

// patience limits a query, and the time to wait for scrapes. It is long enough for a
// loaded machine.
const patience = 40 * time.Second

// Start starts a Prometheus that scrapes the jobs every two seconds. It is
// stopped when the test ends.
func Start(t testing.TB, jobs ...Job) *Prometheus {
	t.Helper()
	type target struct {
		Job      Job
		Endpoint *url.URL
	}
	var endpoints []target
	for _, job := range jobs {
		endpoint, err := url.Parse(job.URL)
		if err != nil {
			t.Fatalf("endpoint of %s: %v", job.Name, err)
		}
		endpoints = append(endpoints, target{job, endpoint})
	}
	var text strings.Builder
	if err := configuration.Execute(&text, endpoints); err != nil {
		t.Fatal(err)
	}
	p := open(t)
	c, err := config.Load(text.String(), p.logger())
	if err != nil {
		t.Fatalf("load the configuration: %v", err)
	}
	p.scrape(t, c)
	return p
}

// open opens the database and the query engine, which are closed when the test
// ends.
func open(t testing.TB) *Prometheus {
	t.Helper()
	p := &Prometheus{metrics: client.NewRegistry(), log: new(logged.Log)}
	options := tsdb.DefaultOptions()
	options.EnableExemplarStorage = true
	options.MaxExemplars = 10_000
	var err error
	if p.db, err = tsdb.Open(t.TempDir(), p.logger(), p.metrics, options, nil); err != nil {
		t.Fatalf("open Prometheus's database: %v", err)
	}
	t.Cleanup(func() {
		if err := p.db.Close(); err != nil {
			t.Errorf("close Prometheus's database: %v", err)
		}
	})

	p.engine = promql.NewEngine(promql.EngineOpts{
		Logger:           p.logger(),
		MaxSamples:       50_000_000,
		Timeout:          patience,
		LookbackDelta:    5 * time.Minute,
		EnableAtModifier: true,
		Parser:           parser.NewParser(parser.Options{}),
	})
	t.Cleanup(func() { p.engine.Close() })
	return p
}

func (p *Prometheus) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// scrape scrapes the targets of a configuration until the test ends.
func (p *Prometheus) scrape(t testing.TB, c *config.Config) {
	t.Helper()
	// The options of the prometheus command, except that it does not wait 5 s for targets.
	var err error
	p.manager, err = scrape.NewManager(&scrape.Options{DiscoveryReloadOnStartup: true}, p.logger(), nil, nil, p.db, p.metrics)
	if err != nil {
		t.Fatalf("make the scrape manager: %v", err)
	}
	scrapes, err := c.GetScrapeConfigs()
	if err != nil {
		t.Fatalf("read the scrape configurations: %v", err)
	}
	targets := make(map[string][]*targetgroup.Group)
	for _, s := range scrapes {
		for _, d := range s.ServiceDiscoveryConfigs {
			for _, group := range d.(discovery.StaticConfig) {
				targets[s.JobName] = append(targets[s.JobName], group)
				p.targets += len(group.Targets)
			}
		}
	}
	if err := p.manager.ApplyConfig(c); err != nil {
		t.Fatalf("apply the configuration: %v", err)
	}
	sets := make(chan map[string][]*targetgroup.Group, 1)
	sets <- targets
	ended := make(chan error)
	go func() { ended <- p.manager.Run(sets) }()
	t.Cleanup(func() {
		p.manager.Stop()
		if err := <-ended; err != nil {
			t.Errorf("scrape manager: %v", err)
		}
	})
}

// WaitScraped waits until each target has been scraped n times, successfully or
// not.
func (p *Prometheus) WaitScraped(t testing.TB, n int) {
	t.Helper()
	query := fmt.Sprintf(`count(count_over_time(up[1h]) >= %d) == %d`, n, p.targets)
	for deadline := time.Now().Add(patience); len(p.Query(t, query)) == 0; {
		if time.Now().After(deadline) {
			t.Fatalf("targets not scraped %d times within %v: %v\n%s", n, patience, p.Query(t, `count_over_time(up[1h])`), p.log)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Query evaluates a PromQL expression now.
func (p *Prometheus) Query(t testing.TB, expression string) promql.Vector {
	t.Helper()
	query, err := p.engine.NewInstantQuery(context.Background(), p.db, nil, expression, time.Now())
	if err != nil {
		t.Fatalf("query %s: %v", expression, err)
	}
	defer query.Close()
	result := query.Exec(context.Background())
	vector, err := result.Vector()
	if err != nil {
		t.Fatalf("query %s: %v", expression, err)
	}
	// The engine reuses the samples once the query is closed.
	return slices.Clone(vector)
}

// Exemplars returns the exemplars of all series with a name, in any order.
func (p *Prometheus) Exemplars(t testing.TB, name string) []exemplar.QueryResult {
	t.Helper()
	querier, err := p.db.ExemplarQuerier(context.Background())
	if err != nil {
		t.Fatalf("query exemplars of %s: %v", name, err)
	}
	results, err := querier.Select(0, time.Now().UnixMilli(), []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name),
	})
	if err != nil {
		t.Fatalf("query exemplars of %s: %v", name, err)
	}
	return results
}

// CheckHealthy fails the test unless every scrape so far succeeded, no samples
// were rejected, and Prometheus logged no warnings.
func (p *Prometheus) CheckHealthy(t testing.TB) {
	t.Helper()
	for _, s := range p.Query(t, `min_over_time(up[1h]) != 1`) {
		t.Errorf("a scrape of %s failed", s.Metric.Get("job"))
	}
	if got := len(p.Query(t, `up`)); got != p.targets {
		t.Errorf("got %d series of up, want %d", got, p.targets)
	}
	for job, targets := range p.manager.TargetsActive() {
		for _, target := range targets {
			if err := target.LastError(); err != nil {
				t.Errorf("the last scrape of %s failed: %v", job, err)
			}
		}
	}
	p.checkNothingRejected(t)
	if text := p.log.String(); text != "" {
		t.Errorf("Prometheus logs warnings:\n%s", text)
	}
}

// rejections are Prometheus's counters of rejected scrapes and samples.
var rejections = []string{
	"prometheus_target_scrapes_exceeded_body_size_limit_total",
	"prometheus_target_scrapes_exceeded_sample_limit_total",
	"prometheus_target_scrapes_exemplar_out_of_order_total",
	"prometheus_target_scrapes_sample_duplicate_timestamp_total",
	"prometheus_target_scrapes_sample_out_of_bounds_total",
	"prometheus_target_scrapes_sample_out_of_order_total",
	"prometheus_tsdb_exemplar_out_of_order_exemplars_total",
	"prometheus_tsdb_out_of_bound_samples_total",
	"prometheus_tsdb_out_of_order_samples_total",
}

func (p *Prometheus) checkNothingRejected(t testing.TB) {
	t.Helper()
	families, err := p.metrics.Gather()
	if err != nil {
		t.Fatalf("gather Prometheus's own metrics: %v", err)
	}
	found := 0
	for _, f := range families {
		if !slices.Contains(rejections, f.GetName()) {
			continue
		}
		found++
		for _, m := range f.Metric {
			if v := m.GetCounter().GetValue(); v != 0 {
				t.Errorf("%s{%v}: got %v, want 0", f.GetName(), m.Label, v)
			}
		}
	}
	if found != len(rejections) {
		t.Errorf("got %d of the counters %q, want all", found, rejections)
	}
}
