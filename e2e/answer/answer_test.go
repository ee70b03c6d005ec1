package answer

import (
	"slices"
	"testing"
	"time"
)

// Answers are slow only if the machine was not, and if it is no single one.
func TestCheck(t *testing.T) {
	ms := func(took, bare int) timing {
		return timing{time.Duration(took) * time.Millisecond, time.Duration(bare) * time.Millisecond}
	}
	const slow = "an answer took 102ms, when a bare server answered in 50ms"
	for _, test := range []struct {
		name  string
		fast  int
		times []timing
		want  string
	}{
		{"at the limit", 0, slices.Repeat([]timing{ms(100, 1)}, 10), ""},
		{"the machine", 0, slices.Repeat([]timing{ms(2000, 1000)}, 10), ""},
		{"one", 1, []timing{ms(102, 50)}, ""},
		{"two of few", 197, []timing{ms(102, 50), ms(102, 50)}, slow + "\n" + slow},
		{"two of many", 198, []timing{ms(102, 50), ms(102, 50)}, ""},
		{"a hang", 1000, []timing{ms(1000, 499)}, "an answer took 1s, when a bare server answered in 499ms"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got string
			if err := check(append(slices.Repeat([]timing{ms(1, 1)}, test.fast), test.times...)); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
