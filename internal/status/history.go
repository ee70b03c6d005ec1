package status

import (
	"math"
	"slices"
	"sort"
	"sync"
	"time"
)

// Sample holds the counts at one moment. Builds, Requests, Errors and Buckets are
// totals since the start of the process; the page shows their increase. The page leaves
// out nil maps and unknown numbers.
type Sample struct {
	Workspaces  map[string]float64 // workspaces by status of their latest build
	Agents      map[string]float64 // agents by connection status
	ActiveUsers Number             // in the last hour
	SeatsTaken  Number             // users that use a licence; unknown without a limit
	Seats       Number             // licensed users; unknown without a limit
	JobsRunning Number
	Builds      *Builds
	API         *APISample // nil without an API
}

// NoSample returns a Sample in which all numbers are unknown.
func NoSample() Sample {
	return Sample{ActiveUsers: Unknown(), SeatsTaken: Unknown(), Seats: Unknown(), JobsRunning: Unknown()}
}

// Builds counts ended workspace builds.
type Builds struct{ Succeeded, Failed float64 }

// APISample holds the counts of the API.
type APISample struct {
	Requests   float64 // requests answered
	Errors     float64 // requests answered with a 5xx code
	InFlight   float64 // requests in flight
	Websockets float64 // open websockets

	// Bounds are the upper bounds of the buckets of request durations in seconds,
	// without +Inf. Buckets are the cumulative counts, with +Inf. Quantiles are unknown
	// with more than 23 bounds.
	Bounds, Buckets []float64
}

const (
	// SampleInterval is the interval at which to call [History.Record].
	SampleInterval = 15 * time.Second

	slots      = int(time.Hour / SampleInterval)
	minutes    = 60 // points of a chart
	maxBuckets = 24
	window     = 5 * time.Minute // of rates and quantiles
)

// The indices of a point's values.
const (
	workspaces = iota
	agentsConnected
	agentsNotConnected
	activeUsers
	jobsRunning
	buildsSucceeded // counter
	buildsFailed    // counter
	requests        // counter
	requestErrors   // counter
	inFlight
	websockets
	firstBucket // counters
	values      = firstBucket + maxBuckets
)

type point struct {
	at     time.Time
	values [values]float64 // NaN if unknown
}

// History keeps the samples of the last hour, in less than 128 KiB. Its zero value is
// empty. It is safe for concurrent use.
type History struct {
	mu     sync.Mutex
	points [slots]point // by time modulo an hour
}

// Record adds a sample, or replaces the sample of the same 15 seconds. It does not
// allocate.
func (h *History) Record(at time.Time, s Sample) {
	p := newPoint(at, s)
	slot := at.Unix() / int64(SampleInterval/time.Second) % int64(slots)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.points[slot] = p
}

func newPoint(at time.Time, s Sample) point {
	p := point{at: at}
	for i := range p.values {
		p.values[i] = math.NaN()
	}
	if s.Workspaces != nil {
		p.values[workspaces] = total(s.Workspaces)
	}
	if s.Agents != nil {
		p.values[agentsConnected] = s.Agents["connected"]
		p.values[agentsNotConnected] = total(s.Agents) - s.Agents["connected"]
	}
	p.values[activeUsers] = float64(s.ActiveUsers)
	p.values[jobsRunning] = float64(s.JobsRunning)
	if b := s.Builds; b != nil {
		p.values[buildsSucceeded], p.values[buildsFailed] = b.Succeeded, b.Failed
	}
	if a := s.API; a != nil {
		p.values[requests], p.values[requestErrors] = a.Requests, a.Errors
		p.values[inFlight], p.values[websockets] = a.InFlight, a.Websockets
		if len(a.Buckets) <= maxBuckets {
			copy(p.values[firstBucket:], a.Buckets)
		}
	}
	return p
}

func total(of map[string]float64) float64 {
	sum := 0.0
	for _, n := range of {
		sum += n
	}
	return sum
}

// Chart holds the values of a number in the last hour.
type Chart struct {
	Points []Number `json:"points"` // one per minute, ending with the current minute
	Min    Number   `json:"min"`
	Max    Number   `json:"max"`
	Last   Number   `json:"last"`
}

func newChart(points []float64) Chart {
	c := Chart{Points: make([]Number, len(points)), Min: Unknown(), Max: Unknown(), Last: Unknown()}
	for i, v := range points {
		n := Number(v)
		c.Points[i] = n
		if !n.Known() {
			continue
		}
		if !c.Min.Known() || n < c.Min {
			c.Min = n
		}
		if !c.Max.Known() || n > c.Max {
			c.Max = n
		}
		c.Last = n
	}
	return c
}

// Deployment holds the current numbers of the deployment.
type Deployment struct {
	Workspaces      map[string]float64 `json:"workspaces"` // by status of their latest build
	Agents          map[string]float64 `json:"agents"`     // by connection status
	ActiveUsers     Number             `json:"active_users_last_hour"`
	SeatsTaken      Number             `json:"seats_taken"`
	Seats           Number             `json:"seats"`
	JobsRunning     Number             `json:"jobs_running"`
	BuildsSucceeded Number             `json:"builds_succeeded_last_hour"`
	BuildsFailed    Number             `json:"builds_failed_last_hour"`
}

// API holds the current numbers of the API. Rates, shares and quantiles are over five
// minutes.
type API struct {
	RequestsPerSecond Number `json:"requests_per_second"`
	ErrorShare        Number `json:"error_share"` // of requests answered with a 5xx code, 0 to 1
	P50Seconds        Number `json:"p50_seconds"`
	P95Seconds        Number `json:"p95_seconds"`
	InFlight          Number `json:"in_flight"`
	Websockets        Number `json:"websockets"`
}

// The names of the charts.
const (
	chartWorkspaces         = "workspaces"
	chartAgentsConnected    = "agents_connected"
	chartAgentsNotConnected = "agents_not_connected"
	chartActiveUsers        = "active_users"
	chartJobsRunning        = "jobs_running"
	chartBuildsSucceeded    = "builds_succeeded_per_minute"
	chartBuildsFailed       = "builds_failed_per_minute"
	chartRequests           = "requests_per_second"
	chartErrors             = "error_share"
	chartP50                = "p50_seconds"
	chartP95                = "p95_seconds"
	chartInFlight           = "in_flight"
	chartWebsockets         = "websockets"
)

// glance returns the numbers and charts at now. S is the current sample.
func (h *History) glance(now time.Time, s Sample) (*Deployment, *API, map[string]Chart) {
	points := h.until(now)
	points = append(points, newPoint(now, s))
	bounds := bounds(s)
	last := points[len(points)-1]

	var deployment *Deployment
	if s.Workspaces != nil || s.Agents != nil || s.ActiveUsers.Known() || s.JobsRunning.Known() || s.Builds != nil {
		deployment = &Deployment{
			Workspaces: s.Workspaces, Agents: s.Agents,
			ActiveUsers: s.ActiveUsers, SeatsTaken: s.SeatsTaken, Seats: s.Seats, JobsRunning: s.JobsRunning,
			BuildsSucceeded: Number(increase(firstKnown(points, buildsSucceeded), last, buildsSucceeded)),
			BuildsFailed:    Number(increase(firstKnown(points, buildsFailed), last, buildsFailed)),
		}
	}
	var api *API
	if a := s.API; a != nil {
		i := sort.Search(len(points), func(i int) bool { return points[i].at.After(now.Add(-window)) })
		from := firstKnown(points[max(i-1, 0):], requests)
		api = &API{
			RequestsPerSecond: Number(rate(from, last, requests)),
			ErrorShare:        Number(share(from, last)),
			P50Seconds:        Number(quantile(0.5, bounds, from, last)),
			P95Seconds:        Number(quantile(0.95, bounds, from, last)),
			InFlight:          Number(a.InFlight),
			Websockets:        Number(a.Websockets),
		}
	}

	charts := make(map[string]Chart)
	chart := func(name string, value func(before, at point) float64) {
		charts[name] = newChart(perMinute(now, points, value))
	}
	level := func(i int) func(point, point) float64 {
		return func(_, at point) float64 { return at.values[i] }
	}
	counted := func(i int) func(point, point) float64 {
		return func(before, at point) float64 { return increase(before, at, i) }
	}
	if deployment != nil {
		chart(chartWorkspaces, level(workspaces))
		chart(chartAgentsConnected, level(agentsConnected))
		chart(chartAgentsNotConnected, level(agentsNotConnected))
		chart(chartActiveUsers, level(activeUsers))
		chart(chartJobsRunning, level(jobsRunning))
		chart(chartBuildsSucceeded, counted(buildsSucceeded))
		chart(chartBuildsFailed, counted(buildsFailed))
	}
	if api != nil {
		chart(chartRequests, func(before, at point) float64 { return rate(before, at, requests) })
		chart(chartErrors, share)
		chart(chartP50, func(before, at point) float64 { return quantile(0.5, bounds, before, at) })
		chart(chartP95, func(before, at point) float64 { return quantile(0.95, bounds, before, at) })
		chart(chartInFlight, level(inFlight))
		chart(chartWebsockets, level(websockets))
	}
	return deployment, api, charts
}

// until returns the points of the hour before now, sorted by time.
func (h *History) until(now time.Time) []point {
	h.mu.Lock()
	defer h.mu.Unlock()
	points := make([]point, 0, slots+1)
	for _, p := range h.points {
		if p.at.After(now.Add(-time.Hour)) && p.at.Before(now) {
			points = append(points, p)
		}
	}
	slices.SortFunc(points, func(a, b point) int { return a.at.Compare(b.at) })
	return points
}

// perMinute returns a value for each of the last 60 minutes, computed from the last
// point of the minute and the last point before it; NaN for minutes without a point.
// Minutes are aligned to the clock, so that charts move once a minute.
func perMinute(now time.Time, points []point, value func(before, at point) float64) []float64 {
	result := make([]float64, minutes)
	for i := range result {
		result[i] = math.NaN()
	}
	first := now.Truncate(time.Minute).Add(-(minutes - 1) * time.Minute)
	var before, at point
	column := -1
	put := func() {
		if column >= 0 {
			result[column] = value(before, at)
		}
		before = at
	}
	for _, p := range points {
		c := int(math.Floor(p.at.Sub(first).Minutes()))
		if c != column {
			put()
			column = c
		}
		at = p
	}
	put()
	return result
}

// firstKnown returns the first point at which a value is known, otherwise the last.
func firstKnown(points []point, value int) point {
	for _, p := range points {
		if !math.IsNaN(p.values[value]) {
			return p
		}
	}
	return points[len(points)-1]
}

func increase(from, to point, counter int) float64 {
	if from.at.IsZero() {
		return math.NaN()
	}
	return max(to.values[counter]-from.values[counter], 0)
}

func rate(from, to point, counter int) float64 {
	return increase(from, to, counter) / to.at.Sub(from.at).Seconds()
}

func share(from, to point) float64 {
	return increase(from, to, requestErrors) / increase(from, to, requests)
}

// bounds returns the bounds of the sample's buckets, or nil without valid buckets.
func bounds(s Sample) []float64 {
	if s.API == nil || len(s.API.Buckets) != len(s.API.Bounds)+1 || len(s.API.Buckets) > maxBuckets {
		return nil
	}
	return s.API.Bounds
}

// quantile estimates a quantile of the observations between two points like PromQL's
// histogram_quantile: linear within a bucket, at most the largest bound.
func quantile(q float64, bounds []float64, from, to point) float64 {
	if len(bounds) == 0 {
		return math.NaN()
	}
	count := func(i int) float64 { return increase(from, to, firstBucket+i) }
	rank := q * count(len(bounds))
	if math.IsNaN(rank) || rank == 0 {
		return math.NaN()
	}
	for i, bound := range bounds {
		here := count(i)
		if here < rank {
			continue
		}
		lower, below := 0.0, 0.0
		if i > 0 {
			lower, below = bounds[i-1], count(i-1)
		}
		return lower + (bound-lower)*(rank-below)/(here-below)
	}
	return bounds[len(bounds)-1]
}
