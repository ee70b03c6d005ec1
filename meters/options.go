package meters

import (
	"log/slog"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// Option configures a recorder or [Poll]. Each takes every option and uses
// those that concern it.
type Option func(*config)

type config struct {
	logger           *slog.Logger
	interval         time.Duration
	insightsInterval time.Duration
	maxPaths         int
	maxLabelLength   int
	seriesLimits     map[instrument.Family]int // nil: the defaults of maxSeries
	aggregateBy      []AgentLabel
	reachable        func() bool
}

func newConfig(options []Option) config {
	c := config{
		logger:           slog.New(slog.DiscardHandler),
		interval:         time.Minute,
		insightsInterval: 5 * time.Minute,
		maxPaths:         defaultMaxPaths,
		maxLabelLength:   defaultMaxLabelLength,
		aggregateBy:      allAgentLabels(),
		reachable:        func() bool { return true },
	}
	for _, option := range options {
		option(&c)
	}
	return c
}

// WithLogger sets where changes of state are logged: a source that fails or
// recovers; an hour apart, what is left out of the metrics; and at level DEBUG
// each collection. By default nothing is logged.
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

// WithReachable makes [Poll] ask reachable, at each collection of the metrics,
// whether the sources can be reached: while it returns false, otelcoder_source_up
// of all sources is 0, without waiting until the sources are asked again. It must
// not block.
func WithReachable(reachable func() bool) Option {
	return func(c *config) { c.reachable = reachable }
}

// WithMaxPaths sets how many distinct paths [API] tells apart; requests to
// further ones are counted under the path UNKNOWN. Default: 1000.
func WithMaxPaths(n int) Option {
	return func(c *config) { c.maxPaths = n }
}

// WithMaxLabelLength sets how long a label value may be, in bytes. What is longer
// is cut at a character and ends in "…"; that is counted in
// otelcoder_refused_total, reason "length". Default: 1024.
func WithMaxLabelLength(n int) Option {
	return func(c *config) { c.maxLabelLength = n }
}

// WithMaxSeries sets how many series each of these families may have. Of what is
// polled, those beyond are left out, the same ones each time; of what is
// counted, those that have not moved for the longest time make room. That is
// counted in otelcoder_refused_total, reason "limit". Default: 100,000 of
// coderd_workspace_builds_total, 200,000 of what agents forward, 10,000 of what is
// about OAuth2, 1,000,000 of every other family.
//
// API requests have a limit of their own: [WithMaxPaths].
func WithMaxSeries(n int, families ...instrument.Family) Option {
	return func(c *config) {
		if c.seriesLimits == nil {
			c.seriesLimits = make(map[instrument.Family]int)
		}
		for _, f := range families {
			c.seriesLimits[f] = n
		}
	}
}

// WithAggregateBy merges the agent statistics of [Poll] and the metrics of
// [Forwarded] into one series for each combination of these labels; the other
// labels are left out. Default: all four.
func WithAggregateBy(labels ...AgentLabel) Option {
	return func(c *config) { c.aggregateBy = labels }
}
