package prometheus

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// fast is the interval of scrapes and rule evaluations of [StartFile].
const fast = 2 * time.Second

// StartFile starts a Prometheus with the jobs, relabelling and rules of a
// configuration file. It scrapes and evaluates rules every two seconds, and replaces
// the targets: the map targets has the host:port to scrape by the host:port in the
// file. Targets that are not in the map are not scraped. It is stopped when the test
// ends.
func StartFile(t testing.TB, path string, targets map[string]string) *Prometheus {
	t.Helper()
	p := open(t)
	c, err := config.LoadFile(path, false, p.logger())
	if err != nil {
		t.Fatalf("load %s: %v", path, err)
	}
	interval := model.Duration(fast)
	c.GlobalConfig.EvaluationInterval = interval
	for _, s := range c.ScrapeConfigs {
		s.ScrapeInterval, s.ScrapeTimeout = interval, interval
		for _, d := range s.ServiceDiscoveryConfigs {
			for _, group := range d.(discovery.StaticConfig) {
				var replaced []model.LabelSet
				for _, target := range group.Targets {
					if address, ok := targets[string(target[model.AddressLabel])]; ok {
						replaced = append(replaced, model.LabelSet{model.AddressLabel: model.LabelValue(address)})
					}
				}
				group.Targets = replaced
			}
		}
	}
	p.scrape(t, c)
	p.evaluate(t, c.RuleFiles)
	return p
}

// evaluate evaluates the rules of files until the test ends.
func (p *Prometheus) evaluate(t testing.TB, patterns []string) {
	t.Helper()
	var files []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatalf("rule files %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.rules = rules.NewManager(&rules.ManagerOptions{
		QueryFunc:  rules.EngineQueryFunc(p.engine, p.db),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Context:    ctx,
		Appendable: p.db,
		Queryable:  p.db,
		Logger:     p.logger(),
		Registerer: p.metrics,
		Parser:     parser.NewParser(parser.Options{}),
	})
	if err := p.rules.Update(fast, files, labels.EmptyLabels(), "", nil); err != nil {
		t.Fatalf("load the rules: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.rules.Run()
	}()
	t.Cleanup(func() {
		p.rules.Stop()
		<-ended
		cancel()
	})
}

// Rules returns the rules, with the results of their last evaluations. It fails the
// test if there are none.
func (p *Prometheus) Rules(t testing.TB) []rules.Rule {
	t.Helper()
	all := p.rules.Rules()
	if len(all) == 0 {
		t.Fatal("got no rules")
	}
	return all
}

// QueryRange evaluates a PromQL expression over the past time, as a graph does.
func (p *Prometheus) QueryRange(t testing.TB, expression string, past, step time.Duration) promql.Matrix {
	t.Helper()
	now := time.Now()
	query, err := p.engine.NewRangeQuery(context.Background(), p.db, nil, expression, now.Add(-past), now, step)
	if err != nil {
		t.Fatalf("query %s: %v", expression, err)
	}
	defer query.Close()
	result := query.Exec(context.Background())
	matrix, err := result.Matrix()
	if err != nil {
		t.Fatalf("query %s: %v", expression, err)
	}
	// The engine reuses the samples once the query is closed.
	kept := make(promql.Matrix, 0, len(matrix))
	for _, series := range matrix {
		kept = append(kept, promql.Series{Metric: series.Metric, Floats: append([]promql.FPoint(nil), series.Floats...)})
	}
	return kept
}

// Try evaluates a PromQL expression now, and returns its error.
func (p *Prometheus) Try(expression string) error {
	query, err := p.engine.NewInstantQuery(context.Background(), p.db, nil, expression, time.Now())
	if err != nil {
		return fmt.Errorf("parse %s: %w", expression, err)
	}
	defer query.Close()
	if err := query.Exec(context.Background()).Err; err != nil {
		return fmt.Errorf("query %s: %w", expression, err)
	}
	return nil
}
