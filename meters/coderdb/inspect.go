package coderdb

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// Inspection describes a database, and what a role may read there.
type Inspection struct {
	Server    string // version of PostgreSQL, as "16.4"
	Supported bool   // the version is 13 or later
	Standby   bool   // the server is in recovery
	Database  string
	Role      string // of the connection

	TLS      string // version of TLS, as "TLS 1.3"; empty without encryption
	Verified bool   // the server's certificate was verified
	Local    bool   // the connection is a Unix socket or leads to loopback

	// ConnectionLimit is the number of connections that the role or the database
	// allows, the lower of both; -1 without a limit. RaiseLimit is the SQL that
	// raises it to [Connections], empty if it is high enough.
	ConnectionLimit int
	RaiseLimit      string

	// Schema has more than half of the tables of [Tables]. It is empty if no schema
	// has; then the fields below are empty, too.
	Schema string
	// Usage reports whether the role has USAGE on the schema.
	Usage bool
	// Absent are tables with the columns that every supported version of Coder has
	// and this schema lacks.
	Absent []Table
	// Denied are tables with the columns that the role may not read. [GrantsIn]
	// grants them.
	Denied []Table
	// Lacks are the columns that this version of Coder lacks.
	Lacks []Lack
	// Unserved are the families that are not read from this database, though a
	// database can have them.
	Unserved map[instrument.Family]Reason

	// Hidden are the tables of which row-level security hides every row, and
	// Filtered those of which a policy may hide some. AllowRows and BypassRows are
	// the SQL that ends it: policies for the hidden tables, and an attribute of the
	// role, which only a superuser can set.
	Hidden, Filtered      []string
	AllowRows, BypassRows string

	// Heartbeat is the age of the newest heartbeat of an agent that Coder has not
	// recorded as disconnected, by the database's clock; negative if the clock of
	// the Coder server is ahead. It is nil if there is no such agent.
	Heartbeat *time.Duration
}

// Lack is an [Optional] group of columns that a database lacks.
type Lack struct {
	Table    string
	Columns  []string // those that are missing; nil if the table itself is
	Cost     string   // the consequence, as a clause
	Unlogged bool     // the table exists, but this server is a standby
}

// Inspect looks at the server, the schema and the rights of the role. It reads no
// state of the deployment but one heartbeat. An error means that the database
// cannot be reached.
func (db *DB) Inspect(ctx context.Context) (*Inspection, error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	leave, err := db.lanes.enter(ctx, false)
	if err != nil {
		return nil, explainWaiting(timeLimit, err)
	}
	defer leave()
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		err = fmt.Errorf("connect to the database: %w", err)
		return nil, &explainedError{text: postgres.OneLine(err), err: err}
	}
	defer conn.Release()
	i := new(Inspection)
	i.inspectConnection(conn)
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{BeginQuery: db.begin(timeLimit)}, func(tx pgx.Tx) error {
		if err := i.inspectServer(ctx, tx); err != nil {
			return err
		}
		return i.inspectSchema(ctx, tx, db)
	})
	if err != nil {
		err = fmt.Errorf("inspect the database: %w", err)
		return nil, &explainedError{text: postgres.OneLine(err), err: err}
	}
	return i, nil
}

func (i *Inspection) inspectConnection(conn *pgxpool.Conn) {
	pg := conn.Conn().PgConn()
	switch address := pg.Conn().RemoteAddr().(type) {
	case *net.UnixAddr:
		i.Local = true
	case *net.TCPAddr:
		i.Local = address.IP.IsLoopback()
	}
	if encrypted, ok := pg.Conn().(*tls.Conn); ok {
		state := encrypted.ConnectionState()
		i.TLS = tls.VersionName(state.Version)
		// The driver verifies by the latter for sslmode=verify-ca.
		config := conn.Conn().Config().TLSConfig
		i.Verified = len(state.VerifiedChains) > 0 || config != nil && config.VerifyPeerCertificate != nil
	}
}

const serverSQL = `
SELECT split_part(current_setting('server_version'), ' ', 1), current_setting('server_version_num')::int >= 130000,
	pg_is_in_recovery(), current_database()::text, current_user::text`

func (i *Inspection) inspectServer(ctx context.Context, tx pgx.Tx) error {
	err := tx.QueryRow(ctx, serverSQL).Scan(&i.Server, &i.Supported, &i.Standby, &i.Database, &i.Role)
	if err != nil {
		return err
	}
	all, err := readLimits(ctx, tx)
	if err != nil {
		return err
	}
	i.ConnectionLimit = all.lowest()
	i.RaiseLimit = all.raise()
	return nil
}

// rightsSQL has the columns of tables in a schema, and whether the role may read
// them. It needs no USAGE on the schema. $1: schema; $2: tables.
const rightsSQL = `
SELECT c.relname::text, a.attname::text, has_column_privilege(c.oid, a.attnum, 'SELECT')
FROM pg_namespace n
JOIN pg_class c ON c.relnamespace = n.oid
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = $1 AND c.relname = ANY ($2::text[]) AND c.relkind IN ('r', 'p', 'v', 'm')
	AND a.attnum > 0 AND NOT a.attisdropped`

func (i *Inspection) inspectSchema(ctx context.Context, tx pgx.Tx, db *DB) error {
	db.forget()
	layout, err := db.find(ctx, tx, i.Standby)
	if err != nil || layout.schema == "" {
		return err
	}
	i.Schema, i.Usage = layout.schema, layout.usage
	rights := make(map[string]bool) // by table.column
	rows, err := tx.Query(ctx, rightsSQL, layout.schema, tableNames())
	if err != nil {
		return err
	}
	var table, column string
	var readable bool
	_, err = pgx.ForEachRow(rows, []any{&table, &column, &readable}, func() error {
		if !slices.Contains(layout.unlogged, table) {
			rights[table+"."+column] = readable
		}
		return nil
	})
	if err != nil {
		return err
	}
	i.compare(rights, layout.unlogged, db.config)
	i.inspectRows(layout)
	return i.inspectHeartbeat(ctx, tx, rights)
}

// compare finds what is missing or denied among the columns of a schema.
func (i *Inspection) compare(rights map[string]bool, unlogged []string, c config) {
	missing := make(lacks)
	for _, t := range tables {
		for _, o := range t.Optional {
			for _, c := range o.Columns {
				if _, ok := rights[t.Name+"."+c]; !ok {
					missing[t.Name+"."+c] = true
				}
			}
		}
	}
	i.Lacks = missing.list(unlogged)
	i.Unserved = c.unserved(missing)
	for _, t := range tables {
		absent, denied := Table{Name: t.Name}, Table{Name: t.Name}
		for _, c := range t.needed(&missing) {
			readable, ok := rights[t.Name+"."+c]
			switch {
			case missing.column(t.Name, c):
			case !ok:
				absent.Columns = append(absent.Columns, c)
			case !readable:
				denied.Columns = append(denied.Columns, c)
			}
		}
		if absent.Columns != nil {
			i.Absent = append(i.Absent, absent)
		}
		if denied.Columns != nil {
			i.Denied = append(i.Denied, denied)
		}
	}
}

func (i *Inspection) inspectRows(l *layout) {
	i.Filtered = l.filtered
	var policies []string
	for _, h := range l.hidden {
		i.Hidden = append(i.Hidden, h.name)
		policies = append(policies, l.policy(h.name))
	}
	i.AllowRows = strings.Join(policies, "; ")
	i.BypassRows = l.bypass()
}

const heartbeatSQL = `
SELECT extract(epoch FROM least(now(), CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() END) - max(last_connected_at))::float8
FROM workspace_agents
WHERE last_connected_at IS NOT NULL AND (disconnected_at IS NULL OR disconnected_at < last_connected_at)`

func (i *Inspection) inspectHeartbeat(ctx context.Context, tx pgx.Tx, rights map[string]bool) error {
	if !i.Usage || !rights["workspace_agents.last_connected_at"] || !rights["workspace_agents.disconnected_at"] {
		return nil
	}
	var seconds *float64
	if err := tx.QueryRow(ctx, heartbeatSQL).Scan(&seconds); err != nil {
		return err
	}
	if seconds != nil {
		age := time.Duration(*seconds * float64(time.Second))
		i.Heartbeat = &age
	}
	return nil
}
