package meters

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/internal/metertest"
)

func TestSourceHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metertest.New(t)
		h, err := NewSourceHealth(m.Providers(), "events")
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, m, "")

		h.Asked(time.Second, errors.New("away"))
		wantText(t, m, `# TYPE otelcoder_source_collection_duration_seconds gauge
otelcoder_source_collection_duration_seconds{source="events"} 1
# TYPE otelcoder_source_last_success_timestamp_seconds gauge
otelcoder_source_last_success_timestamp_seconds{source="events"} 0
# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="events"} 0
`)
		h.Asked(time.Second/2, nil)
		time.Sleep(time.Hour)
		wantText(t, m, `# TYPE otelcoder_source_collection_duration_seconds gauge
otelcoder_source_collection_duration_seconds{source="events"} 0.5
# TYPE otelcoder_source_last_success_timestamp_seconds gauge
otelcoder_source_last_success_timestamp_seconds{source="events"} 9.466848e+08
# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="events"} 1
`)
		h.Asked(2*time.Second, errors.New("away"))
		wantText(t, m, `# TYPE otelcoder_source_collection_duration_seconds gauge
otelcoder_source_collection_duration_seconds{source="events"} 2
# TYPE otelcoder_source_last_success_timestamp_seconds gauge
otelcoder_source_last_success_timestamp_seconds{source="events"} 9.466848e+08
# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="events"} 0
`)
		h.Rest()
		wantText(t, m, "")
	})
}
