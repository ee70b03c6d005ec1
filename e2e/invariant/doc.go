// Package invariant checks what holds for every scrape, whoever answers it and
// whatever is measured.
//
//	scrape, err := invariant.Parse(contentType, body)
//	err = scrape.Check(contract)
//	err = scrape.CheckSince(previous, contract)
//
// [Parse] reads an answer with the parsers of Prometheus and of
// prometheus/common, and is stricter than they are: it refuses what Prometheus
// repairs or drops in silence, such as a family in two places.
package invariant

import (
	"errors"
	"fmt"
)

// shown is how many problems of one scrape are told: a scrape with one mistake
// often has it in every series.
const shown = 20

// problems gathers what is wrong with a scrape.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf(format, args...))
}

// err joins the problems; it is nil if there are none.
func (p problems) err() error {
	if len(p) > shown {
		p = append(p[:shown:shown], fmt.Errorf("and %d more", len(p)-shown))
	}
	return errors.Join(p...)
}
