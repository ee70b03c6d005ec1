package instrument

import (
	"fmt"
	"reflect"
	"slices"
)

// LabelSets makes the label sets of a family's series in an edition, from structs of
// type M. Not every field of M is a label in each edition and of each family: [LabelSets.Key]
// identifies the series of a struct.
type LabelSets[M Measured] struct {
	names  []string // of the labels
	hidden [][]int  // indexes of the fields of M that are not labels
}

// NewLabelSets returns the LabelSets of a family, without the named labels, for series
// that are aggregated over these; names of other families' labels are ignored. It panics
// unless M is the type of [Info].Measured. If the edition lacks the family, it has no
// labels.
func NewLabelSets[M Measured](e Edition, f Family, without ...string) LabelSets[M] {
	var zero M
	f.check(zero)
	l := LabelSets[M]{names: slices.DeleteFunc(e.Info(f).Labels, func(name string) bool { return slices.Contains(without, name) })}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[M]()) {
		if field.IsExported() && field.Type.Kind() != reflect.Struct && !l.shows(field) {
			l.hidden = append(l.hidden, field.Index)
		}
	}
	return l
}

// shows reports whether a label depends on the field.
func (l LabelSets[M]) shows(field reflect.StructField) bool {
	var zero, other M
	switch v := reflect.ValueOf(&other).Elem().FieldByIndex(field.Index); field.Type.Kind() {
	case reflect.String:
		v.SetString("other")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	default:
		panic(fmt.Sprintf("instrument: %T.%s has the type %s, which is no label value", zero, field.Name, field.Type))
	}
	return slices.ContainsFunc(l.names, func(name string) bool { return zero.label(name) != other.label(name) })
}

// Key returns m with the zero value in each field that is not a label. It is equal for
// all structs of one series.
func (l LabelSets[M]) Key(m M) M {
	if len(l.hidden) == 0 {
		return m
	}
	v := reflect.ValueOf(&m).Elem()
	for _, index := range l.hidden {
		v.FieldByIndex(index).SetZero()
	}
	return m
}

// Labels prepares the label set of the series of m.
func (l LabelSets[M]) Labels(m M) Labels { return newLabels(l.names, m) }
