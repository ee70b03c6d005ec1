package e2e_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/collector"
	"github.com/otelcoder/otelcoder/e2e/invariant"
)

// collectorFile is the configuration that users are given.
const collectorFile = "../examples/collector/config.yaml"

// often makes an example push each second.
const often = "OTEL_METRIC_EXPORT_INTERVAL=1000"

// settle is longer than a push takes from its collection to its end, and than the
// endpoint takes to prepare what has changed.
const settle = 6 * time.Second

// collected is what a collector's Prometheus exporter shows of what is served:
// the same, and who pushed it.
func collected() e2e.Contract {
	contract := e2e.Contract{"target_info": {
		Name: "target_info", Type: "gauge", Help: "Target metadata", Labels: []string{"host_name", "instance", "job"},
	}}
	for name, f := range e2e.Served() {
		f.Labels = append(slices.Clone(f.Labels), "instance", "job")
		slices.Sort(f.Labels)
		contract[name] = f
	}
	return contract
}

// scrapeCollector reads what a collector shows and checks it.
func scrapeCollector(t *testing.T, c *collector.Collector) *invariant.Scrape {
	t.Helper()
	a := request(t, "GET", c.Metrics, "Accept", acceptText)
	s, err := invariant.Parse(a.header.Get("Content-Type"), a.text(t))
	if err != nil {
		t.Fatalf("what the collector shows: %v", err)
	}
	if err := s.Check(collected()); err != nil {
		t.Fatalf("what the collector shows: %v", err)
	}
	return s
}

// samples returns the values of a family's samples that a filter lets pass, by
// series without the labels that tell who pushed.
func samples(s *invariant.Scrape, pass func(e2e.Family) bool) map[string]float64 {
	values := make(map[string]float64)
	for _, f := range s.Families {
		if !pass(e2e.Served()[f.Name]) {
			continue
		}
		for _, sample := range f.Samples {
			of := labels.NewBuilder(sample.Labels.WithoutEmpty()).Del("job", "instance").Labels()
			values[invariant.Sample{Name: sample.Name, Labels: of}.String()] = sample.Value
		}
	}
	return values
}

// steady are the families whose values, where they are the same before and after,
// were not different in between: not the process's own, which a scrape moves, nor
// the small numbers that the example draws anew every few seconds.
func steady(f e2e.Family) bool {
	return f.Origin == "otel" && !strings.HasPrefix(f.Name, "coderd_agentstats_")
}

// same returns nil if a collector shows what an endpoint served before and after,
// as far as that did not move in between.
func same(before, shown, after *invariant.Scrape) error {
	b, s, a := samples(before, steady), samples(shown, steady), samples(after, steady)
	var errs []error
	still := 0
	for series, value := range b {
		if moved, ok := a[series]; !ok || moved != value {
			continue
		}
		still++
		if got, ok := s[series]; !ok || got != value {
			errs = append(errs, fmt.Errorf("%s is %v, served as %v", series, got, value))
		}
	}
	if still < 300 {
		errs = append(errs, fmt.Errorf("only %d of %d samples stand still", still, len(b)))
	}
	return errors.Join(errs...)
}

// What a collector shows of the push is what the endpoint serves: families, names,
// types, helps, labels, buckets and values.
func TestCollector(t *testing.T) {
	for protocol, endpoint := range map[string]func(*collector.Collector) string{
		"http/protobuf": func(c *collector.Collector) string { return c.HTTP },
		"grpc":          func(c *collector.Collector) string { return c.GRPC },
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			collector := collector.Start(t, collectorFile)
			c := program.StartWith(t, []string{often, "OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol},
				"--load", "0", "--otlp-endpoint", endpoint(collector))
			eventually(t, func() error {
				before := scrape(t, c.Metrics, acceptText)
				time.Sleep(settle)
				shown := scrapeCollector(t, collector)
				time.Sleep(settle)
				return errors.Join(shown.CheckComplete(e2e.Served()), same(before, shown, scrape(t, c.Metrics, acceptText)))
			})
		})
	}
}

// eventually fails the test with what check returned last if it returns errors for
// two minutes.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after two minutes: %v", err)
		}
	}
}
