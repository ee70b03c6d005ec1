package meters

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	for _, test := range []struct {
		name  string
		size  int
		life  time.Duration
		moves []string // a key, "-key" to remove it, "?key" to look at it, or how long to wait
		want  string   // keys in order
		gone  string
		full  int // evicted
	}{
		{name: "empty", size: 2},
		{name: "in order of moves", size: 3, moves: []string{"a", "b", "c", "a"}, want: "b c a"},
		{name: "the least recently moved makes room", size: 2, moves: []string{"a", "b", "a", "c"}, want: "a c", gone: "b", full: 1},
		{name: "a look is no move", size: 2, moves: []string{"a", "b", "?a", "c"}, want: "b c", gone: "a", full: 1},
		{name: "what was evicted comes back", size: 1, moves: []string{"a", "b", "a"}, want: "a", gone: "a b", full: 2},
		{name: "removed", size: 2, moves: []string{"a", "b", "-a", "-x", "c"}, want: "b c", gone: "a"},
		{name: "for ever", size: 2, moves: []string{"a", "1000h"}, want: "a"},
		{name: "almost too old", size: 2, life: time.Hour, moves: []string{"a", "59m59s"}, want: "a"},
		{name: "too old", size: 2, life: time.Hour, moves: []string{"a", "1h"}, gone: "a"},
		{name: "a move makes young", size: 2, life: time.Hour, moves: []string{"a", "30m", "b", "20m", "a", "40m"}, want: "a", gone: "b"},
		{name: "the old make room first", size: 2, life: time.Hour, moves: []string{"a", "30m", "b", "30m", "c"}, want: "b c", gone: "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			var gone []string
			evicted := 0
			table := table[string, string]{
				size: test.size, life: test.life,
				evicted: func() { evicted++ },
				gone:    func(value string) { gone = append(gone, value) },
			}
			for _, move := range test.moves {
				if wait, err := time.ParseDuration(move); err == nil {
					now = now.Add(wait)
				} else if key, ok := strings.CutPrefix(move, "-"); ok {
					table.remove(key)
				} else if key, ok := strings.CutPrefix(move, "?"); ok {
					table.get(key, now)
				} else if got := table.move(move, now, func() string { return move }); got != move {
					t.Errorf("the row of %s is that of %s", move, got)
				}
			}
			if got := strings.Join(slices.Collect(table.all(now)), " "); got != test.want {
				t.Errorf("holds %q, want %q", got, test.want)
			}
			if got := strings.Join(gone, " "); got != test.gone {
				t.Errorf("gone are %q, want %q", got, test.gone)
			}
			if evicted != test.full {
				t.Errorf("%d evicted, want %d", evicted, test.full)
			}
		})
	}
}

func TestTableGet(t *testing.T) {
	table := table[string, int]{size: 1, life: time.Hour}
	now := time.Now()
	table.move("a", now, func() int { return 7 })
	if got, ok := table.get("a", now); got != 7 || !ok {
		t.Errorf("got %d, %v, want 7", got, ok)
	}
	if got, ok := table.get("b", now); ok {
		t.Errorf("got %d of a row that does not exist", got)
	}
	if got, ok := table.get("a", now.Add(time.Hour)); ok {
		t.Errorf("got %d of a row that is too old", got)
	}
}

// TestTableStop: whoever reads the rows may stop.
func TestTableStop(t *testing.T) {
	table := table[int, int]{size: 3}
	for i := range 3 {
		table.move(i, time.Now(), func() int { return i })
	}
	for row := range table.all(time.Now()) {
		if row == 1 {
			break
		}
	}
}

func TestTableExpiry(t *testing.T) {
	table := table[string, string]{size: 3, life: time.Hour}
	start := time.Now()
	move := func(key string, after time.Duration) {
		table.move(key, start.Add(after), func() string { return key })
	}
	want := func(what string, want time.Time) {
		t.Helper()
		if got := table.expiry(); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	want("an empty table", time.Time{})
	move("a", 0)
	move("b", 20*time.Minute)
	want("the first row", start.Add(time.Hour))
	move("a", 40*time.Minute)
	want("the first row has moved", start.Add(80*time.Minute))
	table.get("b", start.Add(80*time.Minute))
	want("the oldest row has expired", start.Add(100*time.Minute))
	table.life = 0
	want("a table without expiry", time.Time{})
}

// TestTableOfASuspendedMachine: only the wall clock shows that a row is too old.
func TestTableOfASuspendedMachine(t *testing.T) {
	table := table[string, string]{size: 1, life: time.Hour}
	now := time.Now()
	table.move("a", now.Round(0).Add(-2*time.Hour), func() string { return "a" })
	if row, ok := table.get("a", now); ok {
		t.Errorf("%s is two hours old", row)
	}
}
