package invariant

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// Format is an exposition format.
type Format string

// The exposition formats, by media type.
const (
	Text        Format = "text/plain"
	OpenMetrics Format = "application/openmetrics-text"
	Protobuf    Format = "application/vnd.google.protobuf"
)

// Scrape is a response of a metrics endpoint.
type Scrape struct {
	Format   Format
	Families []*Family // in the order of the response
}

// Family is a metric family of a scrape.
type Family struct {
	Name    string // with the _total of a counter, also in OpenMetrics
	Type    model.MetricType
	Help    string
	Samples []Sample

	hasType, hasHelp bool
}

// Sample is a sample: a line of the text exposition, or its equivalent in protobuf.
type Sample struct {
	Name     string
	Labels   labels.Labels // without the metric name, including labels with empty values
	Value    float64
	Exemplar *exemplar.Exemplar // nil if it has none
}

// String returns the sample's series as the text exposition writes it.
func (s Sample) String() string { return s.Name + s.Labels.String() }

// Family returns the family with a name, or nil.
func (s *Scrape) Family(name string) *Family {
	for _, f := range s.Families {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Value returns the value of a series. It returns 0 for a missing series, as for a
// counter that was not incremented yet. Labels are pairs of name and value.
func (s *Scrape) Value(name string, pairs ...string) float64 {
	want := labels.FromStrings(pairs...)
	for _, f := range s.Families {
		if !strings.HasPrefix(name, f.Name) {
			continue
		}
		for _, sample := range f.Samples {
			if sample.Name == name && labels.Equal(sample.Labels, want) {
				return sample.Value
			}
		}
	}
	return 0
}

// Parse reads a response. Its error joins all problems of the response's format.
func Parse(contentType string, body []byte) (*Scrape, error) {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, fmt.Errorf("content type %q: %w", contentType, err)
	}
	format := Format(mediaType)
	parser, err := textparse.New(bytes.Clone(body), contentType, nil, textparse.ParserOptions{
		KeepClassicOnClassicAndNativeHistograms: true,
	})
	if err != nil {
		return nil, fmt.Errorf("content type %q: %w", contentType, err)
	}
	r := reader{format: format, seen: make(map[string]bool)}
	if err := r.read(parser); err != nil {
		return nil, fmt.Errorf("prometheus cannot parse the answer: %w", err)
	}
	switch format {
	case Text:
		r.checkText(body)
	case OpenMetrics:
		r.checkOpenMetrics(body)
	case Protobuf:
		r.checkProtobuf(body)
	}
	return &Scrape{format, r.families}, r.problems.err()
}

// reader assembles the entries of a parser into families.
type reader struct {
	problems
	format   Format
	families []*Family
	seen     map[string]bool // names of families as written in the response
	name     string          // name of the last family, as written in the response
}

func (r *reader) read(parser textparse.Parser) error {
	for {
		entry, err := parser.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch entry {
		case textparse.EntryHelp:
			name, help := parser.Help()
			f := r.metadata(string(name))
			if f.hasHelp {
				r.add("%s has two HELP lines", name)
			}
			f.Help, f.hasHelp = string(help), true
		case textparse.EntryType:
			name, kind := parser.Type()
			f := r.metadata(string(name))
			if f.hasType {
				r.add("%s has two TYPE lines", name)
			}
			f.Type, f.hasType = kind, true
			if r.format == OpenMetrics && kind == model.MetricTypeCounter {
				f.Name += "_total"
			}
		case textparse.EntrySeries:
			r.sample(parser)
		case textparse.EntryHistogram:
			series, _, _, _ := parser.Histogram()
			r.add("%s is a native histogram", series)
		}
	}
}

// metadata returns the family of a HELP or TYPE line.
func (r *reader) metadata(name string) *Family {
	if len(r.families) > 0 && r.name == name {
		f := r.families[len(r.families)-1]
		if len(f.Samples) > 0 {
			r.add("%s has metadata after its samples", name)
		}
		return f
	}
	if r.seen[name] {
		r.add("family %s is in two places", name)
	}
	r.seen[name] = true
	f := &Family{Name: name, Type: model.MetricTypeUnknown}
	r.families = append(r.families, f)
	r.name = name
	return f
}

func (r *reader) sample(parser textparse.Parser) {
	var all labels.Labels
	parser.Labels(&all)
	name := all.Get(model.MetricNameLabel)
	_, timestamp, value := parser.Series()
	s := Sample{
		Name:   name,
		Labels: withoutName(all),
		Value:  value,
	}
	if timestamp != nil {
		r.add("%s has a timestamp", s)
	}
	var e exemplar.Exemplar
	if parser.Exemplar(&e) {
		s.Exemplar = &e
	}
	if len(r.families) == 0 || !r.families[len(r.families)-1].owns(name) {
		r.add("%s is not below the TYPE line of its family", s)
		return
	}
	f := r.families[len(r.families)-1]
	f.Samples = append(f.Samples, s)
}

// withoutName returns labels without the metric name. Empty values are kept.
func withoutName(all labels.Labels) labels.Labels {
	b := labels.NewScratchBuilder(all.Len())
	all.Range(func(l labels.Label) {
		if l.Name != model.MetricNameLabel {
			b.Add(l.Name, l.Value)
		}
	})
	return b.Labels()
}

// owns reports whether samples with a name belong to the family.
func (f *Family) owns(sample string) bool {
	suffix, found := strings.CutPrefix(sample, f.Name)
	switch {
	case !found:
		return false
	case suffix == "":
		return f.Type != model.MetricTypeHistogram
	case suffix == "_bucket":
		return f.Type == model.MetricTypeHistogram
	case suffix == "_sum" || suffix == "_count":
		return f.Type == model.MetricTypeHistogram || f.Type == model.MetricTypeSummary
	}
	return false
}

// checkText parses a text exposition a second time, with the parser that exporters
// and the Pushgateway use.
func (r *reader) checkText(body []byte) {
	if !utf8.Valid(body) {
		r.add("the answer is not valid UTF-8")
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		r.add("expfmt cannot parse the answer: %w", err)
		return
	}
	r.checkFound(len(families))
}

// checkFound checks that expfmt found the same number of families with samples as
// Prometheus.
func (r *reader) checkFound(byExpfmt int) {
	byPrometheus := 0
	for _, f := range r.families {
		if len(f.Samples) > 0 {
			byPrometheus++
		}
	}
	if byExpfmt != byPrometheus {
		r.add("expfmt finds %d families, Prometheus %d", byExpfmt, byPrometheus)
	}
}

// checkOpenMetrics checks rules of OpenMetrics that Prometheus's parser does not enforce.
// There is no second parser for the format.
func (r *reader) checkOpenMetrics(body []byte) {
	if !utf8.Valid(body) {
		r.add("the answer is not valid UTF-8")
	}
	if !bytes.HasSuffix(body, []byte("\n# EOF\n")) {
		r.add("the answer does not end with a line # EOF")
	}
}

// checkProtobuf parses a protobuf exposition a second time, with expfmt.
func (r *reader) checkProtobuf(body []byte) {
	decoder := expfmt.NewDecoder(bytes.NewReader(body), expfmt.NewFormat(expfmt.TypeProtoDelim))
	for found := 0; ; found++ {
		err := decoder.Decode(new(dto.MetricFamily))
		if errors.Is(err, io.EOF) {
			r.checkFound(found)
			return
		}
		if err != nil {
			r.add("expfmt cannot parse the answer: %w", err)
			return
		}
	}
}
