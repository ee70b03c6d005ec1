package meters

import (
	"container/list"
	"iter"
	"time"

	"github.com/otelcoder/otelcoder/internal/clock"
)

// table bounds the series of a family that outsiders can create: when it is full,
// a new row replaces the one that has not moved for the longest time. The owner's
// mutex guards it.
type table[K comparable, V any] struct {
	size    int           // most rows
	ttl     time.Duration // a row that has not moved for so long is dropped; 0: never
	evicted func()        // called for each row that is dropped because the table is full
	dropped func(V)       // called for each row that is dropped, for any reason; may be nil

	rows  map[K]*list.Element
	order list.List // of *tableRow[K, V], the least recently moved first
}

type tableRow[K comparable, V any] struct {
	key     K
	value   V
	touched time.Time
}

// move returns the row of a key and marks it as the most recently moved. A missing
// row is created.
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

// get returns the row of a key without moving it.
func (t *table[K, V]) get(key K, now time.Time) (value V, ok bool) {
	t.expire(now)
	e, ok := t.rows[key]
	if !ok {
		return value, false
	}
	return e.Value.(*tableRow[K, V]).value, true
}

// remove drops the row of a key, if there is one.
func (t *table[K, V]) remove(key K) {
	if e, ok := t.rows[key]; ok {
		t.drop(e)
	}
}

// all yields every row, the least recently moved first.
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

// expire drops the rows that have not moved for the table's ttl. Every other
// method calls it first, so that no caller sees a row that is too old.
func (t *table[K, V]) expire(now time.Time) {
	for t.ttl > 0 && t.order.Len() > 0 && clock.Between(t.oldest(), now) >= t.ttl {
		t.drop(t.order.Front())
	}
}

// expiry returns when the next row expires; the zero time if none does.
func (t *table[K, V]) expiry() time.Time {
	if t.ttl == 0 || t.order.Len() == 0 {
		return time.Time{}
	}
	return t.oldest().Add(t.ttl)
}

// oldest returns when the first row moved.
func (t *table[K, V]) oldest() time.Time { return t.order.Front().Value.(*tableRow[K, V]).touched }

func (t *table[K, V]) drop(e *list.Element) {
	row := t.order.Remove(e).(*tableRow[K, V])
	delete(t.rows, row.key)
	if t.dropped != nil {
		t.dropped(row.value)
	}
}
