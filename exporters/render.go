package exporters

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/otelcoder/otelcoder/instrument"
)

// formats are the exposition formats, as otelcoder_rendered_bytes names them.
var formats = [...]struct {
	name string
	kind expfmt.FormatType
}{
	{"text", expfmt.TypeTextPlain},
	{"openmetrics", expfmt.TypeOpenMetrics},
	{"protobuf", expfmt.TypeProtoDelim},
}

// negotiate returns the format that a scraper prefers, as an index of formats
// and as its content type: Prometheus text unless it asks for another.
func negotiate(h http.Header) (int, expfmt.Format) {
	contentType := expfmt.NegotiateAccept(h, accepted...)
	for i, f := range formats {
		if contentType.FormatType() == f.kind {
			return i, contentType
		}
	}
	return 0, expfmt.NewFormat(expfmt.TypeTextPlain)
}

// accepted are the content types offered. The first one answers "*/*": curl and
// browsers are to show Prometheus text, as documented. Protobuf for people is
// left out, since nothing scrapes it.
var accepted = []expfmt.Format{
	expfmt.FmtText,
	expfmt.FmtOpenMetrics_1_0_0,
	expfmt.FmtOpenMetrics_0_0_1,
	expfmt.FmtProtoDelim,
}

// render gathers and writes families. A family that cannot be written is left
// out whole.
func (e *Exporter) render(to *bytes.Buffer, format int, contentType expfmt.Format, gatherer prometheus.Gatherer) {
	families, err := gatherer.Gather()
	if err != nil {
		e.scrapeError(err)
	}
	encoder := expfmt.NewEncoder(to, contentType)
	for _, family := range families {
		if formats[format].kind == expfmt.TypeOpenMetrics {
			family = withoutNameClash(family)
		}
		before := to.Len()
		if failed := encoder.Encode(family); failed != nil {
			to.Truncate(before)
			e.scrapeError(failed)
			err = failed
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		closer.Close() // writes OpenMetrics' "# EOF" to memory
	}
	if err == nil {
		e.scrapeSucceeded()
	}
	e.rendered[format].Store(int64(to.Len()))
}

// withoutNameClash makes a counter whose OpenMetrics name is another family's
// name a family of type unknown. OpenMetrics names the family of the counter
// go_memstats_alloc_bytes_total go_memstats_alloc_bytes, which is a gauge; a
// name used twice makes a strict parser refuse the scrape. The sample's name
// stays what it was.
func withoutNameClash(family *dto.MetricFamily) *dto.MetricFamily {
	base, isTotal := strings.CutSuffix(family.GetName(), "_total")
	if !isTotal || family.GetType() != dto.MetricType_COUNTER {
		return family
	}
	if _, clash := instrument.Lookup(base); !clash {
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
