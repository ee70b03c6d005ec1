package coderschema

import (
	"slices"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestListOfTable checks that List names the missing columns of a table, or only the table if
// it has none of its columns.
func TestListOfTable(t *testing.T) {
	const table = "template_version_presets"
	all := make(Lacks)
	for _, read := range Tables(instrument.Coder) {
		for _, o := range read.Optional {
			for _, c := range o.Columns {
				all[read.Name+"."+c] = read.Name == table
			}
		}
	}
	for _, test := range []struct {
		lacks Lacks
		want  [][]string // columns
	}{
		{Lacks{table + ".prebuild_status": true}, [][]string{{"prebuild_status"}}},
		{Lacks{table + ".id": true, table + ".name": true}, [][]string{{"id", "name"}}},
		{all, [][]string{nil, nil, nil}},
	} {
		var got [][]string
		for _, l := range test.lacks.List(instrument.Coder, nil) {
			got = append(got, l.Columns)
		}
		if !slices.EqualFunc(got, test.want, slices.Equal) {
			t.Errorf("%v: got %v, want %v", test.lacks, got, test.want)
		}
	}
}
