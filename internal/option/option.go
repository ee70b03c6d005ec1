// Package option applies the options of the public packages, and validates their
// arguments.
package option

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// The range of intervals. Five times the longest interval does not overflow a
// [time.Duration], and the shortest interval is not a busy loop.
const (
	ShortestInterval = time.Millisecond
	LongestInterval  = 24 * time.Hour
)

// Apply applies options to a config in their order, and joins their errors. A nil
// option does nothing.
func Apply[C any, O ~func(*C) error](c *C, options []O) error {
	var errs []error
	for _, option := range options {
		if option != nil {
			errs = append(errs, option(c))
		}
	}
	return errors.Join(errs...)
}

// Within returns an error that names the option unless least <= value <= most.
func Within[T cmp.Ordered](name string, value, least, most T) error {
	if value < least || value > most {
		return fmt.Errorf("%s is %v: it must be from %v to %v", name, value, least, most)
	}
	return nil
}

// NotNil returns an error that names the option if value is a nil function, pointer or
// interface.
func NotNil(name string, value any) error {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Func, reflect.Pointer:
		if !v.IsNil() {
			return nil
		}
	case reflect.Invalid: // a nil interface
	default:
		return nil
	}
	return fmt.Errorf("%s is nil: leave the option out for its default", name)
}
