// Package invariant checks invariants of scrapes, which hold for every endpoint
// and every value.
//
//	scrape, err := invariant.Parse(contentType, body)
//	err = scrape.Check(contract)
//	err = scrape.CheckSince(previous, contract)
//
// [Parse] reads a response with the parsers of Prometheus and of
// prometheus/common. It is stricter than they are: it rejects mistakes that Prometheus
// repairs or drops silently, such as a family in two places.
package invariant

import (
	"errors"
	"fmt"
)

// shown is the maximum number of problems in the error of a scrape. A scrape with a
// mistake often has it in every series.
const shown = 20

// problems are the problems of a scrape.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf(format, args...))
}

// err joins the problems. It returns nil if there are none.
func (p problems) err() error {
	if len(p) > shown {
		p = append(p[:shown:shown], fmt.Errorf("and %d more", len(p)-shown))
	}
	return errors.Join(p...)
}
