package coderdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// readAll runs every collection of the edition once.
func readAll(ctx context.Context, db *DB) error {
	var errs []error
	for _, c := range collectionsOf(db.edition) {
		_, err := c.collect(ctx, db, db.Sources())
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// TestSecretsCannotBeRead checks that the restricted role of the golden tests can read
// no secrets.
func TestSecretsCannotBeRead(t *testing.T) {
	_, url := newDatabase(t, "schema.sql", "fleet.sql")
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range []string{
		"SELECT hashed_secret FROM api_keys",
		"SELECT hashed_password FROM users",
		"SELECT auth_token FROM workspace_agents",
		"SELECT count(*) FROM api_keys WHERE hashed_secret = 'x'",
		"SELECT users FROM users",
		"TABLE api_keys",
		"DELETE FROM users",
		"UPDATE users SET email = 'x'",
		"INSERT INTO licenses (jwt) VALUES ('x')",
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), insufficientPrivilege) {
			t.Errorf("%s: error %v, want permission denied", sql, err)
		}
	}
}

// TestEveryGrantIsNeeded revokes the granted columns one by one, and checks that each
// revoked column fails a collection with an error that names the missing GRANT. The columns
// in unread are exceptions: every version of Coder has them, but only the queries of later
// versions read them.
func TestEveryGrantIsNeeded(t *testing.T) {
	for _, test := range []struct {
		edition instrument.Edition
		name    string
		scripts []string
		unread  []string
	}{
		{instrument.Documented, "newest", []string{"schema.sql"}, nil},
		{instrument.Documented, "without", []string{"schema.sql", "without.sql"}, nil},
		{instrument.Coder, "newest", []string{"schema.sql"}, nil},
		{instrument.Coder, "without", []string{"schema.sql", "without.sql"}, // no presets
			[]string{"templates.active_version_id", "templates.deprecated", "workspaces.created_at"}},
	} {
		t.Run(test.edition.String()+"/"+test.name, func(t *testing.T) {
			d, url := newDatabaseOf(t, test.edition, test.scripts...)
			d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
			db := open(t, url, WithEdition(test.edition))
			if err := readAll(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			var unread []string
			order := slices.Clone(collectionsOf(test.edition))
			for _, c := range granted(t, d, url) {
				d.Exec(t, fmt.Sprintf("REVOKE SELECT (%s) ON %s FROM %s", c.column, c.table, c.role))
				mend := fmt.Sprintf(`GRANT SELECT ("%s") ON "public"."%s" TO "%s"`, c.column, c.table, c.role)
				var errs []error
				needs := slices.IndexFunc(order, func(asked collection) bool {
					_, err := asked.collect(t.Context(), db, db.Sources())
					errs = append(errs, err)
					return err != nil && strings.Contains(err.Error(), mend)
				})
				if needs < 0 && errors.Join(errs...) == nil {
					unread = append(unread, c.table+"."+c.column)
					d.Exec(t, mend)
					continue
				}
				if needs < 0 {
					t.Fatalf("%s.%s: got error %v, want %s", c.table, c.column, errors.Join(errs...), mend)
				}
				// The same collection is likely to need the next column too.
				order[0], order[needs] = order[needs], order[0]
				d.Exec(t, mend)
			}
			slices.Sort(unread)
			if !slices.Equal(unread, test.unread) {
				t.Errorf("got granted columns that are not read %v, want %v", unread, test.unread)
			}
			if err := readAll(t.Context(), db); err != nil {
				t.Errorf("after the grants: %v", err)
			}
		})
	}
}

type grantedColumn struct{ table, column, role string }

// granted returns the columns that the role of a URL may read.
func granted(t *testing.T, d *pgtest.Database, url string) []grantedColumn {
	t.Helper()
	config, err := postgres.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	rows := pgtest.Value[[]string](t, d, `SELECT array_agg(table_name || ' ' || column_name ORDER BY 1)
		FROM information_schema.column_privileges WHERE grantee = $1`, config.User)
	var all []grantedColumn
	for _, row := range rows {
		table, column, _ := strings.Cut(row, " ")
		all = append(all, grantedColumn{table, column, config.User})
	}
	return all
}

// TestGrantsAreTables compares the granted columns with [coderschema.Tables], from which the
// script is generated.
func TestGrantsAreTables(t *testing.T) {
	for e := range instrument.Editions() {
		d, url := newDatabaseOf(t, e, "schema.sql")
		var want []string
		for _, table := range coderschema.Tables(e) {
			columns := table.Columns
			for _, o := range table.Optional {
				columns = append(columns, o.Columns...)
			}
			for _, c := range columns {
				want = append(want, table.Name+"."+c)
			}
		}
		var got []string
		for _, c := range granted(t, d, url) {
			got = append(got, c.table+"."+c.column)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("edition %s, granted:\n%v\nwant:\n%v", e, got, want)
		}
	}
}

// TestGrantsQuoteTheRole checks that the script quotes a role name with special characters.
func TestGrantsQuoteTheRole(t *testing.T) {
	d := pgtest.New(t)
	d.Exec(t, read(t, "schema.sql"))
	const name = `a"b'c$$d$_$e%s{,}; DROP TABLE users`
	d.Exec(t, "CREATE ROLE "+postgres.Quote(name))
	t.Cleanup(func() { d.Exec(t, "DROP OWNED BY "+postgres.Quote(name)+"; DROP ROLE "+postgres.Quote(name)) })
	d.Exec(t, coderschema.Grants(instrument.Documented, name))
	if !pgtest.Value[bool](t, d, "SELECT has_column_privilege($1::name, 'users', 'is_system', 'SELECT')", name) {
		t.Error("the role cannot read a granted column")
	}
}

// TestWithoutParameters checks that WithoutParameters needs no grants on the tables of
// parameters.
func TestWithoutParameters(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql", "insights.sql")
	config, err := postgres.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	d.Exec(t, "REVOKE SELECT (name, type, template_version_id) ON template_version_parameters FROM "+config.User)
	d.Exec(t, "REVOKE SELECT (name, value, workspace_build_id) ON workspace_build_parameters FROM "+config.User)
	i, err := open(t, url, WithoutParameters()).Sources().Insights.Insights(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(i.Parameters) != 0 || len(i.ActiveUsers) != 3 {
		t.Errorf("%d parameters and %d templates, want none and 3", len(i.Parameters), len(i.ActiveUsers))
	}
}

// TestOtherSchema checks that the tables are found in any schema and with any search_path,
// and that the GRANTs in errors name the schema.
func TestOtherSchema(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql", "agentstats.sql", "insights.sql", "events.sql", "scripts.sql")
	want, err := collect(t.Context(), open(t, url))
	if err != nil {
		t.Fatal(err)
	}
	const schema = `my "coder"`
	role := roleOf(t, url)
	d.Exec(t, "DROP OWNED BY "+role+"; CREATE SCHEMA "+postgres.Quote(schema)+`;
		DO $$ DECLARE t record; BEGIN
			FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
				EXECUTE format('ALTER TABLE %I SET SCHEMA `+postgres.Quote(schema)+`', t.tablename);
			END LOOP;
		END $$`)
	db := open(t, url)
	err = readAll(t.Context(), db)
	if mend := `run GRANT USAGE ON SCHEMA "my ""coder""" TO "` + role + `"`; err == nil || !strings.Contains(err.Error(), mend) {
		t.Errorf("got error %v, want %s", err, mend)
	}
	d.Exec(t, `GRANT USAGE ON SCHEMA `+postgres.Quote(schema)+` TO `+role)
	_ = readAll(t.Context(), db)
	err = readAll(t.Context(), db)
	if mend := `run GRANT SELECT ("user_id", "last_used") ON "my ""coder"""."api_keys" TO "` + role + `"`; err == nil || !strings.Contains(err.Error(), mend) {
		t.Errorf("got error %v, want %s", err, mend)
	}
	d.Exec(t, coderschema.GrantsIn(instrument.Documented, schema, role))
	for _, path := range []string{"public", "''", "pg_catalog", postgres.Quote(schema)} {
		d.Exec(t, "ALTER ROLE "+role+" SET search_path = "+path)
		got, err := collect(t.Context(), open(t, url))
		if err != nil {
			t.Errorf("with search_path %s: %v", path, err)
		}
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("with search_path %s: %s: got\n%s\nwant\n%s", path, name, got[name], want[name])
			}
		}
	}
}

// TestRowLevelSecurity checks that row-level security fails the sources that read the table
// if no policy applies to the role, and logs a warning if one does.
func TestRowLevelSecurity(t *testing.T) {
	log := new(log)
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	role := roleOf(t, url)
	read := func() (users, licenses error) {
		s := open(t, url, log.option()).Sources()
		_, users = s.ActiveUsers.ActiveUsers(t.Context())
		_, licenses = s.License.License(t.Context())
		return users, licenses
	}
	d.Exec(t, "ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY others ON users TO pg_monitor USING (true); CREATE POLICY less ON users AS RESTRICTIVE USING (true)")
	users, licenses := read()
	want := `read licenses: row-level security hides every row of users from the role: run CREATE POLICY "` + role + `" ON "public"."users" FOR SELECT TO "` + role + `" USING (true), or ALTER ROLE "` + role + `" BYPASSRLS`
	if users != nil || licenses == nil || licenses.Error() != want {
		t.Errorf("got errors %v and %v, want nil for active users and %s for licenses", users, licenses, want)
	}
	if text := log.String(); text != "" {
		t.Errorf("got log %s, want none", text)
	}

	_, mend, _ := strings.Cut(want, ": run ")
	mend, bypass, _ := strings.Cut(mend, ", or ")
	d.Exec(t, mend)
	const filtered = `level=WARN msg="row-level security applies to the role: what its policies hide is not counted" tables=users instead="ALTER ROLE \"`
	if _, licenses := read(); licenses != nil {
		t.Errorf("with a policy: %v", licenses)
	}
	if text := log.String(); strings.Count(text, filtered) != 1 {
		t.Errorf("got log %s, want one line %s", text, filtered)
	}

	d.Exec(t, "DROP POLICY "+postgres.Quote(role)+" ON users; "+bypass)
	if _, licenses := read(); licenses != nil {
		t.Errorf("with BYPASSRLS: %v", licenses)
	}
}

// TestLatin1 checks that text is read as UTF-8 if the database or the role has the encoding
// LATIN1.
func TestLatin1(t *testing.T) {
	for name, encoding := range map[string]string{"database": "LATIN1", "role": "UTF8"} {
		t.Run(name, func(t *testing.T) {
			d := pgtest.NewEncoded(t, encoding)
			d.Exec(t, read(t, "schema.sql"))
			d.Exec(t, `INSERT INTO users (id, username, email) VALUES (u(1), E'ren\u00e9', 'a'), (u(2), E'ren\u00e8', 'b');
				INSERT INTO templates (id, name) VALUES (u(11), 'docker');
				INSERT INTO workspaces (id, owner_id, template_id, name) VALUES (u(31), u(1), u(11), E'\u00e9'), (u(32), u(2), u(11), E'\u00e8')`)
			url := d.Role(t, grants)
			d.Exec(t, "ALTER ROLE "+roleOf(t, url)+" SET client_encoding = 'LATIN1'")
			workspaces, err := open(t, url).Sources().Agents.Agents(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, w := range workspaces {
				names = append(names, w.Username+"/"+w.Name)
			}
			slices.Sort(names)
			if want := []string{"renè/è", "rené/é"}; !slices.Equal(names, want) {
				t.Errorf("workspaces %q, want %q", names, want)
			}
		})
	}
}

// TestCauses checks that errors.Is distinguishes the causes of errors.
func TestCauses(t *testing.T) {
	d, url := newDatabase(t, "schema.sql")
	role := roleOf(t, url)
	for breaks, want := range map[string]struct {
		cause error
		mends string
	}{
		"REVOKE SELECT (jwt) ON licenses FROM " + role:   {coderschema.ErrPermission, "GRANT SELECT (jwt) ON licenses TO " + role},
		"ALTER TABLE licenses RENAME TO other":           {coderschema.ErrSchema, "ALTER TABLE other RENAME TO licenses"},
		"ALTER TABLE licenses ENABLE ROW LEVEL SECURITY": {coderschema.ErrRowSecurity, "ALTER TABLE licenses DISABLE ROW LEVEL SECURITY"},
	} {
		t.Run(fmt.Sprint(want.cause), func(t *testing.T) {
			d.Exec(t, breaks)
			_, err := open(t, url).Sources().License.License(t.Context())
			for _, cause := range []error{coderschema.ErrPermission, coderschema.ErrSchema, coderschema.ErrRowSecurity} {
				if errors.Is(err, cause) != (cause == want.cause) {
					t.Errorf("errors.Is(%v, %v) = %v", err, cause, errors.Is(err, cause))
				}
			}
			d.Exec(t, want.mends)
		})
	}
}
