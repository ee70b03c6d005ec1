package meters

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/option"
)

// Option configures [New]. An argument out of range is an error of New. A nil Option
// does nothing.
type Option func(*config) error

type config struct {
	logger           *slog.Logger
	interval         time.Duration
	insightsInterval time.Duration
	maxPaths         int
	maxLabelLength   int
	seriesLimits     map[instrument.Family]int // nil: the defaults of maxSeries
	aggregateBy      []AgentLabel
	reachable        func() bool
	collected        func(string, map[instrument.Family]int, time.Duration, error) // nil: nobody wants to know
}

func newConfig(options []Option) (config, error) {
	c := config{
		logger:           slog.New(slog.DiscardHandler),
		interval:         time.Minute,
		insightsInterval: 5 * time.Minute,
		maxPaths:         defaultMaxPaths,
		maxLabelLength:   defaultMaxLabelLength,
		aggregateBy:      allAgentLabels(),
		reachable:        func() bool { return true },
	}
	err := option.Apply(&c, options)
	return c, err
}

// WithLogger sets the logger for changes of state: a source that fails or
// recovers; an hour apart, what is left out of the metrics; and at level DEBUG
// each collection. By default nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		c.logger = l
		return option.NotNil("WithLogger", l)
	}
}

// WithInterval sets how often [Meters.Poll] asks every source but the insights, from 1 ms
// to 24 hours. Default: one minute.
func WithInterval(d time.Duration) Option {
	return func(c *config) error {
		c.interval = d
		return option.Within("WithInterval", d, option.ShortestInterval, option.LongestInterval)
	}
}

// WithInsightsInterval sets how often [Meters.Poll] asks the source of insights, from 1 ms
// to 24 hours. Default: five minutes.
func WithInsightsInterval(d time.Duration) Option {
	return func(c *config) error {
		c.insightsInterval = d
		return option.Within("WithInsightsInterval", d, option.ShortestInterval, option.LongestInterval)
	}
}

// WithReachable makes [Meters.Poll] ask reachable, at each collection of the metrics,
// whether the sources can be reached: while it returns false, otelcoder_source_up
// of all sources is 0, without waiting until the sources are asked again. It must
// not block.
func WithReachable(reachable func() bool) Option {
	return func(c *config) error {
		c.reachable = reachable
		return option.NotNil("WithReachable", reachable)
	}
}

// WithCollected makes [Meters.Poll] call collected after each collection of a source,
// by several goroutines at a time: with the name of the source as in
// otelcoder_source_up, the number of series of each family that it feeds, which is 0
// after a failure, how long it took, and why it failed. The next collection has the
// series already. It must not block. Tests wait for a source by it.
func WithCollected(collected func(source string, series map[instrument.Family]int, took time.Duration, err error)) Option {
	return func(c *config) error {
		c.collected = collected
		return option.NotNil("WithCollected", collected)
	}
}

// WithMaxPaths sets how many distinct paths [API] tells apart, from 0 to 100,000;
// requests to further ones are counted under the path UNKNOWN. Default: 1000.
func WithMaxPaths(n int) Option {
	return func(c *config) error {
		c.maxPaths = n
		return option.Within("WithMaxPaths", n, 0, 100_000)
	}
}

// WithMaxLabelLength sets the greatest length of a label value, from 3 to 65,536
// bytes. A longer one is cut at a character and ends in "…"; that is counted in
// otelcoder_refused_total, reason "length". Default: 1024.
func WithMaxLabelLength(n int) Option {
	return func(c *config) error {
		c.maxLabelLength = n
		return option.Within("WithMaxLabelLength", n, len(cutMark), 65_536)
	}
}

// WithMaxSeries sets how many series each of these families may have, from 2 (some
// families have a series each of success and failure) to 10,000,000. Polled series
// beyond the limit are left out, the same ones each time; of counted series, those
// that have not moved for the longest time make room. Both are counted in
// otelcoder_refused_total, reason "limit". Default: 100,000 of
// coderd_workspace_builds_total, 200,000 of the families that agents forward, 10,000
// of those of OAuth2, 1,000,000 of every other family.
//
// API requests have a limit of their own: [WithMaxPaths].
func WithMaxSeries(n int, families ...instrument.Family) Option {
	return func(c *config) error {
		if len(families) == 0 {
			return errors.New("WithMaxSeries has no families: name those that the limit is for")
		}
		if c.seriesLimits == nil {
			c.seriesLimits = make(map[instrument.Family]int)
		}
		known := slices.Collect(instrument.All())
		for _, f := range families {
			if !slices.Contains(known, f) {
				return fmt.Errorf("WithMaxSeries has the family %d, which is not in the catalogue", uint8(f))
			}
			c.seriesLimits[f] = n
		}
		return option.Within("WithMaxSeries", n, 2, 10_000_000)
	}
}

// WithAggregateBy merges the agent statistics of [Meters.Poll] and the metrics of
// [Forwarded] into one series for each combination of these labels; the other
// labels are left out. There must be at least one label. Default: all four.
func WithAggregateBy(labels ...AgentLabel) Option {
	return func(c *config) error {
		c.aggregateBy = slices.Clone(labels)
		if err := checkAggregateBy(labels); err != nil {
			return fmt.Errorf("WithAggregateBy: %w", err)
		}
		return nil
	}
}

// The limits of what outsiders can make more of. A deployment of 100,000
// workspaces does not meet them. docs/limits.md tells what happens beyond.
const (
	defaultMaxPaths       = 1_000
	defaultMaxLabelLength = 1_024 // bytes
)

// maxSeries is how many series of a family there may be.
func (c config) maxSeries(f instrument.Family) int {
	if n, ok := c.seriesLimits[f]; ok {
		return n
	}
	switch f {
	case instrument.WorkspaceBuilds:
		return 100_000
	case instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript:
		return 200_000 // of success and failure, of each of 100,000 agents
	case instrument.OAuth2Requests, instrument.OAuth2RateLimitTotal:
		return 10_000
	}
	return 1_000_000 // ten of each of 100,000 workspaces
}
