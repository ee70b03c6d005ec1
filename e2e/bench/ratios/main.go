// Command ratios reads the output of Go benchmarks whose names contain by=<peer>. It prints
// a Markdown table for each benchmark and unit, with a row for each case: the median of
// each peer and, in parentheses, otelcoder's median divided by it. benchstat reads the same
// output, but compares with one peer at a time.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func main() {
	if err := run(os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

const self = "otelcoder"

// run prints the tables, and on progress each result that it reads.
func run(in io.Reader, out, progress io.Writer) error {
	r, err := read(in, progress)
	if err != nil {
		return err
	}
	for _, t := range r.tables {
		if _, err := fmt.Fprintf(out, "\n%s, %s:\n\n%s", t.benchmark, t.unit, t.markdown()); err != nil {
			return err
		}
	}
	return nil
}

// report has the tables in the order of their first results.
type report struct{ tables []*table }

// table has the results of a benchmark in one unit.
type table struct {
	benchmark, unit string
	parameters      []string // of the cases
	peers           []string // without otelcoder
	rows            []*row
}

// row has the results of one case.
type row struct {
	name   string
	values map[string]string    // by parameter
	cells  map[string][]float64 // by peer
}

func read(in io.Reader, progress io.Writer) (*report, error) {
	r := new(report)
	lines := bufio.NewScanner(in)
	n := 0
	for lines.Scan() {
		fields := strings.Fields(lines.Text()) // name, iterations, then pairs of value and unit
		if len(fields) < 4 || len(fields)%2 != 0 || !strings.HasPrefix(fields[0], "Benchmark") {
			if len(fields) > 0 && (fields[0] == "FAIL" || fields[0] == "panic:") {
				return nil, fmt.Errorf("a benchmark has failed: %s", lines.Text())
			}
			continue
		}
		n++
		fmt.Fprintf(progress, "%4d  %s\n", n, fields[0])
		for pair := range slices.Chunk(fields[2:], 2) {
			value, err := strconv.ParseFloat(pair[0], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", fields[0], err)
			}
			if value != 0 {
				r.add(fields[0], pair[1], value)
			}
		}
	}
	if n == 0 && lines.Err() == nil {
		return nil, errors.New("the input has no benchmark results: pipe in the output of go test -bench")
	}
	return r, lines.Err()
}

// add adds a result.
func (r *report) add(name, unit string, value float64) {
	benchmark, rest, _ := strings.Cut(strings.TrimPrefix(name, "Benchmark"), "/")
	if at := strings.LastIndexByte(rest, '-'); at >= 0 {
		rest = rest[:at] // the number of CPUs
	}
	t := r.table(benchmark, unit)
	peer, values := "", make(map[string]string)
	var kept []string
	for part := range strings.SplitSeq(rest, "/") {
		parameter, v, _ := strings.Cut(part, "=")
		if parameter == "by" {
			peer = v
			continue
		}
		values[parameter] = v
		kept = append(kept, part)
		if !slices.Contains(t.parameters, parameter) {
			t.parameters = append(t.parameters, parameter)
		}
	}
	if peer != self && !slices.Contains(t.peers, peer) {
		t.peers = append(t.peers, peer)
	}
	c := t.row(strings.Join(kept, "/"), values)
	c.cells[peer] = append(c.cells[peer], value)
}

// table returns the table of a benchmark and a unit. A new one follows the others of the
// benchmark.
func (r *report) table(benchmark, unit string) *table {
	at := len(r.tables)
	for i, t := range r.tables {
		if t.benchmark == benchmark {
			if t.unit == unit {
				return t
			}
			at = i + 1
		}
	}
	t := &table{benchmark: benchmark, unit: unit}
	r.tables = slices.Insert(r.tables, at, t)
	return t
}

func (t *table) row(name string, values map[string]string) *row {
	for _, r := range t.rows {
		if r.name == name {
			return r
		}
	}
	r := &row{name, values, make(map[string][]float64)}
	t.rows = append(t.rows, r)
	return r
}

func (t *table) markdown() string {
	lines := [][]string{append(append(slices.Clone(t.parameters), self), t.peers...)}
	for _, r := range t.rows {
		var line []string
		for _, parameter := range t.parameters {
			line = append(line, r.values[parameter])
		}
		own := median(r.cells[self])
		line = append(line, quantity(own, t.unit))
		for _, peer := range t.peers {
			value := median(r.cells[peer])
			cell := quantity(value, t.unit)
			if own > 0 && value > 0 {
				cell += fmt.Sprintf(" (%s)", digits(own/value, 2))
			}
			line = append(line, cell)
		}
		lines = append(lines, line)
	}
	return align(lines)
}

// align formats cells as a Markdown table.
func align(lines [][]string) string {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, line := range lines {
		for i, cell := range line {
			fmt.Fprintf(&b, "| %-*s ", widths[i], cell)
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, width := range widths {
				b.WriteString("| " + strings.Repeat("-", width) + " ")
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// quantity formats a value with three digits, and 0, which means no result, as "-".
func quantity(value float64, unit string) string {
	if value == 0 {
		return "-"
	}
	scale := func(units ...string) string {
		i := 0
		for ; i < len(units)-1 && value >= 1000; i++ {
			value /= 1000
		}
		return digits(value, 3) + " " + units[i]
	}
	switch unit = strings.TrimSuffix(unit, "/op"); {
	case unit == "ns" || strings.HasSuffix(unit, "-ns"):
		return scale("ns", "µs", "ms", "s")
	case unit == "B" || strings.HasSuffix(unit, "-B"):
		return scale("B", "kB", "MB", "GB")
	}
	return digits(value, 3)
}

// digits formats a number with n significant digits and without an exponent.
func digits(value float64, n int) string {
	after := n - 1 - int(math.Floor(math.Log10(math.Abs(value))))
	return strconv.FormatFloat(value, 'f', max(after, 0), 64)
}

// median returns 0 for no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
