package instrument_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/otlptranslator"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestCatalogue compares the catalogue with the contract, which is written independently:
// testdata/catalogue.tsv has the documented families, testdata/health.tsv the health
// families.
func TestCatalogue(t *testing.T) {
	got := slices.Collect(instrument.Documented.All())
	want := slices.Concat(contract(t, "catalogue.tsv"), contract(t, "health.tsv"))
	if len(got) != 73+11 || len(got) != len(want) {
		t.Fatalf("%d families, want 73 documented ones and 11 of the service's own", len(got))
	}
	for i, want := range want {
		if got := describe(instrument.Documented.Info(got[i])); got != want {
			t.Errorf("family %d:\n got %+v\nwant %+v", i, got, want)
		}
	}
}

// TestEditionCoder compares the families of the edition Coder: those that are read from the
// database with testdata/catalogue-coder.tsv, the others with the edition Documented.
func TestEditionCoder(t *testing.T) {
	want := make(map[string]row)
	for _, r := range contract(t, "catalogue-coder.tsv") {
		want[r.name] = r
	}
	if len(want) != 47 {
		t.Fatalf("%d families, want 47", len(want))
	}
	info := describe(instrument.Documented.Info(instrument.HealthBuildInfo))
	info.labels = "goversion,metric_names,version"
	want["otelcoder_build_info"] = info
	var last string
	for f := range instrument.Coder.All() {
		got := describe(instrument.Coder.Info(f))
		expected, ok := want[got.name]
		delete(want, got.name)
		if !ok {
			expected = describe(instrument.Documented.Info(f))
		}
		if got != expected {
			t.Errorf("%s:\n got %+v\nwant %+v", f, got, expected)
		}
		if found, ok := instrument.Coder.Lookup(got.name); !ok || found != f {
			t.Errorf("Lookup(%q) = %v, %t, want %v, true", got.name, found, ok, f)
		}
		if last > got.name && f.Origin() != instrument.Health {
			t.Errorf("families are not sorted by name: %s comes after %s", got.name, last)
		}
		last = got.name
	}
	for name := range want {
		t.Errorf("the edition lacks %s", name)
	}
}

// TestFamiliesOfOtherEditions checks that a family that an edition lacks has no name there,
// and that Lookup finds only names of the edition.
func TestFamiliesOfOtherEditions(t *testing.T) {
	if f := instrument.WorkspaceCreation; instrument.Documented.Has(f) || instrument.Documented.Name(f) != "" {
		t.Errorf("the edition documented has WorkspaceCreation, under the name %q", instrument.Documented.Name(f))
	}
	for name, e := range map[string]instrument.Edition{
		"coderd_workspace_creation_total":         instrument.Documented,
		"coderd_api_workspace_latest_build":       instrument.Documented,
		"coderd_api_workspace_latest_build_total": instrument.Coder,
	} {
		if f, ok := e.Lookup(name); ok {
			t.Errorf("Lookup finds %s in the edition %s: %v", name, e, f)
		}
	}
	if name := instrument.Coder.Name(instrument.APIWorkspaceLatestBuild); name != "coderd_api_workspace_latest_build" {
		t.Errorf("the edition coder has the name %s, want coderd_api_workspace_latest_build", name)
	}
}

// TestFamilies checks that Families returns each family of every edition once.
func TestFamilies(t *testing.T) {
	times := make(map[instrument.Family]int)
	for f := range instrument.Families() {
		times[f]++
	}
	if len(times) != 73+21+11 {
		t.Errorf("%d families, want 73 documented ones, 21 of Coder and 11 of the service's own", len(times))
	}
	for e := range instrument.Editions() {
		for f := range e.All() {
			if times[f] != 1 {
				t.Errorf("%s of the edition %s: %d times, want once", f, e, times[f])
			}
		}
	}
}

func TestParseEdition(t *testing.T) {
	for e := range instrument.Editions() {
		if got, err := instrument.ParseEdition(e.String()); got != e || err != nil {
			t.Errorf("ParseEdition(%q) = %s, %v", e, got, err)
		}
	}
	if _, err := instrument.ParseEdition("2024"); err == nil || err.Error() != `no edition "2024": use documented or coder` {
		t.Error(err)
	}
}

// row is a line of the contract.
type row struct {
	name, typ, labels, buckets, scope, origin, help string
}

// contract reads a table of the contract, without its header line.
func contract(t *testing.T, file string) []row {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) < 7 {
			t.Fatalf("%s: %d columns, want 7 or more: %q", file, len(cells), line)
		}
		rows = append(rows, row{cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6]})
	}
	return rows[1:]
}

// scopes maps the groups to the scopes of the contract, which has only two.
var scopes = map[instrument.Group]string{
	instrument.Deployment: "deployment",
	instrument.Workspaces: "replica",
	instrument.Process:    "replica",
}

func describe(info instrument.Info) row {
	return row{
		name:    info.Name,
		typ:     info.Type.String(),
		labels:  list(info.Labels),
		buckets: numbers(info.Buckets),
		scope:   scopes[info.Group],
		origin:  map[instrument.Origin]string{instrument.OTel: "otel", instrument.Runtime: "runtime", instrument.Health: "health"}[info.Origin],
		help:    info.Help,
	}
}

// list joins words in the contract's format.
func list(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ",")
}

func numbers(values []float64) string {
	var words []string
	for _, v := range values {
		words = append(words, strconv.FormatFloat(v, 'f', -1, 64))
	}
	return list(words)
}

func TestLabelsAreSorted(t *testing.T) {
	for f := range instrument.Documented.All() {
		if labels := instrument.Documented.Info(f).Labels; !slices.IsSorted(labels) {
			t.Errorf("%s: labels %q", f, labels)
		}
	}
}

// TestWorkspaces checks the families of the group workspaces: a control plane counts them
// itself, and they can also be read from the database.
func TestWorkspaces(t *testing.T) {
	var got []string
	for f := range instrument.Documented.All() {
		if f.Group() == instrument.Workspaces {
			got = append(got, f.String())
		}
	}
	want := []string{
		"agent_scripts_executed_total",
		"coderd_agentstats_startup_script_seconds",
		"coderd_provisionerd_job_timings_seconds",
		"coderd_provisionerd_jobs_current",
		"coderd_workspace_builds_total",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInstrumentNames(t *testing.T) {
	dotted := regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
	family := map[string]instrument.Family{}
	for f := range instrument.Documented.All() {
		info := instrument.Documented.Info(f)
		if info.Origin == instrument.Runtime {
			if info.Instrument != "" {
				t.Errorf("%s is a family of the runtime, but has the instrument %q", f, info.Instrument)
			}
			continue
		}
		if !dotted.MatchString(info.Instrument) {
			t.Errorf("%s: instrument %q is not lower-case words with dots between them", f, info.Instrument)
		}
		if other, taken := family[info.Instrument]; taken {
			t.Errorf("%s and %s share the instrument %q", f, other, info.Instrument)
		}
		family[info.Instrument] = f
	}
}

// TestUnits checks that units do not change the names of families. OTLP receivers of
// Prometheus append a suffix that they derive from the unit.
func TestUnits(t *testing.T) {
	annotation := regexp.MustCompile(`^\{[a-z]+\}$`)
	for f := range instrument.Documented.All() {
		name, unit := f.String(), instrument.Documented.Info(f).Unit
		switch {
		case unit == "":
		case unit == "s" && strings.HasSuffix(name, "_seconds"):
		case unit == "By" && strings.HasSuffix(name, "_bytes"):
		case annotation.MatchString(unit):
		default:
			t.Errorf("%s: unit %q would change the name", name, unit)
		}
	}
}

// TestNamesSurviveOTLP checks that the library that Prometheus's OTLP receiver and the
// collector's Prometheus exporter use does not change a name.
func TestNamesSurviveOTLP(t *testing.T) {
	types := map[instrument.Type]otlptranslator.MetricType{
		instrument.Counter:   otlptranslator.MetricTypeMonotonicCounter,
		instrument.Gauge:     otlptranslator.MetricTypeGauge,
		instrument.Histogram: otlptranslator.MetricTypeHistogram,
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	for f := range instrument.Documented.All() {
		info := instrument.Documented.Info(f)
		if info.Origin == instrument.Runtime {
			continue
		}
		got, err := namer.Build(otlptranslator.Metric{Name: info.Name, Unit: info.Unit, Type: types[info.Type]})
		if got != info.Name || err != nil {
			t.Errorf("%s with the unit %q is translated to %q, %v", info.Name, info.Unit, got, err)
		}
	}
}

// TestInfoIsACopy checks that a change of the result of Info does not change the catalogue.
func TestInfoIsACopy(t *testing.T) {
	info := instrument.Documented.Info(instrument.APIRequestLatencies)
	info.Labels[0], info.Buckets[0] = "changed", 42
	got := instrument.Documented.Info(instrument.APIRequestLatencies)
	if got.Labels[0] != "method" || got.Buckets[0] != 0.001 {
		t.Errorf("got the labels %q and the buckets %v, want them unchanged", got.Labels, got.Buckets)
	}
}

func TestLookup(t *testing.T) {
	if f, ok := instrument.Documented.Lookup("coderd_agents_up"); f != instrument.AgentsUp || !ok {
		t.Errorf("got %s, %t, want coderd_agents_up, true", f, ok)
	}
	for _, name := range []string{"", "coderd.agents.up", "coderd_agents_u"} {
		if f, ok := instrument.Documented.Lookup(name); ok {
			t.Errorf("Lookup(%q) found %s, want none", name, f)
		}
	}
}
