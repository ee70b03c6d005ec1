package prometheus

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/storage/remote"
)

// ReceiveOTLP starts Prometheus's OTLP receiver with its default translation of names,
// and returns the URL to push to.
func (p *Prometheus) ReceiveOTLP(t testing.TB) string {
	t.Helper()
	logger := p.logger()
	receiver := remote.NewOTLPWriteHandler(logger, p.metrics, p.db,
		func() config.Config { return config.DefaultConfig },
		remote.OTLPOptions{LookbackDelta: 5 * time.Minute})
	mux := http.NewServeMux()
	mux.Handle("/api/v1/otlp/v1/metrics", receiver)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/api/v1/otlp"
}
