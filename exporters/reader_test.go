package exporters_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

// TestReadersSeeWhatIsServed checks that the host's readers get the families that scrapes
// get.
func TestReadersSeeWhatIsServed(t *testing.T) {
	var reports atomic.Bool
	var configs []exporters.ReaderConfig
	var readers []*sdk.ManualReader
	e := newExporter(t, exporters.WithReporter(reports.Load),
		exporters.WithReader(func(c exporters.ReaderConfig) (sdk.Reader, error) {
			var options []sdk.ManualReaderOption
			if c.Producer != nil {
				options = append(options, sdk.WithProducer(c.Producer))
			}
			reader := sdk.NewManualReader(options...)
			configs, readers = append(configs, c), append(readers, reader)
			return reader, nil
		}))

	for _, c := range configs {
		// Every process reports the group process.
		if got, want := c.Reports(), c.Group == instrument.Process; got != want {
			t.Errorf("%s group: reports %t, want %t", c.Group, got, want)
		}
		if c.Producer == nil {
			continue
		}
		if produced, err := c.Producer.Produce(t.Context()); len(produced) > 0 || err != nil {
			t.Errorf("without the role: the producer returned %v and the error %v, want none", produced, err)
		}
	}

	reports.Store(true)
	var names []string
	runtime := 0
	for i, c := range configs {
		var collected metricdata.ResourceMetrics
		if err := readers[i].Collect(t.Context(), &collected); err != nil {
			t.Fatal(err)
		}
		for _, scope := range collected.ScopeMetrics {
			for _, metric := range scope.Metrics {
				names = append(names, metric.Name)
				if f, _ := instrument.Documented.Lookup(metric.Name); (f.Group() == instrument.Deployment) != (c.Group == instrument.Deployment) {
					t.Errorf("%s is read by the reader of the %s group", f, c.Group)
				}
			}
		}
		if c.Gatherer != nil {
			runtime++
			families, err := c.Gatherer.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, family := range families {
				names = append(names, family.GetName())
			}
		}
	}
	if runtime != 1 {
		t.Errorf("%d readers have the runtime families, want 1", runtime)
	}
	var served []string
	for line := range strings.Lines(body(t, scrape(t, e, "GET", "/"))) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			served = append(served, name)
		}
	}
	slices.Sort(names)
	slices.Sort(served)
	if !slices.Equal(names, served) {
		t.Errorf("readers got  %q\nscrapes got %q", names, served)
	}

	configs[0].Exported(nil)
	configs[1].Exported(errors.New("refused"))
	configs[1].Exported(errors.New("refused"))
	text := body(t, scrape(t, e, "GET", "/"))
	for _, series := range []string{`otelcoder_otlp_exports_total{outcome="success"} 1`, `otelcoder_otlp_exports_total{outcome="failure"} 2`} {
		if !strings.Contains(text, series+"\n") {
			t.Errorf("the response lacks %q", series)
		}
	}
}

// TestAReaderThatCannotBeMade checks that New, if it fails to create a reader, stops the
// readers created before. Otherwise goleak fails the tests.
func TestAReaderThatCannotBeMade(t *testing.T) {
	broken := errors.New("no such file")
	made := false
	_, err := exporters.New(nil, exporters.WithReader(func(exporters.ReaderConfig) (sdk.Reader, error) {
		if made {
			return nil, broken
		}
		made = true
		return sdk.NewPeriodicReader(discard{}), nil
	}))
	if !errors.Is(err, broken) {
		t.Errorf("New: %v, want %v", err, broken)
	}
}

// TestSeveralReaders checks that the readers of several options are all created, and that
// New stops them if one cannot be created. Otherwise goleak fails the tests.
func TestSeveralReaders(t *testing.T) {
	var created []string
	reader := func(name string, err error) exporters.Option {
		return exporters.WithReader(func(c exporters.ReaderConfig) (sdk.Reader, error) {
			created = append(created, name+" "+c.Group.String())
			if err != nil && c.Group == instrument.Process {
				return nil, err
			}
			return sdk.NewPeriodicReader(discard{}), nil
		})
	}
	newExporter(t, reader("a", nil), reader("b", nil))
	if want := []string{"a deployment", "b deployment", "a process", "b process"}; !slices.Equal(created, want) {
		t.Errorf("created %q, want %q", created, want)
	}
	broken := errors.New("no such file")
	if _, err := exporters.New(reader("a", nil), reader("b", broken)); !errors.Is(err, broken) {
		t.Errorf("New: %v, want %v", err, broken)
	}
}

type discard struct{ sdk.Exporter }

func (discard) Temporality(k sdk.InstrumentKind) metricdata.Temporality {
	return sdk.DefaultTemporalitySelector(k)
}
func (discard) Aggregation(k sdk.InstrumentKind) sdk.Aggregation {
	return sdk.DefaultAggregationSelector(k)
}
func (discard) Export(context.Context, *metricdata.ResourceMetrics) error { return nil }
func (discard) Shutdown(context.Context) error                            { return nil }
