package status

import (
	"math"
	"testing"
	"time"
	"unsafe"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestHistoryHasAFixedSize(t *testing.T) {
	const limit = 128 << 10
	if got := unsafe.Sizeof(History{}); got > limit {
		t.Errorf("got a History of %d bytes, want at most %d", got, limit)
	}
	h, s := new(History), NoSample()
	s.Agents, s.API = map[string]float64{"connected": 1}, &APISample{Bounds: []float64{1}, Buckets: []float64{1, 2}}
	at := noon
	if n := testing.AllocsPerRun(1000, func() {
		at = at.Add(SampleInterval)
		h.Record(at, s)
	}); n > 0 {
		t.Errorf("got %v allocations per Record, want 0", n)
	}
}

// near reports whether two numbers are equal except for rounding.
func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-9*math.Abs(b) || math.IsNaN(a) && math.IsNaN(b)
}

func TestRatesAreOfTheLastFiveMinutes(t *testing.T) {
	h := new(History)
	at := func(ago time.Duration) Sample {
		s := NoSample()
		// 10 requests per second until five minutes ago, then 20 per second. Of the later
		// ones, one in ten fails and all take between 0.1 and 0.5 s.
		elapsed := (time.Hour - ago).Seconds()
		recent := max(elapsed-3300, 0)
		a := &APISample{Requests: 10*(elapsed-recent) + 20*recent, Errors: 2 * recent, InFlight: 7, Websockets: 312}
		a.Bounds = []float64{0.1, 0.5}
		a.Buckets = []float64{10 * (elapsed - recent), a.Requests, a.Requests}
		s.API = a
		return s
	}
	for ago := time.Hour - SampleInterval; ago > 0; ago -= SampleInterval {
		h.Record(noon.Add(-ago), at(ago))
	}
	_, api, charts := h.glance(noon, at(0))
	for name, test := range map[string]struct{ got, want float64 }{
		"requests":   {float64(api.RequestsPerSecond), 20},
		"errors":     {float64(api.ErrorShare), 0.1},
		"median":     {float64(api.P50Seconds), 0.3},
		"p95":        {float64(api.P95Seconds), 0.48},
		"in flight":  {float64(api.InFlight), 7},
		"websockets": {float64(api.Websockets), 312},
		"least":      {float64(charts["requests_per_second"].Min), 10},
		"greatest":   {float64(charts["requests_per_second"].Max), 20},
		"last":       {float64(charts["requests_per_second"].Last), 20},
		"old median": {float64(charts["p50_seconds"].Min), 0.05},
	} {
		if !near(test.got, test.want) {
			t.Errorf("%s: got %v, want %v", name, test.got, test.want)
		}
	}
}

func TestBuildsOfTheLastHour(t *testing.T) {
	h := new(History)
	builds := func(succeeded, failed float64) Sample {
		s := NoSample()
		s.Builds = &Builds{succeeded, failed}
		return s
	}
	h.Record(noon.Add(-2*time.Hour), builds(10, 0)) // older than the last hour
	h.Record(noon.Add(-55*time.Minute), NoSample()) // as recorded while standing by
	h.Record(noon.Add(-50*time.Minute), builds(100, 5))
	h.Record(noon.Add(-10*time.Minute), builds(110, 5))
	deployment, _, charts := h.glance(noon, builds(118, 8))
	if deployment.BuildsSucceeded != 18 || deployment.BuildsFailed != 3 {
		t.Errorf("got %v succeeded and %v failed builds, want 18 and 3", deployment.BuildsSucceeded, deployment.BuildsFailed)
	}
	chart := charts["builds_succeeded_per_minute"]
	for minute, want := range map[int]float64{8: math.NaN(), 49: 10, 50: math.NaN(), 59: 8} {
		if got := float64(chart.Points[minute]); !near(got, want) {
			t.Errorf("minute %d: got %v builds, want %v", minute, got, want)
		}
	}
	if deployment.Workspaces != nil || deployment.ActiveUsers.Known() {
		t.Errorf("got %+v, want numbers without a sample unknown", deployment)
	}
}

func TestACounterThatStartsAgainIsNotNegative(t *testing.T) {
	h, s := new(History), NoSample()
	s.API = &APISample{Requests: 1000, Errors: 10}
	h.Record(noon.Add(-time.Minute), s)
	s.API = &APISample{Requests: 5, Errors: 1}
	if _, api, _ := h.glance(noon, s); api.RequestsPerSecond != 0 || api.ErrorShare.Known() {
		t.Errorf("got %v requests per second, error share %v; want 0 and unknown", api.RequestsPerSecond, api.ErrorShare)
	}
}

func TestSamplesOfTheSameMomentCountOnce(t *testing.T) {
	h := new(History)
	for i := range 20_000 {
		s := NoSample()
		s.ActiveUsers = Number(i)
		h.Record(noon.Add(-time.Hour+time.Duration(i)*180*time.Millisecond), s)
	}
	if got := len(h.until(noon)); got != slots {
		t.Errorf("got %d points in an hour, want %d", got, slots)
	}
	s := NoSample()
	s.ActiveUsers = 5
	deployment, _, charts := h.glance(noon, s)
	users := charts["active_users"]
	if deployment.ActiveUsers != 5 || users.Last != 5 || users.Max != 19999 {
		t.Errorf("got %v active users, chart %v to %v, last %v; want 5, chart to 19999, last 5", deployment.ActiveUsers, users.Min, users.Max, users.Last)
	}
}

func TestQuantileOfAnythingIsSane(t *testing.T) {
	for name, a := range map[string]*APISample{
		"no buckets":       {},
		"too few":          {Bounds: []float64{1, 2}, Buckets: []float64{1}},
		"too many":         {Bounds: make([]float64, 40), Buckets: make([]float64, 41)},
		"none observed":    {Bounds: []float64{1}, Buckets: []float64{0, 0}},
		"not a number":     {Bounds: []float64{1}, Buckets: []float64{math.NaN(), math.NaN()}},
		"not increasing":   {Bounds: []float64{1, 2}, Buckets: []float64{9, 3, 5}},
		"infinite bound":   {Bounds: []float64{math.Inf(1)}, Buckets: []float64{9, 9}},
		"all above bounds": {Bounds: []float64{1, 2}, Buckets: []float64{0, 0, 10}},
	} {
		h, s := new(History), NoSample()
		s.API = &APISample{Bounds: a.Bounds, Buckets: make([]float64, len(a.Buckets))}
		h.Record(noon.Add(-time.Minute), s)
		s.API = a
		_, api, _ := h.glance(noon, s)
		if p := api.P95Seconds; p.Known() && (p < 0 || p > 2) {
			t.Errorf("%s: got 95th percentile %v, want unknown or 0 to 2", name, p)
		}
		if name == "all above bounds" && api.P50Seconds != 2 {
			t.Errorf("%s: got median %v, want the greatest bound, 2", name, api.P50Seconds)
		}
	}
}
