package meters

import "strings"

// validText makes text from outside fit for a label value: valid UTF-8, because
// an exposition or an OTLP batch with anything else in it is refused whole, and
// without NUL, which programs written in C take for the end of a text and
// stores like PostgreSQL refuse.
func validText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}
