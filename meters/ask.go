package meters

import (
	"context"
	"fmt"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// Answer is what a source said when it was asked once.
type Answer struct {
	Source string                    // its name, as otelcoder_source_up has it
	Series map[instrument.Family]int // how many, of every family of the source
	Took   time.Duration
	Err    error
}

// Ask asks every source once, one after the other, and tells how each fared:
// what [Poll] would serve, without serving it. Each has as long to answer as
// with Poll. The error is that of options out of range; those of the sources are in
// their answers.
func Ask(ctx context.Context, s Sources, options ...Option) ([]Answer, error) {
	c, err := newConfig(options)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	var providers instrument.Providers // nothing is served
	refused, err := newSourceRefusals(providers, c, s.refusals()...)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	subjects, err := s.subjects(providers, c, refused)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	var answers []Answer
	for _, subject := range subjects {
		a := newPolled(subject, c.logger).ask(ctx)
		answers = append(answers, Answer{subject.name, a.snapshot.series(subject.families), a.took, a.err})
	}
	return answers, nil
}

// series counts the series of families.
func (s snapshot) series(families []instrument.Family) map[instrument.Family]int {
	counts := make(map[instrument.Family]int, len(families))
	for _, f := range families {
		counts[f] = 0
	}
	for _, samples := range s {
		for _, sample := range samples {
			counts[sample.family]++
		}
	}
	return counts
}
