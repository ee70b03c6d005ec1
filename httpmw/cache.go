package httpmw

import (
	"maps"
	"sync"
	"sync/atomic"
)

// copyOnWrite is a map that is read without a lock. It holds what there is a
// fixed number of, patterns of routes; the limit is for a host that makes up
// patterns as it goes, whose further ones are worked out each time.
type copyOnWrite[K comparable, V any] struct {
	writing sync.Mutex
	entries atomic.Pointer[map[K]V]
}

const maxEntries = 4096

func (m *copyOnWrite[K, V]) load() map[K]V {
	if entries := m.entries.Load(); entries != nil {
		return *entries
	}
	return nil
}

func (m *copyOnWrite[K, V]) get(key K) (V, bool) {
	v, ok := m.load()[key]
	return v, ok
}

func (m *copyOnWrite[K, V]) put(key K, value V) {
	if len(m.load()) >= maxEntries {
		return
	}
	m.writing.Lock()
	defer m.writing.Unlock()
	entries := make(map[K]V, len(m.load())+1)
	maps.Copy(entries, m.load())
	entries[key] = value
	m.entries.Store(&entries)
}
