package meters

import (
	"strings"
	"unicode/utf8"
)

// cutMark ends a label value that was too long.
const cutMark = "…"

// labelText makes text from outside fit for a label value: valid UTF-8, because
// an exposition or an OTLP batch with anything else in it is refused whole;
// without NUL, which programs written in C take for the end of a text and stores
// like PostgreSQL refuse; and not too long.
type labelText func(string) string

// labelText returns one that cuts what is longer than [WithMaxLabelLength] says,
// at a character, and marks it. It calls cut then.
func (c config) labelText(cut func()) labelText {
	return func(s string) string {
		s = strings.ToValidUTF8(s, "\uFFFD")
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
		if len(s) <= c.maxLabelLength {
			return s
		}
		cut()
		end := max(c.maxLabelLength-len(cutMark), 0)
		for !utf8.RuneStart(s[end]) {
			end--
		}
		return s[:end] + cutMark
	}
}
