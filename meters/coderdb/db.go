package coderdb

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/meters"
)

const (
	// Connections is the largest number of connections of one process, three: two for
	// collections and one for its [Reporter].
	Connections = postgres.Connections
	// maxConnections is the number of connections for collections, which [lanes] hands
	// out. A collection takes well under a second.
	maxConnections = Connections - 1
	// timeLimit is the time limit of a collection whose context has no earlier
	// deadline.
	timeLimit = 30 * time.Second
	// closeTimeout is how long Close waits for the server.
	closeTimeout = time.Second
)

// DB is the database of a Coder deployment. It may be used by several
// goroutines.
type DB struct {
	config
	pool    *pgxpool.Pool
	target  target
	sockets *postgres.Sockets
	lanes   *lanes
	user    string   // of the URL
	partial sync.Map // names of the collections that lost a part the last time
	// location is the database of the latest connection, for Health.
	location atomic.Pointer[health.Database]
	// missing are the optional columns that the connected database lacks; nil if not
	// read yet.
	missing atomic.Pointer[coderschema.Lacks]
	layout  atomic.Pointer[layout] // of its tables; nil if not read yet
	// reported and filtered are the missing columns and the filtered tables logged
	// last.
	reported, filtered atomic.Pointer[string]
}

// Open prepares to read the database at a URL, like
// postgres://user:password@host:5432/coder?sslmode=verify-full. A string of keywords
// and values, and the PG* environment variables, work as well.
//
// Open does not connect: an unreachable database fails collections, not Open. An error
// means that an option is out of range or that the URL is invalid. It names the
// invalid parameter but quotes nothing of the URL, which contains the password.
// Parameters that only other drivers know are logged and ignored.
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
		// The connection may lead to another database, or to a new version of the
		// schema.
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

// locationOf returns the hosts with their ports, and the name, of a configuration's
// database. [postgres.ParseConfig] has ensured that these contain no part of a
// password.
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

// Close closes all connections; collections in progress fail. A server that does not
// answer delays Close by at most a second.
func (db *DB) Close() {
	closing := time.AfterFunc(closeTimeout, db.sockets.Close)
	defer closing.Stop()
	db.pool.Close()
}

// Reconnect makes the next collections use new connections. A connection in use is
// closed after its collection. If the function of [WithURLFunc] returns an error or an
// invalid URL, Reconnect returns the error and changes nothing.
func (db *DB) Reconnect(ctx context.Context) error {
	if _, err := db.target(ctx); err != nil {
		return err
	}
	db.pool.Reset()
	return nil
}

// reserve takes a connection from the collections, which it waits for and closes. The
// collections have one connection less until release is called.
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

// Sources returns the sources that [meters.Meters.Poll] collects from this database.
// The first collection of agent statistics covers one interval ([WithInterval]); each
// later one of the same Sources continues where the previous one ended.
func (db *DB) Sources() meters.Sources {
	sources := meters.Sources{
		Edition:      db.edition,
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
	if db.edition == instrument.Coder {
		sources.Users, sources.Daemons = users{db}, daemons{db}
		sources.Prebuilds = prebuilds{db}
		sources.Creations = &creations{db: db}
	}
	return sources
}
