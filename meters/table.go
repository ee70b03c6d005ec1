package meters

import (
	"container/list"
	"iter"
	"sync"
	"time"
)

// table holds the series of a family that outsiders can make more of, so that
// there are never more than its size: when it is full, the row that has not
// moved for the longest time makes room for a new one. Its owner's mutex guards
// it.
type table[K comparable, V any] struct {
	size    int           // most rows
	life    time.Duration // a row that has not moved for so long goes; 0: it stays
	guard   sync.Locker   // the owner's mutex, needed only with a life
	evicted func()        // called for each row that goes because the table is full
	gone    func(V)       // called for each row that goes, whatever the reason; may be nil

	rows  map[K]*list.Element
	order list.List // of *tableRow[K, V], the least recently moved first
	armed bool
}

type tableRow[K comparable, V any] struct {
	key   K
	value V
	moved time.Time
}

// move returns the row of a key, which thereby moves. If there is none, it
// becomes the one that create returns.
func (t *table[K, V]) move(key K, now time.Time, create func() V) V {
	t.expire(now)
	if e, ok := t.rows[key]; ok {
		row := e.Value.(*tableRow[K, V])
		row.moved = now
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
	t.arm(now)
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

// expire drops the rows whose life is over. Every other method does it first, so
// that nobody sees a row that is too old.
func (t *table[K, V]) expire(now time.Time) {
	if t.life == 0 {
		return
	}
	for e := t.order.Front(); e != nil && now.Sub(e.Value.(*tableRow[K, V]).moved) >= t.life; e = t.order.Front() {
		t.drop(e)
	}
}

// arm sees to it that rows whose life is over also go, and gone tells of them,
// while nobody looks at the table. An empty one is left alone.
func (t *table[K, V]) arm(now time.Time) {
	if t.life == 0 || t.armed || t.order.Len() == 0 {
		return
	}
	t.armed = true
	oldest := t.order.Front().Value.(*tableRow[K, V])
	time.AfterFunc(oldest.moved.Add(t.life).Sub(now), func() {
		t.guard.Lock()
		defer t.guard.Unlock()
		now := time.Now()
		t.expire(now)
		t.armed = false
		t.arm(now)
	})
}

func (t *table[K, V]) drop(e *list.Element) {
	row := t.order.Remove(e).(*tableRow[K, V])
	delete(t.rows, row.key)
	if t.gone != nil {
		t.gone(row.value)
	}
}
