package meters

import "math"

// sourceRefusals counts what sources said that makes no sense, and therefore is
// not shown: once per collection for as long as they say it.
type sourceRefusals struct{ refusals[sourceRefusal] }

// sourceRefusal is why it was not taken.
type sourceRefusal string

const (
	// refusedUndocumented: not one of the documented values of a label.
	refusedUndocumented sourceRefusal = "undocumented"
	// refusedValue: a number that is negative or not finite.
	refusedValue sourceRefusal = "value"
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
