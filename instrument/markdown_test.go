package instrument_test

import (
	"errors"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestWriteTable compares the table of the documented families with the one of
// Coder's documentation, byte for byte.
func TestWriteTable(t *testing.T) {
	want, err := os.ReadFile("testdata/available_metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := func(yield func(instrument.Family) bool) {
		for f := range instrument.All() {
			if f.Info().Origin != instrument.Health && !yield(f) {
				return
			}
		}
	}
	if got := table(t, documented); got != string(want) {
		gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(gotLines), len(wantLines)) {
			if gotLines[i] != wantLines[i] {
				t.Fatalf("line %d:\n got %s\nwant %s", i+1, gotLines[i], wantLines[i])
			}
		}
		t.Fatalf("%d lines, want %d", len(gotLines), len(wantLines))
	}
}

// TestWriteTableFits: columns are as wide as the families at hand need, and
// families come in the order given.
func TestWriteTableFits(t *testing.T) {
	got := table(t, slices.Values([]instrument.Family{instrument.HealthSourceUp, instrument.LicenseActiveUsers}))
	want := `
| Name                          | Type  | Description                                                 | Labels   |
| ----------------------------- | ----- | ----------------------------------------------------------- | -------- |
| ` + "`otelcoder_source_up`" + `         | gauge | 1 if the last collection from the source succeeded, else 0. | ` + "`source`" + ` |
| ` + "`coderd_license_active_users`" + ` | gauge | The number of active users.                                 |          |
`
	if "\n"+got != want {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
}

func table(t *testing.T, families iter.Seq[instrument.Family]) string {
	t.Helper()
	var b strings.Builder
	if err := instrument.WriteTable(&b, families); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWriteTableReportsTheWriter(t *testing.T) {
	if err := instrument.WriteTable(fullDisk{}, instrument.All()); !errors.Is(err, errFullDisk) {
		t.Errorf("got %v, want %v", err, errFullDisk)
	}
}

var errFullDisk = errors.New("no space left")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFullDisk }
