package meters

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestEventsHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, meters := newMeters(t)
		h := meters.EventsHealth()
		m.Expect(t, "")

		h.Report(time.Second, errors.New("away"))
		m.Expect(t, `# TYPE otelcoder_source_collection_duration_seconds gauge
otelcoder_source_collection_duration_seconds{source="events"} 1
# TYPE otelcoder_source_last_success_timestamp_seconds gauge
otelcoder_source_last_success_timestamp_seconds{source="events"} 0
# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="events"} 0
`)
		h.Report(time.Second/2, nil)
		time.Sleep(time.Hour)
		m.Expect(t, `# TYPE otelcoder_source_collection_duration_seconds gauge
otelcoder_source_collection_duration_seconds{source="events"} 0.5
# TYPE otelcoder_source_last_success_timestamp_seconds gauge
otelcoder_source_last_success_timestamp_seconds{source="events"} 9.466848e+08
# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="events"} 1
`)
		h.Report(2*time.Second, errors.New("away"))
		m.Expect(t, `# TYPE otelcoder_source_collection_duration_seconds gauge
otelcoder_source_collection_duration_seconds{source="events"} 2
# TYPE otelcoder_source_last_success_timestamp_seconds gauge
otelcoder_source_last_success_timestamp_seconds{source="events"} 9.466848e+08
# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="events"} 0
`)
		h.Withdraw()
		m.Expect(t, "")
	})
}
