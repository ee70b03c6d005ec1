package coderdb

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCron(t *testing.T) {
	for _, test := range []struct {
		text    string
		in, out []string // times that match and do not match; 2025-09-01 is a Monday
	}{
		{"* * * * *", []string{"2025-09-01 00:00", "2024-02-29 23:59"}, nil},
		{"* 9-17 * * *", []string{"2025-09-01 09:00", "2025-09-01 17:59"}, []string{"2025-09-01 08:59", "2025-09-01 18:00"}},
		{"  *  0,23\t* * * ", []string{"2025-09-01 00:30", "2025-09-01 23:30"}, []string{"2025-09-01 01:00", "2025-09-01 22:59"}},
		{"* */6 * * *", []string{"2025-09-01 00:00", "2025-09-01 18:00"}, []string{"2025-09-01 01:00", "2025-09-01 23:00"}},
		{"* 8/6 * * *", []string{"2025-09-01 08:00", "2025-09-01 20:00"}, []string{"2025-09-01 02:00", "2025-09-01 09:00"}},
		{"* 8-14/3 * * *", []string{"2025-09-01 08:00", "2025-09-01 14:00"}, []string{"2025-09-01 12:00", "2025-09-01 17:00"}},
		{"* 0/9223372036854775807 * * *", []string{"2025-09-01 00:00"}, []string{"2025-09-01 23:00"}},
		{"0-29 * * * *", []string{"2025-09-01 12:29"}, []string{"2025-09-01 12:30"}},
		{"* * * JAN,sep *", []string{"2025-09-01 12:00"}, []string{"2025-10-01 12:00"}},
		{"* * ? * mon-Fri", []string{"2025-09-01 12:00", "2025-09-05 12:00"}, []string{"2025-09-06 12:00", "2025-09-07 12:00"}},
		{"* * * * sun", []string{"2025-09-07 12:00"}, []string{"2025-09-06 12:00"}},
		{"* * 31 * *", []string{"2025-08-31 12:00"}, []string{"2025-09-30 12:00"}},
		{"* * 1 * 5", []string{"2025-09-01 12:00", "2025-09-05 12:00"}, []string{"2025-09-02 12:00"}}, // either day field
		{"* * */2 * 5", []string{"2025-09-01 12:00", "2025-09-05 12:00"}, []string{"2025-09-02 12:00"}},
		{"* * */1 * 5", []string{"2025-09-05 12:00"}, []string{"2025-09-01 12:00"}}, // any day, as with *
	} {
		c, ok := parseCron(test.text)
		if !ok {
			t.Errorf("%q is invalid", test.text)
		}
		for _, at := range slices.Concat(test.in, test.out) {
			when, err := time.Parse("2006-01-02 15:04", at)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := c.contains(when), slices.Contains(test.in, at); got != want {
				t.Errorf("%q contains %s: got %t, want %t", test.text, at, got, want)
			}
		}
	}
	for _, text := range []string{
		"", "* * * *", "* * * * * *", "@daily", "TZ=0", "* 24 * * *", "* -1 * * *", "* 5-3 * * *", "* * 0 * *", "* * 32 * *",
		"* * * 0 *", "* * * 13 *", "* * * * 7", "* mon * * *", "* * * mon *", "* */0 * * *", "* */-1 * * *", "* */x * * *", "* 1/mon * * *",
		"* 1- * * *", "* - * * *", "* 1-2-3 * * *", "* , * * *", "* 1, * * *", "* *-5 * * *", "60 * * * *", "* 99999999999999999999 * * *",
	} {
		if _, ok := parseCron(text); ok {
			t.Errorf("%q is valid", text)
		}
	}
}

// FuzzCron checks that no text of the database panics or takes long, that overlap is
// symmetric, and that a schedule applies exactly at the times that it contains.
func FuzzCron(f *testing.F) {
	for _, text := range []string{"* 8-18 * * 1-5", "* */2 1,15 jan-jun ?", "* 0/9223372036854775807 * * *", "TZ=0 * * * *", "* ,-/ * * 6"} {
		f.Add(text, "* * * * *", int64(1756728030))
	}
	f.Fuzz(func(t *testing.T, text, other string, seconds int64) {
		c, ok := parseCron(text)
		if !ok {
			return
		}
		if len(strings.Fields(text)) != 5 {
			t.Errorf("%q is valid", text)
		}
		now := time.Unix(seconds%1e10, 0).UTC()
		d, ok := parseCron(other)
		if ok && c.overlaps(d) != d.overlaps(c) {
			t.Errorf("%q and %q overlap in one direction only", text, other)
		}
		// If one of the day fields is * in both schedules, Coder's rule finds every overlap.
		if ok && (c.anyDay && d.anyDay || c.anyWeekday && d.anyWeekday) && c.contains(now) && d.contains(now) && !c.overlaps(d) {
			t.Errorf("%q and %q contain %s and do not overlap", text, other, now)
		}
		desired := (&presetPool{zone: "UTC", schedules: []presetSchedule{{text, 5}}}).desired(now, make(zones))
		if (desired == 5) != c.contains(now) {
			t.Errorf("%q at %s: got %d desired", text, now, desired)
		}
	})
}
