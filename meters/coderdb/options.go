package coderdb

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/option"
	"github.com/otelcoder/otelcoder/internal/outage"
)

// Option configures a [DB], which [Follow] follows, or a [Reporter]. Both accept every
// option and use those that concern them; an argument out of range is an error of
// both. A nil Option does nothing.
type Option func(*config) error

type config struct {
	edition            instrument.Edition
	logger             *slog.Logger
	interval           time.Duration
	inactivityTimeout  time.Duration
	regions            map[int]string
	parameters         bool
	agentStats         bool
	followInterval     time.Duration
	prebuildsHardLimit int
	readURL            func(context.Context) (string, error)
	reach              *outage.Log // nil without a logger
	database           *DB         // whose connections a Reporter shares

	// For tests: a clock instead of the database's, a tracer of queries, and the shares
	// of time that the queries for events, and of history, may take.
	now                      func() time.Time
	tracer                   pgx.QueryTracer
	eventShare, historyShare float64
}

func newOptions(options []Option) (config, error) {
	c := config{
		logger:             slog.New(slog.DiscardHandler),
		interval:           time.Minute,
		inactivityTimeout:  30 * time.Second, // twice the heartbeat of an agent
		parameters:         true,
		agentStats:         true,
		followInterval:     10 * time.Second,
		prebuildsHardLimit: 3,
		eventShare:         eventShare,
		historyShare:       historyShare,
	}
	err := option.Apply(&c, options)
	return c, err
}

// WithLogger sets the logger of outages, of columns that the database lacks, and of
// changes of the role; at level DEBUG also of each look for events. By default nothing
// is logged.
//
// Pass the same Option to [Open] and [NewReporter], so that an outage that both meet
// is logged once; their errors are then a [meters.LoggedError].
func WithLogger(l *slog.Logger) Option {
	reach := newReach(l)
	return func(c *config) error {
		c.logger, c.reach = l, reach
		return option.NotNil("WithLogger", l)
	}
}

// WithEdition sets the edition whose families are read. Pass the edition of
// [github.com/otelcoder/otelcoder/exporters.WithEdition]: otherwise [meters.Meters.Poll]
// and [Follow] report an error and read nothing. [instrument.Coder] reads further columns,
// which the role must be granted, and the time zones of Go's package time, for the
// schedules of prebuilt workspaces: on a host without them, import time/tzdata. Each
// edition has a [Reporter] of its own. Default: [instrument.Documented].
func WithEdition(e instrument.Edition) Option {
	return func(c *config) error {
		c.edition = e
		return option.Within("WithEdition", e, instrument.Documented, instrument.Coder)
	}
}

// WithURLFunc sets the function that returns the URL of the database before each
// connection, in place of the URL that was passed to [Open] or [NewReporter], which
// must still be valid. Use it for a password that rotates. An error of read, or an
// invalid URL, fails that connection only. The error of read must not contain the
// password.
func WithURLFunc(read func(context.Context) (string, error)) Option {
	return func(c *config) error {
		c.readURL = read
		return option.NotNil("WithURLFunc", read)
	}
}

// WithInterval sets how far the first collection of agent statistics looks back, from
// 1 ms to 24 hours. Pass the interval of [meters.WithInterval]. Default: one minute.
func WithInterval(d time.Duration) Option {
	return func(c *config) error {
		c.interval = d
		return option.Within("WithInterval", d, option.ShortestInterval, option.LongestInterval)
	}
}

// WithInactivityTimeout sets the time without a heartbeat after which an agent counts
// as disconnected, from 1 second to 24 hours. Default: 30 seconds.
func WithInactivityTimeout(d time.Duration) Option {
	return func(c *config) error {
		c.inactivityTimeout = d
		return option.Within("WithInactivityTimeout", d, time.Second, 24*time.Hour)
	}
}

// WithRegionNames sets the names of the relay (DERP) regions by id. The names are in a
// deployment's configuration, not in its database. A region without a name is shown as
// "Unnamed <id>".
func WithRegionNames(names map[int]string) Option {
	return func(c *config) error {
		c.regions = maps.Clone(names)
		return nil
	}
}

// WithoutParameters leaves out the insights into the values of workspace parameters,
// which users type. The tables of these values are not read then.
func WithoutParameters() Option {
	return func(c *config) error {
		c.parameters = false
		return nil
	}
}

// WithoutAgentStats leaves out the data that agents report: their statistics, the
// durations of their startup scripts, and the scripts that they executed. The tables
// of scripts are not read then; the table of statistics is still read for the
// insights.
func WithoutAgentStats() Option {
	return func(c *config) error {
		c.agentStats = false
		return nil
	}
}

// WithPrebuildsHardLimit sets the number of failed builds of prebuilt workspaces after
// which Coder builds no more for a preset, from 1 to 1,000,000, or 0 for no such limit.
// Pass the value of Coder's flag --workspace-prebuilds-failure-hard-limit, which is not in
// the database. Default: 3, like Coder's.
func WithPrebuildsHardLimit(n int) Option {
	return func(c *config) error {
		c.prebuildsHardLimit = n
		return option.Within("WithPrebuildsHardLimit", n, 0, 1_000_000)
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

// WithDatabase makes a [Reporter] share the connections of db, so that both together
// have at most [Connections]. Without it, a Reporter uses a second connection for a
// moment whenever it connects.
func WithDatabase(db *DB) Option {
	return func(c *config) error {
		c.database = db
		return option.NotNil("WithDatabase", db)
	}
}
