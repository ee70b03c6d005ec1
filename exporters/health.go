package exporters

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/otelcoder/otelcoder/instrument"
)

// outcomes are the values of the label outcome of otelcoder_otlp_exports_total.
var outcomes = [...]string{"success", "failure"}

// observeHealth registers the callback of the endpoint's health families.
func (e *Exporter) observeHealth(version string) error {
	info := e.edition.Labels(instrument.HealthBuildInfo, instrument.BuildInfo{Edition: e.edition, GoVersion: runtime.Version(), Version: version})
	none := e.edition.Labels(instrument.HealthReporter, instrument.NoLabels{})
	var byFormat [len(formats)]instrument.Labels
	for i, f := range formats {
		byFormat[i] = e.edition.Labels(instrument.HealthRenderedBytes, instrument.Rendering{Format: f.name})
	}
	var byOutcome [len(outcomes)]instrument.Labels
	for i, outcome := range outcomes {
		byOutcome[i] = e.edition.Labels(instrument.HealthOTLPExports, instrument.OTLPExport{Outcome: outcome})
	}
	refused := make([]instrument.Labels, len(refusalReasons))
	for reason, name := range refusalReasons {
		refused[reason] = e.edition.Labels(instrument.HealthRefused, instrument.Refusal{Origin: refusalOrigin, Reason: name})
	}
	e.addHealth(e.refusals.report)
	_, err := e.Providers().Observe(func(o instrument.Observer) {
		o.Observe(instrument.HealthBuildInfo, info, 1)
		var reports float64
		if e.reporter() {
			reports = 1
		}
		o.Observe(instrument.HealthReporter, none, reports)
		o.Observe(instrument.HealthScrapeErrors, none, float64(e.scrapeErrors.Load()))
		for f := range formats {
			held := e.deployment.cache.Bytes(format(f)) + e.workspaces.cache.Bytes(format(f))
			o.Observe(instrument.HealthRenderedBytes, byFormat[f], float64(held))
		}
		for i := range outcomes {
			o.Observe(instrument.HealthOTLPExports, byOutcome[i], float64(e.pushed[i].Load()))
		}
		e.refusals.observe(o, refused)
	}, instrument.HealthBuildInfo, instrument.HealthReporter, instrument.HealthScrapeErrors,
		instrument.HealthRenderedBytes, instrument.HealthOTLPExports, instrument.HealthRefused)
	if err != nil {
		return fmt.Errorf("observe the health of the endpoint: %w", err)
	}
	return nil
}

// exported counts a push by its outcome.
func (e *Exporter) exported(err error) {
	outcome := 0
	if err != nil {
		outcome = 1
	}
	e.pushed[outcome].Add(1)
}

// moduleVersion returns the version of this module in the running program.
func moduleVersion() string {
	const unknown = "(devel)"
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	for _, module := range append(build.Deps, &build.Main) {
		if module.Path == instrument.ScopeName && module.Version != "" {
			return module.Version
		}
	}
	return unknown
}
