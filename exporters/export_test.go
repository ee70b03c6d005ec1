package exporters

import "github.com/prometheus/client_golang/prometheus"

// DefaultMaxScrapes is the default of WithMaxScrapes.
const DefaultMaxScrapes = defaultMaxScrapes

// PieceSize is the number of points that are converted at a time.
const PieceSize = pieceSize

// OnConversion calls converted for each conversion of series of the Deployment group.
func (e *Exporter) OnConversion(converted func()) {
	e.deployment.converter.registry.MustRegister(onConversion(converted))
}

type onConversion func()

func (onConversion) Describe(chan<- *prometheus.Desc)   {}
func (f onConversion) Collect(chan<- prometheus.Metric) { f() }
