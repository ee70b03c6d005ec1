package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// rolePlan is the SQL that sets up the role of otelcoder in a database.
type rolePlan struct {
	edition instrument.Edition
	role    string
	schema  string // of Coder's tables

	account string // creates or alters the role; empty if nothing changes
	grants  string // empty if no grant is missing

	exists      bool // the role exists already
	newPassword bool // account sets the password
}

// noVerifier replaces the verifier in a script that is only printed. It is a variable
// of psql, so that running the script cannot set a password known from this source.
const noVerifier = ":'verifier'"

// newRolePlan returns the plan for a database without the role. schema is the schema of
// Coder's tables, verifier an SQL expression.
func newRolePlan(e instrument.Edition, schema, role, verifier string) rolePlan {
	return rolePlan{
		edition: e, role: role, schema: schema,
		account:     fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD %s;\n", postgres.Quote(role), verifier),
		grants:      coderschema.GrantsIn(e, schema, role),
		newPassword: true,
	}
}

// planRole compares the database with the needs of the role, without writing. The
// verifier becomes the password of a new role and, if rotate is true, of an existing one.
func planRole(ctx context.Context, owner *pgx.Conn, e instrument.Edition, role, verifier string, rotate bool) (rolePlan, error) {
	p := newRolePlan(e, "public", role, verifier)
	err := pgx.BeginTxFunc(ctx, owner, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := p.findTables(ctx, tx); err != nil {
			return err
		}
		if err := p.findRole(ctx, tx, verifier, rotate); err != nil {
			return err
		}
		missing, err := p.missing(ctx, tx)
		if err == nil && len(missing) == 0 {
			p.grants = ""
		}
		return err
	})
	if err != nil {
		return p, explainSetup(err)
	}
	return p, nil
}

// ownersSQL lists the owners of tables whose rights the current user lacks. $1:
// tables; $2: their schema.
const ownersSQL = `
SELECT coalesce(string_agg(DISTINCT c.relowner::regrole::text, ', ') FILTER (WHERE NOT pg_has_role(c.relowner, 'USAGE')), ''),
	current_user::regrole::text
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY ($1::text[]) AND n.nspname = $2`

// findTables finds the schema of Coder's tables. It returns an error if there is none,
// or if the current user may not grant them.
func (p *rolePlan) findTables(ctx context.Context, tx pgx.Tx) error {
	var standby bool
	if err := tx.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil {
		return err
	}
	if standby {
		return errors.New("this server is a standby: give the URL of the primary")
	}
	schema, err := coderschema.FindSchema(ctx, tx)
	if err != nil {
		return err
	}
	if schema == "" {
		return errors.New("this is not the database of a Coder deployment: no schema has its tables; use the URL of the Coder server (its CODER_PG_CONNECTION_URL)")
	}
	p.schema = schema
	var owners, user string
	if err := tx.QueryRow(ctx, ownersSQL, coderschema.TableNames(p.edition), schema).Scan(&owners, &user); err != nil {
		return err
	}
	if owners != "" {
		return fmt.Errorf("%s may not grant the tables of Coder, which belong to %s: connect as their owner, or let an administrator run GRANT %s TO %s",
			user, owners, owners, user)
	}
	p.grants = coderschema.GrantsIn(p.edition, p.schema, p.role)
	return nil
}

// roleSQL describes a role. $1: the role; $2: tables; $3: their schema.
const roleSQL = `
SELECT r.rolcanlogin, coalesce(r.rolvaliduntil <= now(), false),
	has_database_privilege(r.oid, current_database(), 'CONNECT'),
	r.rolsuper OR r.rolname IN (current_user, session_user) OR EXISTS (
		SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = ANY ($2::text[]) AND n.nspname = $3 AND c.relowner = r.oid
	)
FROM pg_roles r
WHERE r.rolname = $1`

// creatorSQL returns whether the current user may create roles, its name, and whether
// every role may connect to the database.
const creatorSQL = `
SELECT rolsuper OR rolcreaterole, rolname::regrole::text, has_database_privilege('public', current_database(), 'CONNECT')
FROM pg_roles
WHERE rolname = current_user`

// findRole plans the role and its right to connect to the database.
func (p *rolePlan) findRole(ctx context.Context, tx pgx.Tx, verifier string, rotate bool) error {
	var canLogin, expired, mayConnect, powerful bool
	err := tx.QueryRow(ctx, roleSQL, p.role, coderschema.TableNames(p.edition), p.schema).Scan(&canLogin, &expired, &mayConnect, &powerful)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		var mayCreate bool
		var user string
		if err := tx.QueryRow(ctx, creatorSQL).Scan(&mayCreate, &user, &mayConnect); err != nil {
			return err
		}
		if !mayCreate {
			return fmt.Errorf(`%s may not create roles: let an administrator run CREATE ROLE %s LOGIN PASSWORD '...', then run this again; or ALTER ROLE %s CREATEROLE`,
				user, postgres.Quote(p.role), user)
		}
	case err != nil:
		return err
	case powerful:
		return misused(fmt.Errorf("%s is a superuser, the owner of Coder's tables or the user of this connection: give otelcoder a role of its own by --role", postgres.Quote(p.role)))
	default:
		p.exists, p.newPassword, p.account = true, rotate, ""
		var options []string
		if !canLogin {
			options = append(options, "LOGIN")
		}
		if rotate {
			options = append(options, "PASSWORD "+verifier)
			if expired {
				options = append(options, "VALID UNTIL 'infinity'")
			}
		} else if expired {
			return fmt.Errorf("the password of %s has expired: --rotate-password sets another one", postgres.Quote(p.role))
		}
		if len(options) > 0 {
			p.account = fmt.Sprintf("ALTER ROLE %s %s;\n", postgres.Quote(p.role), strings.Join(options, " "))
		}
	}
	if !mayConnect {
		var database string
		if err := tx.QueryRow(ctx, "SELECT current_database()::text").Scan(&database); err != nil {
			return err
		}
		p.account += fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s;\n", postgres.Quote(database), postgres.Quote(p.role))
	}
	return nil
}

// columnsSQL lists the columns of tables, and whether a role may read them. $1:
// tables; $2: their schema; $3: the role, which may be missing.
const columnsSQL = `
SELECT c.relname::text, a.attname::text, coalesce((
	SELECT has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')
	FROM pg_roles r
	WHERE r.rolname = $3
), false)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relname = ANY ($1::text[]) AND n.nspname = $2 AND a.attnum > 0 AND NOT a.attisdropped`

// missing returns the required columns that the role may not read, as table.column.
func (p *rolePlan) missing(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, columnsSQL, coderschema.TableNames(p.edition), p.schema, p.role)
	if err != nil {
		return nil, err
	}
	readable := make(map[string]bool) // by existing column
	var table, column string
	var may bool
	if _, err := pgx.ForEachRow(rows, []any{&table, &column, &may}, func() error {
		readable[table+"."+column] = may
		return nil
	}); err != nil {
		return nil, err
	}
	var missing []string
	need := func(table string, columns []string) (all bool) {
		all = true
		for _, c := range columns {
			may, exists := readable[table+"."+c]
			all = all && exists
			if exists && !may {
				missing = append(missing, table+"."+c)
			}
		}
		return all
	}
	for _, t := range coderschema.Tables(p.edition) {
		need(t.Name, t.Columns)
		for _, o := range t.Optional {
			before := len(missing)
			if !need(t.Name, o.Columns) {
				missing = missing[:before] // these columns are read only together
				need(t.Name, o.Instead)
			}
		}
	}
	return missing, nil
}

// empty reports whether the plan changes nothing.
func (p *rolePlan) empty() bool { return p.account == "" && p.grants == "" }

// settings returns the SQL that runs first, in a statement of its own, since the server
// parses the other statements by these settings.
func (p *rolePlan) settings() string {
	return fmt.Sprintf("SET LOCAL standard_conforming_strings = on;\nSET LOCAL search_path = %s;\n", postgres.Quote(p.schema))
}

// script returns the plan for psql, with [noVerifier].
func (p *rolePlan) script() string {
	if p.empty() {
		return "-- Nothing to change: the role exists and can read everything.\n"
	}
	comment := ""
	if p.newPassword {
		comment = "-- :'verifier' is the SCRAM-SHA-256 verifier of a random password.\n"
	}
	return comment + "BEGIN;\n" + p.settings() + p.account + p.grants + "COMMIT;\n"
}

// apply executes the plan in one transaction.
func (p *rolePlan) apply(ctx context.Context, owner *pgx.Conn) error {
	if p.empty() {
		return nil
	}
	err := pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
		for _, sql := range []string{p.settings(), p.account, p.grants} {
			_, err := tx.Exec(ctx, sql)
			if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "42501" && sql == p.account && p.exists {
				return fmt.Errorf("the user of this connection may not alter the role %s: connect as a user with CREATEROLE or as an administrator: %w",
					postgres.Quote(p.role), err)
			}
			if err != nil {
				return err
			}
		}
		missing, err := p.missing(ctx, tx)
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("%s still cannot read %s: does the owner have the right to grant it?", postgres.Quote(p.role), strings.Join(missing, ", "))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("set up the role: %w", explainSetup(err))
	}
	return nil
}

// explainSetup adds the detail of a PostgreSQL error to its text.
func explainSetup(err error) error {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || refused.Detail == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, strings.Join(strings.Fields(refused.Detail), " "))
}
