// Package e2e tests the project from outside: it runs the programs as processes
// and reads them with a real Prometheus. It is a separate module, so that its
// dependencies never reach a user of the library.
//
// [Documented] returns the expected families as literal data, so that no
// expected value comes from the code under test. Package invariant checks any
// scrape against it. Packages coderd and prometheus start the two sides: a
// control plane that exports, and a Prometheus that reads it.
//
// A test owns the processes that it starts. It starts them with the helpers,
// which stop them when the test ends. Checks that can share processes are
// subtests.
package e2e

import (
	_ "embed"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Contract holds families by their documented name.
type Contract map[string]Family

// Family is the documented definition of a metric family.
type Family struct {
	Name    string
	Type    string   // counter, gauge, histogram or summary
	Labels  []string // label names, sorted
	Buckets []float64
	Scope   string // deployment or replica
	Origin  string // otel, runtime or health
	Help    string
}

//go:embed testdata/catalogue.tsv
var catalogue string

// catalogueOfCoder lists the families of Coder 2026-08 that can be read from its database.
//
//go:embed testdata/catalogue-coder.tsv
var catalogueOfCoder string

//go:embed testdata/health.tsv
var health string

// Documented returns the documented families.
func Documented() Contract { return mustRead(catalogue) }

// Health returns the families that report the health of the service.
func Health() Contract { return mustRead(health) }

// Served returns the families that an endpoint serves: the documented ones and
// the health families.
func Served() Contract {
	all := Documented()
	maps.Copy(all, Health())
	return all
}

// Coder returns the families of the edition Coder, including the families of Coder's process.
func Coder() Contract {
	all := Documented()
	for _, renamed := range []string{"coderd_api_workspace_latest_build_total", "coderd_metrics_collector_agents_execution_seconds"} {
		delete(all, renamed)
	}
	maps.Copy(all, mustRead(catalogueOfCoder))
	return all
}

// ServedAsCoder returns the families of the edition Coder and the health families.
func ServedAsCoder() Contract {
	all := Coder()
	maps.Copy(all, Health())
	info := all["otelcoder_build_info"]
	info.Labels = []string{"goversion", "metric_names", "version"}
	all[info.Name] = info
	return all
}

// OfScope returns the families with a scope: deployment or replica.
func (c Contract) OfScope(scope string) Contract {
	some := maps.Clone(c)
	maps.DeleteFunc(some, func(_ string, f Family) bool { return f.Scope != scope })
	return some
}

// mustRead reads a table whose first line names the columns of Family in order.
// It panics if the embedded table is malformed.
func mustRead(table string) Contract {
	contract := make(Contract)
	_, rows, _ := strings.Cut(table, "\n")
	for row := range strings.Lines(rows) {
		cells := strings.Split(strings.TrimSuffix(row, "\n"), "\t")
		if len(cells) != 7 {
			panic(fmt.Sprintf("e2e: %d cells, not 7, in row %q", len(cells), row))
		}
		f := Family{
			Name:   cells[0],
			Type:   cells[1],
			Labels: list(cells[2]),
			Scope:  cells[4],
			Origin: cells[5],
			Help:   cells[6],
		}
		for _, bound := range list(cells[3]) {
			b, err := strconv.ParseFloat(bound, 64)
			if err != nil {
				panic(fmt.Sprintf("e2e: bucket of %s: %v", f.Name, err))
			}
			f.Buckets = append(f.Buckets, b)
		}
		contract[f.Name] = f
	}
	return contract
}

// list splits a cell at its commas; "-" is an empty list.
func list(cell string) []string {
	if cell == "-" {
		return nil
	}
	return strings.Split(cell, ",")
}
