package instrument

import (
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

// WriteTable writes families as the markdown table of the documentation: name,
// type, description and labels, one family a row, each column as wide as its
// widest cell. It returns the error of the first write that failed.
func WriteTable(w io.Writer, families iter.Seq[Family]) error {
	rows := [][4]string{{"Name", "Type", "Description", "Labels"}}
	for f := range families {
		row := catalogue[f]
		rows = append(rows, [4]string{code(row.Name), row.Type.String(), row.Help, code(row.Labels...)})
	}
	var widths [4]int
	for _, row := range rows {
		for column, cell := range row {
			widths[column] = max(widths[column], utf8.RuneCountInString(cell))
		}
	}
	var rule [4]string
	for column, width := range widths {
		rule[column] = strings.Repeat("-", width)
	}

	var table strings.Builder
	writeRow(&table, rows[0], widths)
	writeRow(&table, rule, widths)
	for _, row := range rows[1:] {
		writeRow(&table, row, widths)
	}
	_, err := io.WriteString(w, table.String())
	return err
}

// code sets each word as code.
func code(words ...string) string {
	if len(words) == 0 {
		return ""
	}
	return "`" + strings.Join(words, "` `") + "`"
}

func writeRow(w io.Writer, cells [4]string, widths [4]int) {
	for column, cell := range cells {
		fmt.Fprintf(w, "| %-*s ", widths[column], cell)
	}
	fmt.Fprintln(w, "|")
}
