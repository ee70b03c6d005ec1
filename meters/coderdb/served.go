package coderdb

import (
	"slices"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
)

// serves reports whether the edition has a family, and whether a database that lacks
// columns suffices for it.
func (c config) serves(f instrument.Family, l coderschema.Lacks) bool {
	_, not := coderschema.Unserved(c.edition, l, c.off())[f]
	return c.edition.Has(f) && !not
}

// off returns the families that options leave out.
func (c config) off() []instrument.Family {
	var off []instrument.Family
	if !c.parameters {
		off = append(off, coderschema.OfParameters()...)
	}
	if !c.agentStats {
		off = append(off, coderschema.OfAgentStats()...)
	}
	return off
}

// lacksAny reports whether a database lacks one of the columns of a table.
func lacksAny(l coderschema.Lacks, table string, columns ...string) bool {
	return slices.ContainsFunc(columns, func(c string) bool { return l.Missing(table, c) })
}
