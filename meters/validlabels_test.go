package meters

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"

	"github.com/otelcoder/otelcoder/instrument"
)

// wantValidLabels fails the test unless all families of a scrape are documented and have
// their documented labels, with values of valid UTF-8 without NUL.
func wantValidLabels(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	for name, family := range families {
		f, ok := instrument.Documented.Lookup(name)
		if !ok {
			t.Errorf("%s is not documented", name)
			continue
		}
		for _, metric := range family.Metric {
			var labels []string
			for _, pair := range metric.Label {
				labels = append(labels, pair.GetName())
				if text := pair.GetValue(); !utf8.ValidString(text) || strings.Contains(text, "\x00") {
					t.Errorf("%s: %s: got %q, want valid UTF-8 without NUL", name, pair.GetName(), text)
				}
			}
			if !slices.Equal(labels, instrument.Documented.Info(f).Labels) {
				t.Errorf("%s: got labels %q, want %q", name, labels, instrument.Documented.Info(f).Labels)
			}
		}
	}
}
