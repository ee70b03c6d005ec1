package coderdb

import (
	"errors"
	"reflect"
)

// maxShared is how many texts of a column are shared. A column with more, such as the
// names of workspaces, rarely repeats one.
const maxShared = 1000

// sharing returns columns to scan rows into: pointers to strings are replaced by scanners
// that hold equal texts once. Many rows have the same template, agent name or state, and
// package meters keeps the texts in label sets.
func sharing(columns []any) []any {
	scanned := make([]any, len(columns))
	for i, c := range columns {
		scanned[i] = c
		if to := reflect.ValueOf(c).Elem(); to.Kind() == reflect.String {
			scanned[i] = sharedText{to, make(map[string]string)}
		}
	}
	return scanned
}

// sharedText scans a column into a string.
type sharedText struct {
	to   reflect.Value
	seen map[string]string
}

var errNullText = errors.New("cannot scan NULL into a string")

// ScanBytes implements [pgtype.BytesScanner].
func (s sharedText) ScanBytes(text []byte) error {
	if text == nil {
		return errNullText
	}
	shared, ok := s.seen[string(text)] // without an allocation
	if !ok {
		shared = string(text)
		if len(s.seen) < maxShared {
			s.seen[shared] = shared
		}
	}
	s.to.SetString(shared)
	return nil
}
