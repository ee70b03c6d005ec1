package exporters_test

import (
	"context"
	"encoding/csv"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

// contract reads a file of families in package instrument. It returns type, labels, buckets
// and help text of each family, by name.
func contract(t *testing.T, name string) map[string]string {
	t.Helper()
	file, err := os.Open("../instrument/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := csv.NewReader(file)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	families := make(map[string]string)
	for _, row := range rows[1:] {
		families[row[0]] = strings.Join([]string{row[1], row[2], row[3], row[6]}, " | ")
	}
	return families
}

// TestEditionCoder observes every family of the edition, and checks that the endpoint serves
// them as the contract describes them: families that are read from the database as in
// catalogue-coder.tsv, those of a control plane and of the runtime as in the edition
// Documented, and the health families.
func TestEditionCoder(t *testing.T) {
	e, err := exporters.New(exporters.WithEdition(instrument.Coder))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(context.WithoutCancel(t.Context()))
	p := e.Providers()
	for f := range instrument.Coder.All() {
		info := instrument.Coder.Info(f)
		if info.Origin != instrument.OTel {
			continue
		}
		labels := instrument.Coder.Labels(f, info.Measured)
		if info.Type != instrument.Histogram {
			observe(t, e, f, labels, 1)
			continue
		}
		h, err := p.Histogram(f)
		if err != nil {
			t.Fatal(err)
		}
		h.Record(t.Context(), 1, labels)
	}

	want := contract(t, "catalogue-coder.tsv")
	if len(want) != 47 {
		t.Fatalf("catalogue-coder.tsv has %d families, want 47", len(want))
	}
	documented := contract(t, "catalogue.tsv")
	health := contract(t, "health.tsv")
	health["otelcoder_build_info"] = strings.Replace(health["otelcoder_build_info"], "goversion,version", "goversion,metric_names,version", 1)
	for f := range instrument.Coder.All() {
		switch info := instrument.Coder.Info(f); {
		case info.ImportOnly, info.Origin == instrument.Runtime:
			want[info.Name] = documented[info.Name]
		case info.Origin == instrument.Health:
			want[info.Name] = health[info.Name]
		}
	}

	text := body(t, scrape(t, e, "GET", "/metrics"))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, family := range families {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is served, but is not in the edition", name)
		} else if got := described(family); got != want[name] {
			t.Errorf("%s\n got %s\nwant %s", name, got, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		if f, _ := instrument.Coder.Lookup(name); f.Origin() == instrument.OTel {
			t.Errorf("%s is not served", name)
		}
	}
}

// described returns type, labels, buckets and help text of a family, in the format of
// contract.
func described(f *dto.MetricFamily) string {
	m := f.Metric[0]
	labels := "-"
	if names := slices.Sorted(maps.Keys(labelsOf(m))); len(names) > 0 {
		labels = strings.Join(names, ",")
	}
	buckets := "-"
	if h := m.Histogram; h != nil {
		var bounds []string
		for _, b := range h.Bucket[:len(h.Bucket)-1] { // without +Inf
			bounds = append(bounds, strconv.FormatFloat(b.GetUpperBound(), 'f', -1, 64))
		}
		buckets = strings.Join(bounds, ",")
	}
	return strings.Join([]string{strings.ToLower(f.GetType().String()), labels, buckets, f.GetHelp()}, " | ")
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := make(map[string]string)
	for _, l := range m.Label {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}
