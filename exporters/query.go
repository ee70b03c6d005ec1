package exporters

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/prometheus/common/expfmt"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/instrument"
)

// query holds the parameters of a scrape.
type query struct {
	format      format
	contentType expfmt.Format // with version and escaping
	encoding    render.Encoding
	names       map[string]bool // of families; nil for all
}

const (
	// nameParameter is the parameter of promhttp that selects families.
	nameParameter = "name[]"
	// maxParameters is ten times the number of names in the catalogue.
	maxParameters = 1000
)

func newQuery(r *http.Request) (query, error) {
	var q query
	q.format, q.contentType = negotiate(r.Header)
	if acceptsGzip(r.Header) {
		q.encoding = render.Gzip
	}
	if r.URL.RawQuery == "" {
		return q, nil
	}
	if strings.Count(r.URL.RawQuery, "&") >= maxParameters {
		return q, fmt.Errorf("the query has more than %d parameters", maxParameters)
	}
	parameters, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // otherwise an invalid name[] would select everything
		return q, fmt.Errorf("parse the query: %w", err)
	}
	if names, ok := parameters[nameParameter]; ok {
		q.names = make(map[string]bool, len(names))
		for _, name := range names {
			q.names[name] = true
		}
	}
	return q, nil
}

// selects reports whether the query selects the family.
func (q query) selects(family string) bool { return q.names == nil || q.names[family] }

// mayMatch reports whether the query can match a family of the group in the edition.
func (q query) mayMatch(e instrument.Edition, of instrument.Group) bool {
	if q.names == nil {
		return true
	}
	for name := range q.names {
		if f, ok := e.Lookup(name); !ok || f.Group() == of {
			return true
		}
	}
	return false
}

// acceptsGzip parses Accept-Encoding (RFC 9110, section 12.5.3). Codings and the name
// of the weight are case-insensitive; codings with an invalid weight are ignored.
func acceptsGzip(h http.Header) bool {
	for _, line := range h.Values("Accept-Encoding") {
		for element := range strings.SplitSeq(line, ",") {
			// A coding has the syntax of a media type without subtype.
			coding, parameters, err := mime.ParseMediaType(element)
			if err != nil || coding != "gzip" && coding != "x-gzip" {
				continue
			}
			weight, ok := parameters["q"]
			if !ok {
				return true
			}
			q, err := strconv.ParseFloat(weight, 64)
			return err == nil && q > 0
		}
	}
	return false
}
