package exporters

import (
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/option"
)

// Option configures an [Exporter]. [New] returns an error for an argument out of
// range, and ignores a nil Option. [WithReader], [WithGatherer] and [WithHealth] add to
// earlier ones; of other options given twice, the last applies.
type Option func(*config) error

type config struct {
	logger     *slog.Logger
	edition    instrument.Edition
	reporter   func() bool
	version    string
	maxScrapes int // concurrent scrapes
	serve      func(net.Listener, *http.Server) error
	newReaders []func(ReaderConfig) (sdk.Reader, error)
	statusPage bool
	gatherers  []prometheus.Gatherer
	runtime    bool // serve the runtime families
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

// WithLogger sets the logger. Default: no logging.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		c.logger = l
		return option.NotNil("WithLogger", l)
	}
}

// WithEdition sets the edition of the catalogue: the names, labels, help texts and families
// that are served and pushed. Default: [instrument.Documented].
func WithEdition(e instrument.Edition) Option {
	return func(c *config) error {
		c.edition = e
		return option.Within("WithEdition", e, instrument.Documented, instrument.Coder)
	}
}

// WithReporter sets a function that reports whether this process is the reporter: only
// its scrapes have the Deployment and Workspaces groups. It is called for each scrape,
// concurrently. Default: always true, for a single replica.
func WithReporter(reports func() bool) Option {
	return func(c *config) error {
		c.reporter = reports
		return option.NotNil("WithReporter", reports)
	}
}

// defaultMaxScrapes is enough for several Prometheus servers and some users.
const defaultMaxScrapes = 40

// WithMaxScrapes sets how many scrapes are prepared at a time, from 1 to 10,000;
// further ones get 503. Answers that are being sent do not count, so that slow clients
// do not block others. Default: 40.
func WithMaxScrapes(n int) Option {
	return func(c *config) error {
		c.maxScrapes = n
		return option.Within("WithMaxScrapes", n, 1, 10_000)
	}
}

// WithServe sets the function that serves the listener, for example with TLS and
// passwords. The server has time-outs and limits; the function must return when it is
// shut down. Default: plain HTTP.
func WithServe(serve func(net.Listener, *http.Server) error) Option {
	return func(c *config) error {
		c.serve = serve
		return option.NotNil("WithServe", serve)
	}
}

// WithReader adds readers, such as those of package
// [github.com/otelcoder/otelcoder/exporters/otlp]: [New] calls newReader for the
// Deployment and the Process group, and shuts the readers down with the Exporter. They
// get the families that scrapes get. newReader may return a nil reader.
func WithReader(newReader func(ReaderConfig) (sdk.Reader, error)) Option {
	return func(c *config) error {
		c.newReaders = append(c.newReaders, newReader)
		return option.NotNil("WithReader", newReader)
	}
}

// WithGatherer adds the metrics of the host, such as [prometheus.DefaultGatherer], to
// scrapes and readers. [New] returns an error if one has a name of the catalogue; later
// such metrics are left out. Documented go_*, process_* and promhttp_* metrics are left
// out unless [WithoutRuntime] is given.
//
// Concurrent scrapes share a call of Gather, so that an answer can lack changes since its
// request. Invalid metrics are left out, as are metrics of several gatherers with one
// name, except the first: [prometheus.Gatherers] merges their series. If the gatherers
// take longer than five seconds, all their metrics are left out. Each is logged and
// counted in otelcoder_scrape_errors_total.
func WithGatherer(g prometheus.Gatherer) Option {
	return func(c *config) error {
		c.gatherers = append(c.gatherers, g)
		return option.NotNil("WithGatherer", g)
	}
}

// WithoutRuntime leaves out the go_*, process_* and promhttp_* metrics, for a host that
// serves its own.
func WithoutRuntime() Option {
	return func(c *config) error {
		c.runtime = false
		return nil
	}
}

// WithHealth adds functions that report the health of parts of the process to the
// status page, such as the Health methods of package coderdb. Meters on
// [Exporter.Providers] need none. Each is called for each view, concurrently, and must
// not block.
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

// WithoutStatusPage turns the status page off: / always serves metrics, /status gets
// 404.
func WithoutStatusPage() Option {
	return func(c *config) error {
		c.statusPage = false
		return nil
	}
}

// WithoutForeignInstruments refuses foreign instruments: see [Exporter.Providers].
func WithoutForeignInstruments() Option {
	return func(c *config) error {
		c.refuseForeign = true
		return nil
	}
}
