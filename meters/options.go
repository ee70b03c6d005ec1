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

// Option configures [New], which returns an error if an argument is out of range. A nil
// Option does nothing.
type Option func(*config) error

type config struct {
	logger           *slog.Logger
	edition          instrument.Edition // of the providers
	interval         time.Duration
	insightsInterval time.Duration
	maxPaths         int
	maxLabelLength   int
	seriesLimits     map[instrument.Family]int // nil: the defaults of maxSeries
	aggregateBy      []AgentLabel
	reachable        func() bool
	collected        func(string, map[instrument.Family]int, time.Duration, error) // nil without WithCollected
}

func newConfig(e instrument.Edition, options []Option) (config, error) {
	c := config{
		edition:          e,
		logger:           slog.New(slog.DiscardHandler),
		interval:         time.Minute,
		insightsInterval: 5 * time.Minute,
		maxPaths:         defaultMaxPaths,
		maxLabelLength:   defaultMaxLabelLength,
		aggregateBy:      allAgentLabels(),
		reachable:        func() bool { return true },
	}
	err := errors.Join(
		option.Within("Providers.Edition", e, instrument.Documented, instrument.Coder),
		option.Apply(&c, options),
	)
	return c, err
}

// WithLogger sets the logger. Sources that fail or recover are logged, refused values at
// most once an hour for each reason, and at level DEBUG each collection. By default
// nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		c.logger = l
		return option.NotNil("WithLogger", l)
	}
}

// WithInterval sets the interval of [Meters.Poll] for all sources except those of
// [WithInsightsInterval], from 1 ms to 24 hours. Default: one minute.
func WithInterval(d time.Duration) Option {
	return func(c *config) error {
		c.interval = d
		return option.Within("WithInterval", d, option.ShortestInterval, option.LongestInterval)
	}
}

// WithInsightsInterval sets the interval of [Meters.Poll] for the insights and the users,
// from 1 ms to 24 hours. Default: five minutes.
func WithInsightsInterval(d time.Duration) Option {
	return func(c *config) error {
		c.insightsInterval = d
		return option.Within("WithInsightsInterval", d, option.ShortestInterval, option.LongestInterval)
	}
}

// WithReachable sets a function that reports whether the sources of [Meters.Poll] can be
// reached. While it returns false, otelcoder_source_up of all sources is 0. It is called
// at each collection of the metrics, concurrently, and must not block.
func WithReachable(reachable func() bool) Option {
	return func(c *config) error {
		c.reachable = reachable
		return option.NotNil("WithReachable", reachable)
	}
}

// WithCollected sets a function that [Meters.Poll] calls after each collection of a
// source, concurrently, with the name of the source as in otelcoder_source_up, the
// number of series of each of its families (0 after a failure), the duration, and the
// error if it failed. The series are already visible to scrapes. It must not block.
// Tests use it to wait for a source.
func WithCollected(collected func(source string, series map[instrument.Family]int, took time.Duration, err error)) Option {
	return func(c *config) error {
		c.collected = collected
		return option.NotNil("WithCollected", collected)
	}
}

// WithMaxPaths sets the maximum number of distinct paths of [API], from 0 to 100,000.
// Requests to further paths are counted under the path UNKNOWN. Default: 1000.
func WithMaxPaths(n int) Option {
	return func(c *config) error {
		c.maxPaths = n
		return option.Within("WithMaxPaths", n, 0, 100_000)
	}
}

// WithMaxLabelLength sets the maximum length of a label value, from 3 to 65,536 bytes.
// Longer values are truncated at a character boundary, end in "…", and are counted in
// otelcoder_refused_total, reason "length". Default: 1024.
func WithMaxLabelLength(n int) Option {
	return func(c *config) error {
		c.maxLabelLength = n
		return option.Within("WithMaxLabelLength", n, len(ellipsis), 65_536)
	}
}

// WithMaxSeries sets the maximum number of series of each of these families, from 2
// (some families have one series for success and one for failure) to 10,000,000. Polled
// series beyond the limit are left out, the same ones each time; counted series replace
// the least recently updated ones. Both are counted in otelcoder_refused_total, reason
// "limit". Default: 100,000 for coderd_workspace_builds_total, 200,000 for the families
// that agents forward, 10,000 for those of OAuth2, for the histograms of [Builds],
// [JobQueue] and [AgentStarts], and for coderd_workspace_builds_enqueued_total, 1,000,000
// for all other families. The label sets of these histograms last as long as their
// provider: times of further ones are left out.
//
// API requests are limited by [WithMaxPaths] instead.
func WithMaxSeries(n int, families ...instrument.Family) Option {
	return func(c *config) error {
		if len(families) == 0 {
			return errors.New("WithMaxSeries has no families: name the families to limit")
		}
		if c.seriesLimits == nil {
			c.seriesLimits = make(map[instrument.Family]int)
		}
		all := slices.Collect(instrument.Families())
		for _, f := range families {
			if !slices.Contains(all, f) {
				return fmt.Errorf("WithMaxSeries has the family %d, which is not in the catalogue", uint8(f))
			}
			c.seriesLimits[f] = n
		}
		return option.Within("WithMaxSeries", n, 2, 10_000_000)
	}
}

// WithAggregateBy aggregates the agent statistics of [Meters.Poll] and the metrics of
// [Forwarded] by these labels, at least one; the other agent labels are left out.
// Default: all four.
func WithAggregateBy(labels ...AgentLabel) Option {
	return func(c *config) error {
		c.aggregateBy = slices.Clone(labels)
		if err := checkAggregateBy(labels); err != nil {
			return fmt.Errorf("WithAggregateBy: %w", err)
		}
		return nil
	}
}

// Default limits, documented in docs/limits.md. A deployment of 100,000 workspaces stays
// below them.
const (
	defaultMaxPaths       = 1_000
	defaultMaxLabelLength = 1_024 // bytes
)

// maxSeries returns the maximum number of series of a family.
func (c config) maxSeries(f instrument.Family) int {
	if n, ok := c.seriesLimits[f]; ok {
		return n
	}
	switch f {
	case instrument.WorkspaceBuilds:
		return 100_000
	case instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript:
		return 200_000 // success and failure of 100,000 agents
	case instrument.OAuth2Requests, instrument.OAuth2RateLimitTotal,
		instrument.WorkspaceBuildTimings, instrument.WorkspaceCreationDuration, instrument.PrebuiltWorkspaceClaimDuration,
		instrument.ProvisionerJobQueueWait, instrument.WorkspaceBuildsEnqueued,
		instrument.AgentsFirstConnection, instrument.TemplateBuildDuration:
		return 10_000
	}
	return 1_000_000 // ten for each of 100,000 workspaces
}
