package coderschema

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// Inspection describes a database and the rights of a role in it.
type Inspection struct {
	Edition   instrument.Edition
	Server    string // version of PostgreSQL, as "16.4"
	Supported bool   // the version is 13 or later
	Standby   bool   // the server is in recovery
	Database  string
	Role      string // of the connection

	TLS      string // version of TLS, as "TLS 1.3"; empty without encryption
	Verified bool   // the server's certificate was verified
	Local    bool   // the connection uses a Unix socket or loopback

	// ConnectionLimit is the number of connections that the role and the database
	// allow, the lower of both; -1 without a limit. RaiseLimit is the SQL that raises
	// it to [postgres.Connections]; empty if it is high enough.
	ConnectionLimit int
	RaiseLimit      string

	// Schema is the schema that has more than half of the tables of [Tables]. If there
	// is none, Schema and the fields below are empty.
	Schema string
	// Usage reports whether the role has USAGE on the schema.
	Usage bool
	// Absent are tables with their missing columns that every supported version of
	// Coder has.
	Absent []Table
	// Denied are tables with their columns that the role may not read. [GrantsIn]
	// grants them.
	Denied []Table
	// Lacks are the optional columns that are missing in this version of Coder.
	Lacks []Lack
	// Unserved are the families that are not read from this database, of those that
	// can be read from a database.
	Unserved map[instrument.Family]Reason

	// Hidden are the tables whose rows are all hidden by row-level security, and
	// Filtered those whose policies may hide some rows. AllowRows is the SQL of
	// policies that show the hidden tables. BypassRows sets an attribute of the role
	// that shows all rows; only a superuser can set it.
	Hidden, Filtered      []string
	AllowRows, BypassRows string

	// Heartbeat is the age, by the database's clock, of the newest heartbeat of an
	// agent that Coder has not recorded as disconnected; negative if the clock of the
	// Coder server is ahead. It is nil if there is no such agent.
	Heartbeat *time.Duration
}

// inspectionLimit is the time limit of [Inspect].
const inspectionLimit = 30 * time.Second

// Inspect reads the settings of the server of a connection, the schema and the rights
// of the role, for an edition. Of the deployment's state it reads only one heartbeat. off
// are the families that options leave out.
func Inspect(ctx context.Context, conn *pgx.Conn, e instrument.Edition, off []instrument.Family) (*Inspection, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectionLimit)
	defer cancel()
	i := &Inspection{Edition: e}
	i.inspectConnection(conn)
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{BeginQuery: postgres.BeginReadOnly(inspectionLimit)}, func(tx pgx.Tx) error {
		if err := i.inspectServer(ctx, tx); err != nil {
			return err
		}
		return i.inspectSchema(ctx, tx, off)
	})
	if err != nil {
		return nil, &postgres.LineError{Err: fmt.Errorf("inspect the database: %w", err)}
	}
	return i, nil
}

func (i *Inspection) inspectConnection(conn *pgx.Conn) {
	pg := conn.PgConn()
	switch address := pg.Conn().RemoteAddr().(type) {
	case *net.UnixAddr:
		i.Local = true
	case *net.TCPAddr:
		i.Local = address.IP.IsLoopback()
	}
	if encrypted, ok := pg.Conn().(*tls.Conn); ok {
		state := encrypted.ConnectionState()
		i.TLS = tls.VersionName(state.Version)
		// The driver verifies by VerifyPeerCertificate for sslmode=verify-ca.
		config := conn.Config().TLSConfig
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
	all, err := postgres.ReadLimits(ctx, tx)
	if err != nil {
		return err
	}
	i.ConnectionLimit = all.Lowest()
	i.RaiseLimit = all.Raise()
	return nil
}

// rightsSQL returns the columns of tables in a schema, and whether the role may read
// them. It needs no USAGE on the schema. $1: schema; $2: tables.
const rightsSQL = `
SELECT c.relname::text, a.attname::text, has_column_privilege(c.oid, a.attnum, 'SELECT')
FROM pg_namespace n
JOIN pg_class c ON c.relnamespace = n.oid
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = $1 AND c.relname = ANY ($2::text[]) AND c.relkind IN ('r', 'p', 'v', 'm')
	AND a.attnum > 0 AND NOT a.attisdropped`

func (i *Inspection) inspectSchema(ctx context.Context, tx pgx.Tx, off []instrument.Family) error {
	layout, err := Find(ctx, tx, i.Edition, i.Standby)
	if err != nil || layout.Schema == "" {
		return err
	}
	i.Schema, i.Usage = layout.Schema, layout.Usage
	rights := make(map[string]bool) // by table.column
	rows, err := tx.Query(ctx, rightsSQL, layout.Schema, TableNames(i.Edition))
	if err != nil {
		return err
	}
	var table, column string
	var readable bool
	_, err = pgx.ForEachRow(rows, []any{&table, &column, &readable}, func() error {
		if !slices.Contains(layout.Unlogged, table) {
			rights[table+"."+column] = readable
		}
		return nil
	})
	if err != nil {
		return err
	}
	i.compare(rights, layout.Unlogged, off)
	i.inspectRows(layout)
	return i.inspectHeartbeat(ctx, tx, rights)
}

// compare sets the missing and the denied columns, by the columns and rights of the
// schema.
func (i *Inspection) compare(rights map[string]bool, unlogged []string, off []instrument.Family) {
	missing := make(Lacks)
	tables := Tables(i.Edition)
	for _, t := range tables {
		for _, o := range t.Optional {
			for _, c := range o.Columns {
				if _, ok := rights[t.Name+"."+c]; !ok {
					missing[t.Name+"."+c] = true
				}
			}
		}
	}
	i.Lacks = missing.List(i.Edition, unlogged)
	i.Unserved = Unserved(i.Edition, missing, off)
	for _, t := range tables {
		absent, denied := Table{Name: t.Name}, Table{Name: t.Name}
		for _, c := range t.Needed(missing) {
			readable, ok := rights[t.Name+"."+c]
			switch {
			case missing.Missing(t.Name, c):
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

func (i *Inspection) inspectRows(l *Layout) {
	i.Filtered = l.Filtered
	var policies []string
	for _, h := range l.hidden {
		i.Hidden = append(i.Hidden, h.name)
		policies = append(policies, l.Policy(h.name))
	}
	i.AllowRows = strings.Join(policies, "; ")
	i.BypassRows = l.Bypass()
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
