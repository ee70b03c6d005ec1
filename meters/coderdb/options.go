package coderdb

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/internal/option"
	"github.com/otelcoder/otelcoder/internal/outage"
)

// Option configures a [DB], which [Follow] follows, or a [Reporter]. Each takes every
// option and uses those that concern it; an argument out of range is an error of
// both. A nil Option does nothing.
type Option func(*config) error

type config struct {
	logger            *slog.Logger
	interval          time.Duration
	inactivityTimeout time.Duration
	regions           map[int]string
	parameters        bool
	agentStats        bool
	followInterval    time.Duration
	readURL           func(context.Context) (string, error)
	reach             *outage.Log // nil without a logger
	database          *DB         // whose connections a reporter shares

	// For tests: a clock instead of the database's, a tracer of each query, and the
	// share of time that the queries for events may take.
	now        func() time.Time
	tracer     pgx.QueryTracer
	eventShare float64
}

func newOptions(options []Option) (config, error) {
	c := config{
		logger:            slog.New(slog.DiscardHandler),
		interval:          time.Minute,
		inactivityTimeout: 30 * time.Second, // twice the heartbeat of an agent
		parameters:        true,
		agentStats:        true,
		followInterval:    10 * time.Second,
		eventShare:        eventShare,
	}
	err := option.Apply(&c, options)
	return c, err
}

// WithLogger sets where is logged that the database is unreachable, what it lacks,
// and which process reports; at level DEBUG also each look for events. By default
// nothing is logged.
//
// Give the same Option to [Open] and [NewReporter]: then an outage that both meet is
// logged once. Their errors are a [meters.LoggedError] then.
func WithLogger(l *slog.Logger) Option {
	reach := newReach(l)
	return func(c *config) error {
		c.logger, c.reach = l, reach
		return option.NotNil("WithLogger", l)
	}
}

// WithURLFunc makes read return the URL of the database before each connection,
// in place of the URL that [Open] or [NewReporter] was given, which must still be
// valid. Use it for a password that rotates. An error of read, or a URL that
// cannot be parsed, fails that connection only; the error of read must not contain
// the password.
func WithURLFunc(read func(context.Context) (string, error)) Option {
	return func(c *config) error {
		c.readURL = read
		return option.NotNil("WithURLFunc", read)
	}
}

// WithInterval sets how far the first collection of agent statistics looks
// back, from 1 ms to 24 hours: give the interval of [meters.WithInterval]. Default:
// one minute.
func WithInterval(d time.Duration) Option {
	return func(c *config) error {
		c.interval = d
		return option.Within("WithInterval", d, option.ShortestInterval, option.LongestInterval)
	}
}

// WithInactivityTimeout sets after how long without a heartbeat an agent counts
// as disconnected, from 1 second to 24 hours. Default: 30 seconds.
func WithInactivityTimeout(d time.Duration) Option {
	return func(c *config) error {
		c.inactivityTimeout = d
		return option.Within("WithInactivityTimeout", d, time.Second, 24*time.Hour)
	}
}

// WithRegionNames names the relay (DERP) regions by id. The names are part of
// a deployment's configuration and not in its database; a region without one is
// shown as "Unnamed <id>".
func WithRegionNames(names map[int]string) Option {
	return func(c *config) error {
		c.regions = maps.Clone(names)
		return nil
	}
}

// WithoutParameters leaves out the insights into the values that users typed as
// parameters of workspaces; the tables that hold them are not read then.
func WithoutParameters() Option {
	return func(c *config) error {
		c.parameters = false
		return nil
	}
}

// WithoutAgentStats leaves out what agents tell of themselves: their
// statistics, how long their startup scripts took, and the scripts that they
// executed. The tables of statistics and scripts are not read for it then; the
// insights, which are made of the former, still read them.
func WithoutAgentStats() Option {
	return func(c *config) error {
		c.agentStats = false
		return nil
	}
}

// WithFollowInterval sets how often [Follow] looks for events, from 1 ms to 24 hours.
// Default: 10 seconds.
func WithFollowInterval(d time.Duration) Option {
	return func(c *config) error {
		c.followInterval = d
		return option.Within("WithFollowInterval", d, option.ShortestInterval, option.LongestInterval)
	}
}

// WithDatabase makes a [Reporter] share the connections of db: both together never
// have more than [Connections]. Without it, a Reporter has one more for a moment
// after it has connected.
func WithDatabase(db *DB) Option {
	return func(c *config) error {
		c.database = db
		return option.NotNil("WithDatabase", db)
	}
}
