package instrument

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Edition is a vocabulary of the catalogue: the names, labels and help texts of a version
// of Coder, and the families that this version has. What is measured does not depend on
// it; views and label sets give a measurement the words of an edition. A deployment
// serves one edition.
type Edition uint8

const (
	// Documented is the edition of Coder's documentation of January 2024: 73 families.
	// It is the default.
	Documented Edition = iota
	// Coder is the edition that Coder of August 2026 serves. Of the families of Documented,
	// five have other labels and two have other names; 21 families are new.
	Coder
)

// Editions yields the editions, the oldest first.
func Editions() iter.Seq[Edition] { return slices.Values([]Edition{Documented, Coder}) }

// ParseEdition returns the edition with a name: documented or coder.
func ParseEdition(name string) (Edition, error) {
	var names []string
	for e := range Editions() {
		if e.String() == name {
			return e, nil
		}
		names = append(names, e.String())
	}
	return 0, fmt.Errorf("no edition %q: use %s", name, strings.Join(names, " or "))
}

// String returns the edition's name: documented or coder.
func (e Edition) String() string {
	switch e {
	case Documented:
		return "documented"
	case Coder:
		return "coder"
	}
	return fmt.Sprintf("edition %d", uint8(e))
}

// All yields the families of the edition by name, the health families last.
func (e Edition) All() iter.Seq[Family] { return slices.Values(vocabularies[e].families) }

// Has reports whether the edition has the family.
func (e Edition) Has(f Family) bool {
	return int(f) < len(catalogue) && e >= catalogue[f].since
}

// Info returns the family as the edition has it, and the zero Info if the edition lacks
// it.
func (e Edition) Info(f Family) Info { return vocabularies[e].infos[f].clone() }

// Name returns Info(f).Name without copying the Info.
func (e Edition) Name(f Family) string { return vocabularies[e].infos[f].Name }

// Lookup returns the family with the Prometheus name.
func (e Edition) Lookup(name string) (f Family, ok bool) {
	f, ok = vocabularies[e].byName[name]
	return f, ok
}

// vocabulary is the catalogue in the words of an edition.
type vocabulary struct {
	infos    [len(catalogue)]Info // by family; the zero Info if the edition lacks it
	families []Family             // in the order of All
	byName   map[string]Family
}

// vocabularies are derived from the catalogue, by edition.
var vocabularies = [...]*vocabulary{Documented: newVocabulary(Documented), Coder: newVocabulary(Coder)}

func newVocabulary(e Edition) *vocabulary {
	v := &vocabulary{byName: make(map[string]Family)}
	for i, row := range catalogue {
		info, ok := row.in(e)
		if !ok {
			continue
		}
		f := Family(i)
		v.infos[f] = info
		v.families = append(v.families, f)
		v.byName[info.Name] = f
	}
	slices.SortFunc(v.families, func(a, b Family) int {
		x, y := &v.infos[a], &v.infos[b]
		if (x.Origin == Health) != (y.Origin == Health) {
			return cmp.Compare(x.Origin, y.Origin) // Health is the last
		}
		return cmp.Compare(x.Name, y.Name)
	})
	return v
}
