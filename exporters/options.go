package exporters

import "log/slog"

// Option configures an [Exporter].
type Option func(*config)

type config struct {
	logger   *slog.Logger
	reporter func() bool
	version  string
}

func newConfig(options []Option) config {
	c := config{
		logger:   slog.New(slog.DiscardHandler),
		reporter: func() bool { return true },
		version:  moduleVersion(),
	}
	for _, option := range options {
		option(&c)
	}
	return c
}

// WithLogger sets where errors met during scrapes are logged. By default
// nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// WithReporter sets a function that tells whether this process reports the
// deployment scope now. It is called for every scrape; while it returns false
// the scrape holds no deployment family. By default this process reports: right
// for a deployment of one replica.
func WithReporter(reports func() bool) Option {
	return func(c *config) { c.reporter = reports }
}
