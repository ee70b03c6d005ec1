package coderdb

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/meters"
)

const (
	// Connections is how many connections one process has at most, three: two for
	// collections, and that of its [Reporter].
	Connections = postgres.Connections
	// maxConnections is enough: a collection takes well under a second. See [lanes].
	maxConnections = Connections - 1
	// timeLimit ends a collection whose context does not end before.
	timeLimit = 30 * time.Second
	// closeTimeout is how long Close waits for the server's part in it.
	closeTimeout = time.Second
)

// DB is the database of a Coder deployment. It may be used by several
// goroutines.
type DB struct {
	config
	pool     *pgxpool.Pool
	target   target
	sockets  *postgres.Sockets
	lanes    *lanes
	user     string                          // of the URL
	location atomic.Pointer[health.Database] // of the latest connection
	// lacks is what the database that is connected to lacks; nil if it has not
	// been looked at yet.
	lacks  atomic.Pointer[coderschema.Lacks]
	layout atomic.Pointer[layout] // of its tables; nil if they have not been looked at yet
	// What was logged last.
	reported, filtered atomic.Pointer[string]
}

// Open prepares to read the database at a URL, like
// postgres://user:password@host:5432/coder?sslmode=verify-full. A string of
// keywords and values, and the PG* environment variables, work as well.
//
// It does not connect: an unreachable database is the trouble of each
// collection, not of the start. An error means that an option is out of range, or
// that the URL cannot be used; then it names the parameter that is wrong, but quotes
// nothing, since the URL has the password. Parameters that other drivers know and
// this one does not are logged and ignored.
func Open(ctx context.Context, url string, options ...Option) (*DB, error) {
	c, err := newOptions(options)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db := &DB{config: c, sockets: postgres.NewSockets(), lanes: newLanes()}
	config, err := postgres.ParsePool(url, db.logger)
	if err != nil {
		return nil, err
	}

	config.MaxConns = maxConnections
	config.MinConns = 0
	config.PingTimeout = postgres.ConnectTimeout
	db.user = config.ConnConfig.User
	db.location.Store(locationOf(config.ConnConfig))
	config.AfterConnect = func(context.Context, *pgx.Conn) error {
		// It may be another database by now, or another version of the schema.
		db.forget()
		return nil
	}
	db.target = newTarget(config.ConnConfig, db.readURL)
	config.BeforeConnect = func(ctx context.Context, conn *pgx.ConnConfig) error {
		now, err := db.target(ctx)
		if err != nil {
			return err
		}
		db.location.Store(locationOf(now))
		now.DialFunc = db.sockets.Dial(now.DialFunc)
		now.Tracer = db.tracer
		*conn = *now
		return nil
	}

	db.pool, err = pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return db, nil
}

// Health reports the address and the name of the database, for the status page
// ([github.com/otelcoder/otelcoder/exporters.WithHealth]).
func (db *DB) Health(to *health.Report) {
	database := *db.location.Load()
	to.Database = &database
}

// locationOf returns the hosts, with their ports, and the name of the database of a
// configuration. [showable] keeps parts of a password out.
func locationOf(config *pgx.ConnConfig) *health.Database {
	address := func(host string, port uint16) string { return net.JoinHostPort(host, strconv.Itoa(int(port))) }
	addresses := []string{address(config.Host, config.Port)}
	for _, f := range config.Fallbacks { // with TLS and without it
		if a := address(f.Host, f.Port); !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	return &health.Database{Address: strings.Join(addresses, ","), Name: config.Database}
}

// Close ends all connections; collections under way fail. A server that does
// not answer delays it by a second.
func (db *DB) Close() {
	closing := time.AfterFunc(closeTimeout, db.sockets.Close)
	defer closing.Stop()
	db.pool.Close()
}

// Reconnect makes the next collections use new connections. Those that are in use
// are closed when their collection has ended. If [WithURLFunc] returns an error, or
// a URL that cannot be parsed, Reconnect returns the error and changes nothing.
func (db *DB) Reconnect(ctx context.Context) error {
	if _, err := db.target(ctx); err != nil {
		return err
	}
	db.pool.Reset()
	return nil
}

// reserve waits until a connection for collections is free, and closes it: until it
// is returned, there is one less.
func (db *DB) reserve(ctx context.Context) (release func(), err error) {
	release, err = db.lanes.enter(ctx, false)
	if err != nil {
		return nil, explainWaiting(timeLimit, err)
	}
	for _, idle := range db.pool.AcquireAllIdle(ctx) {
		ctx, cancel := context.WithTimeout(ctx, closeTimeout)
		idle.Hijack().Close(ctx)
		cancel()
	}
	return release, nil
}

// Sources returns everything that [meters.Meters.Poll] can ask this database. The
// first collection of agent statistics looks back from when it is made; those
// of one Sources follow each other.
func (db *DB) Sources() meters.Sources {
	sources := meters.Sources{
		ActiveUsers:  activeUsers{db},
		LatestBuilds: latestBuilds{db},
		Agents:       &agents{db: db},
		Insights:     insights{db},
		License:      &license{db: db},
		Jobs:         jobs{db},
	}
	if db.config.agentStats {
		sources.AgentStats = &agentStats{db: db}
	}
	return sources
}
