package exporters

import "github.com/prometheus/client_golang/prometheus"

// DefaultMaxScrapes is the default of WithMaxScrapes.
const DefaultMaxScrapes = defaultMaxScrapes

// PieceSize is the number of points that are converted at a time.
const PieceSize = pieceSize

// OnConversion calls converted for each conversion of series of the Deployment group.
func (e *Exporter) OnConversion(converted func()) {
	r := &e.deployment.converter.registry
	r.exporter = onConversion{r.exporter, converted}
}

type onConversion struct {
	prometheus.Collector
	converted func()
}

func (c onConversion) Collect(series chan<- prometheus.Metric) {
	c.converted()
	c.Collector.Collect(series)
}
