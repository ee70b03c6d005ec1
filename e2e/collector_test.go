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

// collectorFile is the shipped configuration of a collector.
const collectorFile = "../examples/collector/config.yaml"

// often makes an example push every second.
const often = "OTEL_METRIC_EXPORT_INTERVAL=1000"

// settle is longer than a push takes from collection to delivery, and longer than
// the endpoint takes to render changes.
const settle = 6 * time.Second

// collected returns the families that a collector's Prometheus exporter serves: the
// served families with the labels of their sender, and target_info.
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

// scrapeCollector scrapes a collector and checks the families.
func scrapeCollector(t *testing.T, c *collector.Collector) *invariant.Scrape {
	t.Helper()
	a := request(t, "GET", c.Metrics, "Accept", acceptText)
	s, err := invariant.Parse(a.header.Get("Content-Type"), a.text(t))
	if err != nil {
		t.Fatalf("scrape of the collector: %v", err)
	}
	if err := s.Check(collected()); err != nil {
		t.Fatalf("scrape of the collector: %v", err)
	}
	return s
}

// samples returns the values of the families that pass a filter, by series. The
// series have no labels of the sender.
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

// steady reports whether a value of a family that is equal in two scrapes was mostly
// equal between them, too. That does not hold for the metrics of the process, which a
// scrape changes, nor for agent statistics, small numbers that change every few seconds.
func steady(f e2e.Family) bool {
	return f.Origin == "otel" && !strings.HasPrefix(f.Name, "coderd_agentstats_")
}

// same returns nil if a collector shows the values that an endpoint served before and
// after, now or in an earlier call with the same matched: a gauge can change and change back
// between the scrapes. Values that differ between the two scrapes are ignored.
func same(before, shown, after *invariant.Scrape, matched map[string]bool) error {
	b, s, a := samples(before, steady), samples(shown, steady), samples(after, steady)
	var errs []error
	still := 0
	for series, value := range b {
		if moved, ok := a[series]; !ok || moved != value {
			continue
		}
		still++
		if got, ok := s[series]; ok && got == value {
			matched[series] = true
		} else if !matched[series] {
			errs = append(errs, fmt.Errorf("%s: got %v, want %v as served", series, got, value))
		}
	}
	if still < 300 {
		errs = append(errs, fmt.Errorf("got %d unchanged samples of %d, want at least 300", still, len(b)))
	}
	return errors.Join(errs...)
}

// TestCollector checks that a collector shows the same of a push as the endpoint serves:
// names, types, help texts, labels, buckets and values.
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
			matched := make(map[string]bool)
			eventually(t, func() error {
				before := scrape(t, c.Metrics, acceptText)
				time.Sleep(settle)
				shown := scrapeCollector(t, collector)
				time.Sleep(settle)
				return errors.Join(shown.CheckComplete(e2e.Served()), same(before, shown, scrape(t, c.Metrics, acceptText), matched))
			})
		})
	}
}

// eventually waits until check returns nil. After two minutes it fails the test with
// the last error.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within two minutes: %v", err)
		}
	}
}
