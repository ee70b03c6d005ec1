package meters

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	for _, test := range []struct {
		name    string
		size    int
		ttl     time.Duration
		steps   []string // a key to touch, "-key" to remove, "?key" to get, or a duration to wait
		want    string   // keys in order
		dropped string
		evicted int
	}{
		{name: "empty", size: 2},
		{name: "least recently touched first", size: 3, steps: []string{"a", "b", "c", "a"}, want: "b c a"},
		{name: "a full table evicts the least recently touched row", size: 2, steps: []string{"a", "b", "a", "c"}, want: "a c", dropped: "b", evicted: 1},
		{name: "get does not touch", size: 2, steps: []string{"a", "b", "?a", "c"}, want: "b c", dropped: "a", evicted: 1},
		{name: "an evicted row is created again", size: 1, steps: []string{"a", "b", "a"}, want: "a", dropped: "a b", evicted: 2},
		{name: "removed", size: 2, steps: []string{"a", "b", "-a", "-x", "c"}, want: "b c", dropped: "a"},
		{name: "no ttl", size: 2, steps: []string{"a", "1000h"}, want: "a"},
		{name: "just before the ttl", size: 2, ttl: time.Hour, steps: []string{"a", "59m59s"}, want: "a"},
		{name: "at the ttl", size: 2, ttl: time.Hour, steps: []string{"a", "1h"}, dropped: "a"},
		{name: "touch renews the ttl", size: 2, ttl: time.Hour, steps: []string{"a", "30m", "b", "20m", "a", "40m"}, want: "a", dropped: "b"},
		{name: "expired rows are dropped before any is evicted", size: 2, ttl: time.Hour, steps: []string{"a", "30m", "b", "30m", "c"}, want: "b c", dropped: "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			var dropped []string
			evicted := 0
			table := table[string, string]{
				size: test.size, ttl: test.ttl,
				evicted: func() { evicted++ },
				dropped: func(value string) { dropped = append(dropped, value) },
			}
			for _, step := range test.steps {
				if wait, err := time.ParseDuration(step); err == nil {
					now = now.Add(wait)
				} else if key, ok := strings.CutPrefix(step, "-"); ok {
					table.remove(key)
				} else if key, ok := strings.CutPrefix(step, "?"); ok {
					table.get(key, now)
				} else if got := table.touch(step, now, func() string { return step }); got != step {
					t.Errorf("row %s: got value %s, want %s", step, got, step)
				}
			}
			if got := strings.Join(slices.Collect(table.all(now)), " "); got != test.want {
				t.Errorf("got rows %q, want %q", got, test.want)
			}
			if got := strings.Join(dropped, " "); got != test.dropped {
				t.Errorf("got dropped %q, want %q", got, test.dropped)
			}
			if evicted != test.evicted {
				t.Errorf("got %d evicted, want %d", evicted, test.evicted)
			}
		})
	}
}

func TestTableGet(t *testing.T) {
	table := table[string, int]{size: 1, ttl: time.Hour}
	now := time.Now()
	table.touch("a", now, func() int { return 7 })
	if got, ok := table.get("a", now); got != 7 || !ok {
		t.Errorf("got %d, %v, want 7", got, ok)
	}
	if got, ok := table.get("b", now); ok {
		t.Errorf("got %d of a missing row, want none", got)
	}
	if got, ok := table.get("a", now.Add(time.Hour)); ok {
		t.Errorf("got %d of an expired row, want none", got)
	}
}

// TestTableStop checks that the iteration over rows can be stopped.
func TestTableStop(t *testing.T) {
	table := table[int, int]{size: 3}
	for i := range 3 {
		table.touch(i, time.Now(), func() int { return i })
	}
	for row := range table.all(time.Now()) {
		if row == 1 {
			break
		}
	}
}

func TestTableExpiry(t *testing.T) {
	table := table[string, string]{size: 3, ttl: time.Hour}
	start := time.Now()
	touch := func(key string, after time.Duration) {
		table.touch(key, start.Add(after), func() string { return key })
	}
	want := func(what string, want time.Time) {
		t.Helper()
		if got := table.expiry(); !got.Equal(want) {
			t.Errorf("%s: got expiry %s, want %s", what, got, want)
		}
	}
	want("an empty table", time.Time{})
	touch("a", 0)
	touch("b", 20*time.Minute)
	want("the first row", start.Add(time.Hour))
	touch("a", 40*time.Minute)
	want("the first row was touched", start.Add(80*time.Minute))
	table.get("b", start.Add(80*time.Minute))
	want("the oldest row has expired", start.Add(100*time.Minute))
	table.ttl = 0
	want("a table without expiry", time.Time{})
}

// TestTableOfASuspendedMachine checks that a row expires by the wall clock.
func TestTableOfASuspendedMachine(t *testing.T) {
	table := table[string, string]{size: 1, ttl: time.Hour}
	now := time.Now()
	table.touch("a", now.Round(0).Add(-2*time.Hour), func() string { return "a" })
	if row, ok := table.get("a", now); ok {
		t.Errorf("got row %s, which is two hours old, want none", row)
	}
}
