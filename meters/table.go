package meters

import (
	"container/list"
	"iter"
	"time"

	"github.com/otelcoder/otelcoder/internal/clock"
)

// table is an LRU table that bounds the number of series that external input can create:
// when it is full, a new row replaces the least recently touched one. The owner's mutex
// guards it.
type table[K comparable, V any] struct {
	size    int           // maximum number of rows
	ttl     time.Duration // time after the last touch until a row is dropped; 0: never
	evicted func()        // called for each row that is dropped because the table is full
	dropped func(V)       // called for each row that is dropped for any reason; may be nil

	rows  map[K]*list.Element
	order list.List // of *tableRow[K, V], the least recently touched first
}

type tableRow[K comparable, V any] struct {
	key     K
	value   V
	touched time.Time
}

// touch returns the row of a key, created if missing, and marks it as the most recently
// touched.
func (t *table[K, V]) touch(key K, now time.Time, create func() V) V {
	t.expire(now)
	if e, ok := t.rows[key]; ok {
		row := e.Value.(*tableRow[K, V])
		row.touched = now
		t.order.MoveToBack(e)
		return row.value
	}
	if len(t.rows) >= t.size {
		t.drop(t.order.Front())
		t.evicted()
	}
	if t.rows == nil {
		t.rows = make(map[K]*list.Element)
	}
	row := &tableRow[K, V]{key, create(), now}
	t.rows[key] = t.order.PushBack(row)
	return row.value
}

// get returns the row of a key without touching it.
func (t *table[K, V]) get(key K, now time.Time) (value V, ok bool) {
	t.expire(now)
	e, ok := t.rows[key]
	if !ok {
		return value, false
	}
	return e.Value.(*tableRow[K, V]).value, true
}

// remove drops the row of a key, if it exists.
func (t *table[K, V]) remove(key K) {
	if e, ok := t.rows[key]; ok {
		t.drop(e)
	}
}

// all yields all rows, the least recently touched first.
func (t *table[K, V]) all(now time.Time) iter.Seq[V] {
	t.expire(now)
	return func(yield func(V) bool) {
		for e := t.order.Front(); e != nil; e = e.Next() {
			if !yield(e.Value.(*tableRow[K, V]).value) {
				return
			}
		}
	}
}

// expire drops rows older than the ttl. The methods that return rows call it first, so
// that callers never see an expired row.
func (t *table[K, V]) expire(now time.Time) {
	for t.ttl > 0 && t.order.Len() > 0 && clock.Between(t.oldest(), now) >= t.ttl {
		t.drop(t.order.Front())
	}
}

// expiry returns when the next row expires, or the zero time if no row does.
func (t *table[K, V]) expiry() time.Time {
	if t.ttl == 0 || t.order.Len() == 0 {
		return time.Time{}
	}
	return t.oldest().Add(t.ttl)
}

// oldest returns when the least recently touched row was touched.
func (t *table[K, V]) oldest() time.Time { return t.order.Front().Value.(*tableRow[K, V]).touched }

func (t *table[K, V]) drop(e *list.Element) {
	row := t.order.Remove(e).(*tableRow[K, V])
	delete(t.rows, row.key)
	if t.dropped != nil {
		t.dropped(row.value)
	}
}

// copyRows copies the rows of a table, and returns when the first of them expires.
func copyRows[K comparable, R any](t *table[K, *R], now time.Time) (rows []R, expiry time.Time) {
	rows = make([]R, 0, len(t.rows))
	for row := range t.all(now) {
		rows = append(rows, *row)
	}
	return rows, t.expiry()
}
