package exporters

import (
	"net/http"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/otelcoder/otelcoder/instrument"
)

// format is an exposition format.
type format int

const (
	text format = iota
	openMetrics
	protobuf
)

var formats = [...]struct {
	name     string // as otelcoder_rendered_bytes names it
	kind     expfmt.FormatType
	encoding expfmt.Format
	end      string // ends an answer
}{
	text:        {"text", expfmt.TypeTextPlain, expfmt.FmtText, ""},
	openMetrics: {"openmetrics", expfmt.TypeOpenMetrics, expfmt.FmtOpenMetrics_1_0_0, "# EOF\n"},
	protobuf:    {"protobuf", expfmt.TypeProtoDelim, expfmt.FmtProtoDelim, ""},
}

// unescaped is the format for expfmt to encode in. It does not look for names to
// escape.
func (f format) unescaped() expfmt.Format {
	return formats[f].encoding.WithEscapingScheme(model.NoEscaping)
}

// accepted are the content types offered. The first one answers "*/*": curl and
// browsers show Prometheus text, as documented. Readable protobuf is left out, since
// nothing scrapes it.
var accepted = []expfmt.Format{
	expfmt.FmtText,
	expfmt.FmtOpenMetrics_1_0_0,
	expfmt.FmtOpenMetrics_0_0_1,
	expfmt.FmtProtoDelim,
}

// negotiate returns the format that a scraper prefers and its content type:
// Prometheus text unless it asks for another. The same bytes are right for all
// versions and escapings of a format, since the documented names need none.
func negotiate(h http.Header) (format, expfmt.Format) {
	contentType := expfmt.NegotiateAccept(h, accepted...)
	for f := range formats {
		if contentType.FormatType() == formats[f].kind {
			return format(f), contentType
		}
	}
	return text, expfmt.FmtText
}

// adapt changes a counter to type unknown if OpenMetrics would name it otherwise, or
// its family as another one. OpenMetrics adds _total to the name of a counter without
// it, and names the family of the counter go_memstats_alloc_bytes_total
// go_memstats_alloc_bytes, which is a gauge; a strict parser refuses a scrape with a
// name used twice. The sample's name stays the same. Taken reports whether a family
// has a name.
func (f format) adapt(family *dto.MetricFamily, taken func(name string) bool) *dto.MetricFamily {
	base, isTotal := strings.CutSuffix(family.GetName(), "_total")
	if f != openMetrics || family.GetType() != dto.MetricType_COUNTER || isTotal && !taken(base) {
		return family
	}
	unknown := &dto.MetricFamily{Name: family.Name, Help: family.Help, Unit: family.Unit, Type: dto.MetricType_UNTYPED.Enum()}
	for _, m := range family.Metric {
		unknown.Metric = append(unknown.Metric, &dto.Metric{
			Label:   m.Label,
			Untyped: &dto.Untyped{Value: m.Counter.Value},
		})
	}
	return unknown
}

func catalogued(name string) bool {
	_, ok := instrument.Lookup(name)
	return ok
}
