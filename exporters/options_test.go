package exporters_test

import (
	"log/slog"
	"math"
	"net"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/option/optiontest"
)

// TestOptions checks the validation of every option.
func TestOptions(t *testing.T) {
	const scrapes = "must be from 1 to 10000"
	optiontest.Run(t, []optiontest.Row[exporters.Option]{
		{Name: "nil", Option: nil},
		{Name: "WithLogger", Option: exporters.WithLogger(nil), Want: "nil"},
		{Name: "WithLogger", Option: exporters.WithLogger(slog.New(slog.DiscardHandler))},
		{Name: "WithReporter", Option: exporters.WithReporter(nil), Want: "nil"},
		{Name: "WithReporter", Option: exporters.WithReporter(func() bool { return false })},
		{Name: "WithEdition", Option: exporters.WithEdition(instrument.Documented)},
		{Name: "WithEdition", Option: exporters.WithEdition(instrument.Coder)},
		{Name: "WithEdition", Option: exporters.WithEdition(instrument.Coder + 1), Want: "WithEdition is edition 2: it must be from documented to coder"},
		{Name: "WithMaxScrapes", Option: exporters.WithMaxScrapes(math.MinInt), Want: scrapes},
		{Name: "WithMaxScrapes", Option: exporters.WithMaxScrapes(-1), Want: scrapes},
		{Name: "WithMaxScrapes", Option: exporters.WithMaxScrapes(0), Want: scrapes},
		{Name: "WithMaxScrapes", Option: exporters.WithMaxScrapes(1)},
		{Name: "WithMaxScrapes", Option: exporters.WithMaxScrapes(10_000)},
		{Name: "WithMaxScrapes", Option: exporters.WithMaxScrapes(math.MaxInt), Want: scrapes},
		{Name: "WithServe", Option: exporters.WithServe(nil), Want: "nil"},
		{Name: "WithServe", Option: exporters.WithServe(func(l net.Listener, s *http.Server) error { return s.Serve(l) })},
		{Name: "WithGatherer", Option: exporters.WithGatherer(nil), Want: "nil"},
		{Name: "WithGatherer", Option: exporters.WithGatherer((*prometheus.Registry)(nil)), Want: "nil"},
		{Name: "WithGatherer", Option: exporters.WithGatherer(prometheus.Gatherers{})},
		{Name: "WithGatherer", Option: exporters.WithGatherer(structGatherer{})},
		{Name: "WithoutRuntime", Option: exporters.WithoutRuntime()},
		{Name: "WithHealth", Option: exporters.WithHealth(nil), Want: "nil"},
		{Name: "WithHealth", Option: exporters.WithHealth(func(*health.Report) {})},
		{Name: "WithoutStatusPage", Option: exporters.WithoutStatusPage()},
		{Name: "WithoutForeignInstruments", Option: exporters.WithoutForeignInstruments()},
		{Name: "WithReader", Option: exporters.WithReader(nil), Want: "nil"},
		{Name: "WithReader", Option: exporters.WithReader(func(exporters.ReaderConfig) (sdk.Reader, error) { return sdk.NewManualReader(), nil })},
	}, map[string]func(*testing.T, exporters.Option) error{
		"New": func(t *testing.T, option exporters.Option) error {
			e, err := exporters.New(option)
			if err != nil {
				return err
			}
			scrape(t, e, http.MethodGet, "/metrics")
			return e.Shutdown(t.Context())
		},
	})
}

// structGatherer is a gatherer of a type that cannot be nil.
type structGatherer struct{}

func (structGatherer) Gather() ([]*dto.MetricFamily, error) { return nil, nil }
