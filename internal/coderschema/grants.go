package coderschema

import (
	"fmt"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/shell"
)

// Grants returns the SQL script that lets a role read the columns of [Tables] of an edition
// in the schema public, and nothing else. The owner of the deployment's database runs it,
// and runs it again after an upgrade of Coder that added missing columns.
func Grants(e instrument.Edition, role string) string { return GrantsIn(e, "public", role) }

// GrantsIn is [Grants] for the tables of another schema.
func GrantsIn(e instrument.Edition, schema, role string) string {
	l := Layout{Schema: schema}
	role = postgres.Quote(role)
	var script strings.Builder
	fmt.Fprintf(&script, "GRANT USAGE ON SCHEMA %s TO %s;\n", postgres.Quote(schema), role)
	for _, t := range Tables(e) {
		if len(t.Columns) > 0 {
			script.WriteString(grantRequired(l.qualified(t.Name), t.Columns, role) + ";\n")
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

// grantRequired returns the statement that grants columns that every supported version
// of Coder has, or those of them that exist if a later version lacks some: an error would
// undo the grants of the other columns.
func grantRequired(table string, columns []string, role string) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = literal(c)
	}
	return grantOr(table, columns, role, fmt.Sprintf(`EXECUTE coalesce((
		SELECT 'GRANT SELECT (' || string_agg(quote_ident(attname), ', ') || %s
		FROM pg_attribute WHERE attrelid = to_regclass(%s) AND NOT attisdropped AND attname IN (%s)
	), 'SELECT')`, literal(") ON "+table+" TO "+role), literal(table), strings.Join(names, ", ")))
}

// grantOptional returns the statement that grants optional columns, or the columns
// read instead if they are missing.
func grantOptional(table string, o Optional, role string) string {
	if len(o.Instead) > 0 {
		return grantOr(table, o.Columns, role, grant(table, o.Instead, role))
	}
	return grantOr(table, o.Columns, role, "NULL")
}

// grantOr returns the statement that grants columns, or does something else if one is
// missing.
func grantOr(table string, columns []string, role, instead string) string {
	return "DO " + literal(fmt.Sprintf("BEGIN\n\t%s;\nEXCEPTION WHEN undefined_table OR undefined_column THEN -- not in this version\n\t%s;\nEND",
		grant(table, columns, role), instead))
}

// literal returns a string constant of SQL. Dollar quoting would not do, since the name
// of a role may contain anything.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
