package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/otelcoder/otelcoder/instrument"
)

// row is a row of the table of Coder's families in an edition: one family, or all
// runtime families with the same prefix.
type row struct {
	name     string
	families []instrument.Family
	served   bool // by the service
}

// service returns the cell of the column SERVICE.
func (r row) service() string {
	switch {
	case !r.served:
		return "no"
	case r.families[0].Origin() == instrument.Runtime:
		return "its own"
	}
	return "yes"
}

// table returns the rows of Coder's families, in the edition's order.
func table(e instrument.Edition) []row {
	var rows []row
	for f := range e.All() {
		info := e.Info(f)
		if info.Origin == instrument.Health {
			continue
		}
		name := info.Name
		if info.Origin == instrument.Runtime {
			subject, _, _ := strings.Cut(name, "_")
			name = subject + "_*"
		}
		if last := len(rows) - 1; last >= 0 && rows[last].name == name {
			rows[last].families = append(rows[last].families, f)
			continue
		}
		rows = append(rows, row{name, []instrument.Family{f}, !info.ImportOnly})
	}
	for i, r := range rows {
		if n := len(r.families); n > 1 {
			rows[i].name = fmt.Sprintf("%s (%d)", r.name, n)
		}
	}
	return rows
}

// sums returns the number of families that an import and the service serve.
func sums(rows []row) (imports, service int) {
	for _, r := range rows {
		imports += len(r.families)
		if r.served {
			service += len(r.families)
		}
	}
	return imports, service
}

// tableText returns the table for a terminal, with additional columns. more returns
// their cells for a row.
func tableText(e instrument.Edition, headings []string, more func(row) []string) string {
	rows := table(e)
	imports, service := sums(rows)
	lines := [][]string{append([]string{"METRIC", "IMPORT", "SERVICE"}, headings...)}
	for _, r := range rows {
		lines = append(lines, append([]string{r.name, "yes", r.service()}, more(r)...))
	}
	lines = append(lines, []string{e.String(), strconv.Itoa(imports), strconv.Itoa(service)})
	return align(lines)
}

// align returns lines of cells in columns, two spaces apart.
func align(lines [][]string) string {
	widths := make([]int, len(lines[0]))
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for _, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return text.String()
}
