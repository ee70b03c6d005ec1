package exporters

import (
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/option"
)

// Option configures an [Exporter]. An argument out of range is an error of [New]. A
// nil Option does nothing.
type Option func(*config) error

type config struct {
	logger     *slog.Logger
	reporter   func() bool
	version    string
	maxScrapes int // answers prepared at a time
	serve      func(net.Listener, *http.Server) error
	newReader  func(ReaderConfig) (sdk.Reader, error)
	statusPage bool
	gatherer   prometheus.Gatherer // nil for none
	runtime    bool                // serve the runtime families
	health     []func(*health.Report)

	refuseForeign bool
}

func newConfig(options []Option) (config, error) {
	c := config{
		logger:   slog.New(slog.DiscardHandler),
		reporter: func() bool { return true },
		version:  moduleVersion(),

		maxScrapes: defaultMaxScrapes,
		statusPage: true,
		runtime:    true,
		serve:      func(l net.Listener, s *http.Server) error { return s.Serve(l) },
	}
	err := option.Apply(&c, options)
	return c, err
}

// WithLogger sets the logger for errors during scrapes. By default nothing is
// logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		c.logger = l
		return option.NotNil("WithLogger", l)
	}
}

// WithReporter sets a function that reports whether this process reports the
// Deployment and Workspaces groups now. It is called for every scrape, by several
// goroutines at a time; while it returns false, scrapes contain neither. By default
// this process reports both: right for a control plane of one replica.
func WithReporter(reports func() bool) Option {
	return func(c *config) error {
		c.reporter = reports
		return option.NotNil("WithReporter", reports)
	}
}

// defaultMaxScrapes is enough for several Prometheus servers and some users.
const defaultMaxScrapes = 40

// WithMaxScrapes sets how many scrapes are prepared at a time, from 1 to 10,000;
// further ones are answered with 503. A scrape whose answer is being sent does not
// count: clients that read slowly do not block others. Default: 40.
func WithMaxScrapes(n int) Option {
	return func(c *config) error {
		c.maxScrapes = n
		return option.Within("WithMaxScrapes", n, 1, 10_000)
	}
}

// WithServe sets the function that serves the endpoint's listener, such as with TLS
// and passwords. It gets a server with time-outs and limits, and must return when the
// server is shut down. Default: plain HTTP.
func WithServe(serve func(net.Listener, *http.Server) error) Option {
	return func(c *config) error {
		c.serve = serve
		return option.NotNil("WithServe", serve)
	}
}

// WithReader adds readers besides those that answer scrapes: [New] calls newReader
// for the Deployment group, and for Process, whose reader also gets Workspaces.
// The readers see the same families and are shut down with the Exporter. Package
// [github.com/otelcoder/otelcoder/exporters/otlp] makes such readers.
func WithReader(newReader func(ReaderConfig) (sdk.Reader, error)) Option {
	return func(c *config) error {
		c.newReader = newReader
		return option.NotNil("WithReader", newReader)
	}
}

// WithGatherer serves the host's metrics, such as [prometheus.DefaultGatherer], on /,
// /metrics and /metrics/host, and gives them to the readers of [WithReader]. A name of
// the catalogue is an error of [New]; if it comes later, the metric is left out. The
// documented go_*, process_* and promhttp_* metrics of the host are left out unless
// [WithoutRuntime] is given. So are metrics that cannot be served, and all if Gather
// takes longer than five seconds: this is logged at a change, and counted in
// otelcoder_scrape_errors_total.
func WithGatherer(g prometheus.Gatherer) Option {
	return func(c *config) error {
		c.gatherer = g
		return option.NotNil("WithGatherer", g)
	}
}

// WithoutRuntime leaves out the go_*, process_* and promhttp_* metrics, for a host that
// serves its own, by [WithGatherer] or beside [Exporter.Gather].
func WithoutRuntime() Option {
	return func(c *config) error {
		c.runtime = false
		return nil
	}
}

// WithHealth adds functions that report the health of parts of the process for the
// status page, such as the methods Health of package coderdb. Meters that measure on
// [Exporter.Providers] need none. Each is called for each view, by
// several goroutines at a time, and must not block.
func WithHealth(reports ...func(*health.Report)) Option {
	return func(c *config) error {
		c.health = append(c.health, reports...)
		for _, report := range reports {
			if err := option.NotNil("WithHealth", report); err != nil {
				return err
			}
		}
		return nil
	}
}

// WithoutStatusPage switches the status page off: / always answers with the metrics,
// /status with 404.
func WithoutStatusPage() Option {
	return func(c *config) error {
		c.statusPage = false
		return nil
	}
}

// WithoutForeignInstruments refuses foreign instruments: those that a host creates on
// [Exporter.Providers] and the catalogue does not hold. Each is logged, and counted in
// otelcoder_refused_total, origin "host", reason "instrument". By default they are
// served and pushed with their group.
//
// A scrape shows them under the name that the OpenTelemetry Prometheus exporter gives
// them by default, so a counter host.requests is host_requests_total, with the labels
// otel_scope_name, otel_scope_version and otel_scope_schema_url. A push has their
// OpenTelemetry name. An instrument is refused in either case, reason "name", if it
// would have the Prometheus name of a family of the catalogue, or of another instrument
// of another type, group or unit. So is every instrument in the scope
// instrument.ScopeName that the catalogue does not hold, reason "instrument".
//
// The SDK's cardinality limit applies to foreign instruments: 2,000 series each. A
// collection of a stream that is past the limit is counted, reason "overflow".
func WithoutForeignInstruments() Option {
	return func(c *config) error {
		c.refuseForeign = true
		return nil
	}
}
