package coderdb

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Grants writes the SQL script that lets a role read what [Tables] lists, and
// nothing else. To be run in the deployment's database by its owner; it may be
// run again, for example after an upgrade of Coder that brought columns which
// were missing before.
func Grants(role string) string {
	role = quote(role)
	var script strings.Builder
	fmt.Fprintf(&script, "GRANT USAGE ON SCHEMA public TO %s;\n", role)
	for _, t := range tables {
		if len(t.Columns) > 0 {
			script.WriteString(grant(t.Name, t.Columns, role) + ";\n")
		}
		if len(t.Optional) > 0 {
			script.WriteString(grantOptional(t, role) + ";\n")
		}
	}
	return script.String()
}

func grant(table string, columns []string, role string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = quote(c)
	}
	return fmt.Sprintf("GRANT SELECT (%s) ON %s TO %s", strings.Join(quoted, ", "), quote(table), role)
}

// grantOptional grants columns that may be missing, or what is read instead.
func grantOptional(t Table, role string) string {
	instead := "NULL"
	if len(t.Instead) > 0 {
		instead = grant(t.Name, t.Instead, role)
	}
	block := fmt.Sprintf("BEGIN\n\t%s;\nEXCEPTION WHEN undefined_table OR undefined_column THEN -- not in this version\n\t%s;\nEND",
		grant(t.Name, t.Optional, role), instead)
	// A literal and not $$: a role's name may hold anything.
	return "DO '" + strings.ReplaceAll(block, "'", "''") + "'"
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
