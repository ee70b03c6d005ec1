package meters

import (
	"log/slog"
	"time"
)

// Option configures a recorder or [Poll]. Each takes every option and uses
// those that concern it.
type Option func(*config)

type config struct {
	logger           *slog.Logger
	interval         time.Duration
	insightsInterval time.Duration
	maxPaths         int
	aggregateBy      []AgentLabel
}

func newConfig(options []Option) config {
	c := config{
		logger:           slog.New(slog.DiscardHandler),
		interval:         time.Minute,
		insightsInterval: 5 * time.Minute,
		maxPaths:         1000,
		aggregateBy:      allAgentLabels(),
	}
	for _, option := range options {
		option(&c)
	}
	return c
}

// WithLogger sets where changes of state are logged: a source that fails or
// recovers, a table that is full. By default nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// WithInterval sets how often [Poll] asks every source but the insights.
// Default: one minute.
func WithInterval(d time.Duration) Option {
	return func(c *config) { c.interval = d }
}

// WithInsightsInterval sets how often [Poll] asks the source of insights.
// Default: five minutes.
func WithInsightsInterval(d time.Duration) Option {
	return func(c *config) { c.insightsInterval = d }
}

// WithMaxPaths sets how many distinct paths [API] tells apart; requests to
// further ones are counted under the path UNKNOWN. Default: 1000.
func WithMaxPaths(n int) Option {
	return func(c *config) { c.maxPaths = n }
}

// WithAggregateBy merges the agent statistics of [Poll] and the metrics of
// [Forwarded] into one series for each combination of these labels; the other
// labels are left out. Default: all four.
func WithAggregateBy(labels ...AgentLabel) Option {
	return func(c *config) { c.aggregateBy = labels }
}
