package exporters

import "github.com/prometheus/client_golang/prometheus"

// DefaultMaxScrapes is for the test of the page of limits.
const DefaultMaxScrapes = defaultMaxScrapes

// PieceSize is how many series are converted at a time.
const PieceSize = pieceSize

// OnConversion has converted called for each conversion of series of the Deployment
// group.
func (e *Exporter) OnConversion(converted func()) {
	e.deployment.converter.registry.MustRegister(onConversion(converted))
}

type onConversion func()

func (onConversion) Describe(chan<- *prometheus.Desc)   {}
func (f onConversion) Collect(chan<- prometheus.Metric) { f() }
