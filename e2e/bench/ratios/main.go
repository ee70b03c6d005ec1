// Command ratios reads the output of Go benchmarks whose names hold by=<peer> and
// prints, for each benchmark and unit, the median of every peer and how many
// times otelcoder's it is. benchstat, which compares with one peer at a time and
// in percent, can read the same output.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	if err := run(os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

const self = "otelcoder"

// run tells on progress what it reads.
func run(in io.Reader, out, progress io.Writer) error {
	t, err := read(in, progress)
	if err != nil {
		return err
	}
	return t.print(out)
}

// table holds measurements, by benchmark in the order in which they were first
// read.
type table struct {
	rows  []row
	peers []string
	cells map[row]map[string][]float64 // by peer
}

// row is a benchmark, without its peer, and a unit.
type row struct{ benchmark, unit string }

func read(in io.Reader, progress io.Writer) (*table, error) {
	t := &table{cells: make(map[row]map[string][]float64)}
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
		benchmark, peer := split(fields[0])
		for pair := range slices.Chunk(fields[2:], 2) {
			value, err := strconv.ParseFloat(pair[0], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", fields[0], err)
			}
			if value != 0 {
				t.add(row{benchmark, pair[1]}, peer, value)
			}
		}
	}
	if n == 0 && lines.Err() == nil {
		return nil, errors.New("no benchmark in what was read")
	}
	return t, lines.Err()
}

func (t *table) add(r row, peer string, value float64) {
	if t.cells[r] == nil {
		t.cells[r] = make(map[string][]float64)
		at := len(t.rows) // behind the others of the benchmark
		for i, other := range t.rows {
			if other.benchmark == r.benchmark {
				at = i + 1
			}
		}
		t.rows = slices.Insert(t.rows, at, r)
	}
	if !slices.Contains(t.peers, peer) {
		t.peers = append(t.peers, peer)
	}
	t.cells[r][peer] = append(t.cells[r][peer], value)
}

// split takes the peer out of a benchmark's name, and the number of CPUs.
func split(name string) (benchmark, peer string) {
	name = strings.TrimPrefix(name, "Benchmark")
	if at := strings.LastIndexByte(name, '-'); at >= 0 {
		name = name[:at]
	}
	var kept []string
	for part := range strings.SplitSeq(name, "/") {
		if p, ok := strings.CutPrefix(part, "by="); ok {
			peer = p
		} else {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, " "), peer
}

func (t *table) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	last := ""
	for _, r := range t.rows {
		if r.benchmark != last {
			last = r.benchmark
			fmt.Fprintf(w, "\n%s\n", r.benchmark)
		}
		fmt.Fprintf(w, "  %s", r.unit)
		own := median(t.cells[r][self])
		for _, peer := range t.peers {
			values := t.cells[r][peer]
			if len(values) == 0 {
				continue
			}
			fmt.Fprintf(w, "\t%s %.4g", peer, median(values))
			if peer != self && own > 0 {
				fmt.Fprintf(w, " (x%.3g)", median(values)/own)
			}
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
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
