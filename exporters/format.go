package exporters

import (
	"net/http"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// format is an exposition format.
type format int

const (
	text format = iota
	openMetrics
	protobuf
)

var formats = [...]struct {
	name     string // label of otelcoder_rendered_bytes
	kind     expfmt.FormatType
	encoding expfmt.Format
	end      string // ends an answer
}{
	text:        {"text", expfmt.TypeTextPlain, expfmt.FmtText, ""},
	openMetrics: {"openmetrics", expfmt.TypeOpenMetrics, expfmt.FmtOpenMetrics_1_0_0, "# EOF\n"},
	protobuf:    {"protobuf", expfmt.TypeProtoDelim, expfmt.FmtProtoDelim, ""},
}

// unescaped returns the expfmt format without escaping, which saves a pass over the
// names.
func (f format) unescaped() expfmt.Format {
	return formats[f].encoding.WithEscapingScheme(model.NoEscaping)
}

// accepted lists the offered content types. The first one answers "*/*", so that curl
// and browsers get Prometheus text. Readable protobuf is left out: no scraper uses it.
var accepted = []expfmt.Format{
	expfmt.FmtText,
	expfmt.FmtOpenMetrics_1_0_0,
	expfmt.FmtOpenMetrics_0_0_1,
	expfmt.FmtProtoDelim,
}

// negotiate returns the preferred format of a scraper and its content type; the
// default is Prometheus text. All versions and escapings of a format share the same
// bytes, because the documented names need no escaping.
func negotiate(h http.Header) (format, expfmt.Format) {
	contentType := expfmt.NegotiateAccept(h, accepted...)
	for f := range formats {
		if contentType.FormatType() == formats[f].kind {
			return format(f), contentType
		}
	}
	return text, expfmt.FmtText
}

// adapt changes the type of a counter to unknown if OpenMetrics would rename it, or
// give its family a name of another one; the sample keeps its name. OpenMetrics adds _total
// to counters without it, and cuts it from the name of the family: the family of
// go_memstats_alloc_bytes_total would have the name of the gauge
// go_memstats_alloc_bytes, and strict parsers refuse duplicate names. They also reserve the
// suffix _created. Taken reports whether a family, or its series, has a name.
func (f format) adapt(family *dto.MetricFamily, taken func(name string) bool) *dto.MetricFamily {
	base, isTotal := strings.CutSuffix(family.GetName(), "_total")
	if f != openMetrics || family.GetType() != dto.MetricType_COUNTER || isTotal && !taken(base) && !taken(base+"_created") {
		return family
	}
	unknown := &dto.MetricFamily{Name: family.Name, Help: family.Help, Type: dto.MetricType_UNTYPED.Enum()}
	if !isTotal { // otherwise the name of the family does not end in the unit
		unknown.Unit = family.Unit
	}
	for _, m := range family.Metric {
		unknown.Metric = append(unknown.Metric, &dto.Metric{
			Label:   m.Label,
			Untyped: &dto.Untyped{Value: m.Counter.Value},
		})
	}
	return unknown
}
