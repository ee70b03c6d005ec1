package coderschema

import (
	"fmt"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/shell"
)

// Grants returns the SQL script that lets a role read the columns of [Tables] in the
// schema public for an edition, and nothing else. The owner of the deployment's database runs it, and
// runs it again after an upgrade of Coder that added missing columns.
func Grants(e instrument.Edition, role string) string { return GrantsIn(e, "public", role) }

// GrantsIn is [Grants] for the tables of another schema.
func GrantsIn(e instrument.Edition, schema, role string) string {
	l := Layout{Schema: schema}
	role = postgres.Quote(role)
	var script strings.Builder
	fmt.Fprintf(&script, "GRANT USAGE ON SCHEMA %s TO %s;\n", postgres.Quote(schema), role)
	for _, t := range Tables(e) {
		if len(t.Columns) > 0 {
			script.WriteString(grant(l.qualified(t.Name), t.Columns, role) + ";\n")
		}
		for _, o := range t.Optional {
			script.WriteString(grantOptional(l.qualified(t.Name), o, role) + ";\n")
		}
	}
	return script.String()
}

// GrantCommand returns the shell command that runs [GrantsIn] as the owner of the
// database. An empty schema means public.
func GrantCommand(e instrument.Edition, schema, role string) string {
	command := "otelcoder grants --role " + shell.Quote(role)
	if e != instrument.Documented {
		command += " --metric-names " + e.String()
	}
	if schema != "" && schema != "public" {
		command += " --schema " + shell.Quote(schema)
	}
	return command + ` | psql "$OWNER_URL"`
}

// GrantColumns returns the statement that lets the role of a layout read columns of a
// table.
func (l *Layout) GrantColumns(table string, columns []string) string {
	return grant(l.qualified(table), columns, postgres.Quote(l.Role))
}

// grant returns the statement that grants columns of a quoted table to a quoted role.
func grant(table string, columns []string, role string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = postgres.Quote(c)
	}
	return fmt.Sprintf("GRANT SELECT (%s) ON %s TO %s", strings.Join(quoted, ", "), table, role)
}

// grantOptional returns the statement that grants optional columns, or the columns
// read instead if they are missing.
func grantOptional(table string, o Optional, role string) string {
	instead := "NULL"
	if len(o.Instead) > 0 {
		instead = grant(table, o.Instead, role)
	}
	block := fmt.Sprintf("BEGIN\n\t%s;\nEXCEPTION WHEN undefined_table OR undefined_column THEN -- not in this version\n\t%s;\nEND",
		grant(table, o.Columns, role), instead)
	// A literal and not $$, since a role's name may contain anything.
	return "DO '" + strings.ReplaceAll(block, "'", "''") + "'"
}
