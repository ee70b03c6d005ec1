package exporters

import (
	"log/slog"
	"net"
	"net/http"

	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// Option configures an [Exporter]. A nil Option leaves it as it is.
type Option func(*config)

type config struct {
	logger   *slog.Logger
	reporter func() bool
	version  string
	// maxScrapes is how many answers are prepared at a time.
	maxScrapes int
	serve      func(net.Listener, *http.Server) error
	// newReader is nil if nothing but scrapes reads.
	newReader func(ReaderConfig) (sdk.Reader, error)
}

func newConfig(options []Option) config {
	c := config{
		logger:   slog.New(slog.DiscardHandler),
		reporter: func() bool { return true },
		version:  moduleVersion(),

		maxScrapes: defaultMaxScrapes,
		serve:      func(l net.Listener, s *http.Server) error { return s.Serve(l) },
	}
	for _, option := range options {
		if option != nil {
			option(&c)
		}
	}
	return c
}

// WithLogger sets where errors met during scrapes are logged. By default
// nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// WithReporter sets a function that reports whether this process reports the
// Deployment and Workspaces groups now. It is called for every scrape; while it
// returns false, scrapes contain neither. By default this process reports both:
// right for a control plane of one replica.
func WithReporter(reports func() bool) Option {
	return func(c *config) { c.reporter = reports }
}

// defaultMaxScrapes is for some Prometheus servers, and for people beside them.
const defaultMaxScrapes = 40

// WithMaxScrapes sets how many scrapes are prepared at a time; further ones are
// answered with 503. One whose answer is being sent does not count: a client that
// reads slowly keeps nobody else from it. Default: 40.
func WithMaxScrapes(n int) Option {
	return func(c *config) { c.maxScrapes = n }
}

// WithServe sets how the endpoint's server serves its listener, such as with TLS and
// passwords. It has the server's time-outs and limits, and must return when the
// server is shut down. Default: plain HTTP.
func WithServe(serve func(net.Listener, *http.Server) error) Option {
	return func(c *config) { c.serve = serve }
}

// WithReader adds readers besides those that answer scrapes: [New] calls newReader
// for the Deployment group, and for Process, whose reader is given Workspaces too.
// The readers see the same families and are shut down with the Exporter. Package
// [github.com/otelcoder/otelcoder/exporters/otlp] makes such readers.
func WithReader(newReader func(ReaderConfig) (sdk.Reader, error)) Option {
	return func(c *config) { c.newReader = newReader }
}
