package meters

import (
	"math"
)

// sourceRefusals counts what is left out of the answers of sources: once per
// collection for as long as they give it.
type sourceRefusals struct {
	refusals[sourceRefusal]
	text labelText
}

// newSourceRefusals counts the reasons that any source may give, and further ones.
func newSourceRefusals(out *output, c config, further ...sourceRefusal) sourceRefusals {
	reasons := append([]sourceRefusal{refusedUndocumented, refusedValue, refusedLength, refusedLimit}, further...)
	r := sourceRefusals{refusals: newRefusals(out, c.logger, "source", reasons...)}
	r.text = c.labelText(r.adder(refusedLength))
	return r
}

// refusals are the further reasons that these sources may give.
func (s Sources) refusals() []sourceRefusal {
	if _, ok := s.AgentStats.(skewedSource); ok {
		return []sourceRefusal{refusedSkew}
	}
	return nil
}

// sourceRefusal is why something was left out.
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
	// refusedSkew: a report of an agent whose time stamp is too far off.
	refusedSkew sourceRefusal = "skew"
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
