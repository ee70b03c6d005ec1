package meters

import (
	"math"

	"github.com/otelcoder/otelcoder/instrument"
)

// sourceRefusals counts what sources said that makes no sense, and therefore is
// not shown: once per collection for as long as they say it.
type sourceRefusals struct {
	refusals[sourceRefusal]
	text labelText
}

func newSourceRefusals(p instrument.Providers, c config) (r sourceRefusals, err error) {
	r.refusals, err = newRefusals(p, c.logger, "source", refusedUndocumented, refusedValue, refusedLength, refusedLimit)
	r.text = c.labelText(r.adder(refusedLength))
	return r, err
}

// sourceRefusal is why it was not taken.
type sourceRefusal string

const (
	// refusedUndocumented: not one of the documented values of a label.
	refusedUndocumented sourceRefusal = "undocumented"
	// refusedValue: a number that is negative or not finite.
	refusedValue sourceRefusal = "value"
	// refusedLength: a label value that was cut.
	refusedLength sourceRefusal = "length"
	// refusedLimit: a series too many of its family.
	refusedLimit sourceRefusal = "limit"
)

// documented reports whether a label value is one, else counts it.
func (r sourceRefusals) documented(is bool) bool {
	if !is {
		r.add(refusedUndocumented)
	}
	return is
}

// sound reports whether a number can be a value, else counts it.
func (r sourceRefusals) sound(value float64) bool {
	is := value >= 0 && !math.IsInf(value, 1) // NaN is not >= 0
	if !is {
		r.add(refusedValue)
	}
	return is
}
