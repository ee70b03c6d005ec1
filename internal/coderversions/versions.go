// Package coderversions has the tables of Coder's database in eight dated versions, for
// tests.
//
// Its files have the columns and indexes of Coder's own schema on eight dates, from
// January 2024 to August 2026, of every table that is read or may come to be read. The
// last column of a file is the range of versions:
//
//   - columns.tsv: the columns of the tables, with their types, and whether they may be
//     null
//   - indexes.tsv: the indexes, with their columns and conditions
//   - enums.tsv: the values of the types; a second row of a type adds values
//
// The databases differ from Coder's in what the files lack. A column that may not be
// null has the zero value of its type, a new UUID or the present time as default, so that
// rows need only the columns that matter. There are no foreign keys, checks, triggers and
// views, and a domain is its base type. Types that are never read have the values of the
// newest version.
package coderversions

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// Version is a version of Coder's schema.
type Version struct {
	Name      string // "A" is the oldest one
	Date      string // of Coder's source, as 2006-01-02
	Migration int    // version in schema_migrations
}

// All returns the versions, the oldest first.
func All() []Version {
	return []Version{
		{"A", "2024-01-20", 185},
		{"B", "2024-11-08", 273},
		{"C", "2025-01-20", 287},
		{"D", "2025-04-16", 317},
		{"E", "2026-01-05", 403},
		{"F", "2026-03-14", 433},
		{"G", "2026-06-27", 532},
		{"H", "2026-08-21", 579},
	}
}

// Newest returns the newest version.
func Newest() Version {
	all := All()
	return all[len(all)-1]
}

// Table is a table of a version.
type Table struct {
	Name    string
	Columns []string
}

// Tables returns the tables of a version by name.
func (v Version) Tables() []Table { return tables(parse(columnsTSV, v)) }

// Has reports whether a version has a column of a table.
func (v Version) Has(table, column string) bool {
	return slices.ContainsFunc(parse(columnsTSV, v), func(c row) bool { return c[0] == table && c[1] == column })
}

// SQL returns the script that creates the types, the tables and their indexes.
func (v Version) SQL() string {
	columns := parse(columnsTSV, v)
	var script strings.Builder
	for _, name := range types(columns) {
		var values []string
		for _, e := range parse(enumsTSV, v) {
			if e[0] == name {
				values = append(values, strings.Fields(e[1])...)
			}
		}
		fmt.Fprintf(&script, "CREATE TYPE %s AS ENUM ('%s');\n", name, strings.Join(values, "', '"))
	}
	for _, t := range tables(columns) {
		unlogged := ""
		if t.Name == "tailnet_peers" && within("F-H", v) {
			unlogged = "UNLOGGED "
		}
		var definitions []string
		for _, c := range columns {
			if c[0] == t.Name {
				definitions = append(definitions, definition(c))
			}
		}
		fmt.Fprintf(&script, "CREATE %sTABLE %s (\n\t%s\n);\n", unlogged, t.Name, strings.Join(definitions, ",\n\t"))
	}
	for _, i := range parse(indexesTSV, v) {
		unique := ""
		if i[2] == "yes" {
			unique = "UNIQUE "
		}
		fmt.Fprintf(&script, "CREATE %sINDEX %s ON %s USING %s;\n", unique, i[1], i[0], i[3])
	}
	return script.String()
}

// With returns the script of [Version.SQL], followed by rows: a script for all versions.
// While it runs, the columns of other versions exist as text. They are dropped in the
// end, as Coder's migrations do it.
func (v Version) With(rows string) string {
	own := make(map[string]bool) // tables and columns
	for _, t := range v.Tables() {
		own[t.Name] = true
		for _, c := range t.Columns {
			own[t.Name+"."+c] = true
		}
	}
	var before, after strings.Builder
	for _, other := range All() {
		for _, t := range other.Tables() {
			if !own[t.Name] {
				own[t.Name] = true
				fmt.Fprintf(&before, "CREATE TABLE %s ();\n", t.Name)
				fmt.Fprintf(&after, "DROP TABLE %s;\n", t.Name)
			}
			for _, c := range t.Columns {
				if !own[t.Name+"."+c] {
					own[t.Name+"."+c] = true
					fmt.Fprintf(&before, "ALTER TABLE %s ADD COLUMN %s text;\n", t.Name, c)
					fmt.Fprintf(&after, "ALTER TABLE IF EXISTS %s DROP COLUMN %s;\n", t.Name, c)
				}
			}
		}
	}
	return v.SQL() + before.String() + rows + "\n" + after.String()
}
