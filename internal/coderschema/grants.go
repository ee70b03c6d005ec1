package coderschema

import (
	"fmt"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/shell"
)

// Grants returns the SQL script that lets a role read the columns of [Tables] of an edition
// in the schema public, and nothing else. It skips columns that do not exist. The owner of
// the deployment's database runs it, and runs it again after an upgrade of Coder that added
// missing columns.
func Grants(e instrument.Edition, role string) string { return GrantsIn(e, "public", role) }

// GrantsIn is [Grants] for the tables of another schema.
func GrantsIn(e instrument.Edition, schema, role string) string {
	// A GRANT that names a missing column grants none, and aborts its transaction.
	var columns, instead []string
	for _, t := range Tables(e) {
		all := t.Columns
		for _, o := range t.Optional {
			all = append(all, o.Columns...)
			if len(o.Instead) > 0 {
				instead = append(instead, grantedInstead(schema, t.Name, o))
			}
		}
		columns = append(columns, fmt.Sprintf("\t\t\t(%s, '{%s}')", literal(t.Name), strings.Join(all, ", ")))
	}
	block := fmt.Sprintf(`
DECLARE
	statement text;
BEGIN
	FOR statement IN
		SELECT format('GRANT SELECT (%%s) ON %%I.%%I TO %%I', string_agg(quote_ident(attname), ', '), %[1]s, name, %[2]s)
		FROM (VALUES
%[3]s
%[4]s		) AS granted (name, columns)
		JOIN pg_attribute ON attrelid = to_regclass(format('%%I.%%I', %[1]s, name)) AND attname = ANY (columns::text[])
		GROUP BY name
	LOOP
		EXECUTE statement;
	END LOOP;
END
`, literal(schema), literal(role), strings.Join(columns, ",\n"), strings.Join(instead, ""))
	return fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s;\n\n-- Grants the columns that exist: versions of Coder differ.\nDO %s;\n",
		postgres.Quote(schema), postgres.Quote(role), dollarQuote(block))
}

// grantedInstead returns the part of a query that adds the columns that are read if one of
// the optional columns is missing.
func grantedInstead(schema, table string, o Optional) string {
	l := Layout{Schema: schema}
	missing := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		missing[i] = fmt.Sprintf("NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s)",
			literal(l.qualified(table)), literal(c))
	}
	return fmt.Sprintf("\t\t\tUNION ALL SELECT %s, '{%s}' -- instead of %s\n\t\t\tWHERE %s\n",
		literal(table), strings.Join(o.Instead, ", "), strings.Join(o.Columns, ", "), strings.Join(missing, " OR "))
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
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = postgres.Quote(c)
	}
	return fmt.Sprintf("GRANT SELECT (%s) ON %s TO %s", strings.Join(quoted, ", "), l.qualified(table), postgres.Quote(l.Role))
}

// literal returns a string constant of SQL.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// dollarQuote returns a dollar-quoted string constant of SQL. Its tag does not occur in the
// text, which may contain the name of any role.
func dollarQuote(text string) string {
	tag := "$$"
	for strings.Contains(text, tag) {
		tag = "$_" + tag[1:]
	}
	return tag + text + tag
}
