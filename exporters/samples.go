package exporters

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/otelcoder/otelcoder/internal/status"
)

// samplesOf parses the series of a family from text written by expfmt, in Prometheus's
// format or OpenMetrics. A histogram yields its count and sum. Label values are in the
// order of names.
func samplesOf(lines iter.Seq[[]byte], name string, names []string) iter.Seq[status.Series] {
	return func(yield func(status.Series) bool) {
		var sum float64
		for line := range lines {
			rest, ok := bytes.CutPrefix(line, []byte(name))
			if !ok {
				continue // a comment
			}
			suffix := rest
			if i := bytes.IndexAny(rest, "{ "); i >= 0 {
				suffix = rest[:i]
			}
			rest = rest[len(suffix):]
			part := string(suffix)
			if part != "" && part != "_sum" && part != "_count" {
				continue // a bucket
			}
			labels, rest, ok := parseLabels(rest, names)
			if !ok {
				continue
			}
			text, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" ")) // an exemplar may follow
			value, err := strconv.ParseFloat(string(text), 64)
			if err != nil {
				continue
			}
			s := status.Series{Labels: labels, Value: value}
			switch part {
			case "_sum": // before _count
				sum = value
				continue
			case "_count":
				s = status.Series{Labels: labels, Count: value, Sum: sum}
			}
			if !yield(s) {
				return
			}
		}
	}
}

// parseLabels parses optional labels, {name="value",...}. Values are in the order of
// names.
func parseLabels(text []byte, names []string) (values []string, rest []byte, ok bool) {
	values = make([]string, len(names))
	rest, ok = bytes.CutPrefix(text, []byte("{"))
	if !ok {
		return values, text, true
	}
	for {
		if after, end := bytes.CutPrefix(rest, []byte("}")); end {
			return values, after, true
		}
		name, after, ok := bytes.Cut(rest, []byte(`="`))
		if !ok {
			return nil, nil, false
		}
		end := 0
		for end < len(after) && after[end] != '"' {
			if after[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(after) {
			return nil, nil, false
		}
		if i := slices.IndexFunc(names, func(n string) bool { return n == string(name) }); i >= 0 {
			values[i] = unescape(string(after[:end]))
		}
		rest = bytes.TrimPrefix(after[end+1:], []byte(","))
	}
}

var unescaper = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")

func unescape(value string) string {
	if !strings.Contains(value, `\`) {
		return value
	}
	return unescaper.Replace(value)
}
