package meters

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// Paths of requests that matched no route. Paths beyond the limit of [WithMaxPaths] are
// counted as PathUnknown. These two do not count against the limit.
const (
	PathUnknown = "UNKNOWN" // below /api/
	PathStatic  = "STATIC"  // all others
)

// API measures HTTP requests and websockets, as the families
// coderd_api_requests_processed_total, coderd_api_request_latencies_seconds,
// coderd_api_websocket_durations_seconds, coderd_api_concurrent_requests and
// coderd_api_concurrent_websockets. Package httpmw calls it.
//
// After the first request to a path, measuring takes no lock of this package and does not
// allocate.
type API struct {
	// In flight. All requests write these two, so padding separates them from the fields
	// that requests read.
	_                    cacheLine
	requests, websockets atomic.Int64
	_                    cacheLine

	edition            instrument.Edition
	created            time.Time
	latencies          histogram
	websocketDurations histogram
	refusals           refusals[apiRefusal]

	text     labelText
	maxPaths int
	paths    atomic.Pointer[map[string]*Path]
	pathsMu  sync.Mutex // held to replace paths
	overflow *Path      // returned for paths beyond the limit; End counts it as PathUnknown
}

// cacheLine is padding of at least one cache line on all common processors.
type cacheLine [128]byte

type apiRefusal string

const (
	apiPathLimit apiRefusal = "path limit" // requests counted under UNKNOWN because of the limit
	apiLength    apiRefusal = "length"     // truncated routes
)

func newAPI(c config, out *output) *API {
	a := &API{
		edition:            c.edition,
		created:            time.Now(),
		maxPaths:           c.maxPaths,
		overflow:           newPath(c.edition, PathUnknown),
		latencies:          out.histogram(instrument.APIRequestLatencies),
		websocketDurations: out.histogram(instrument.APIWebsocketDurations),
		refusals:           newRefusals(out, c, "api", apiPathLimit, apiLength),
	}
	a.text = c.labelText(a.refusals.adder(apiLength))
	a.paths.Store(&map[string]*Path{
		PathUnknown: newPath(c.edition, PathUnknown),
		PathStatic:  newPath(c.edition, PathStatic),
	})
	noLabels := c.edition.Labels(instrument.APIConcurrentRequests, instrument.NoLabels{})
	out.observe(instrument.Process, func(o instrument.Observer) {
		o.Observe(instrument.APIConcurrentRequests, noLabels, float64(a.requests.Load()))
		o.Observe(instrument.APIConcurrentWebsockets, noLabels, float64(a.websockets.Load()))
		for name, path := range *a.paths.Load() {
			if name == path.name { // otherwise an alias: the path before sanitizing
				path.observe(o)
			}
		}
	})
	return a
}

// Path returns the handle for requests to a path: a route's pattern, [PathUnknown] or
// [PathStatic], never the URL path of a request. Beyond the limit of [WithMaxPaths],
// requests are counted as PathUnknown.
func (a *API) Path(path string) *Path {
	if p := (*a.paths.Load())[path]; p != nil {
		return p
	}
	// Checked before locking too, so that requests do not wait for the lock once the
	// table is full.
	if a.full(*a.paths.Load()) {
		return a.overflow
	}
	a.pathsMu.Lock()
	defer a.pathsMu.Unlock()
	paths := *a.paths.Load()
	if p := paths[path]; p != nil {
		return p
	}
	if a.full(paths) {
		return a.overflow
	}
	path = strings.Clone(path) // it may be a substring, which would retain a larger string
	name := a.text(path)
	p := paths[name]
	if p == nil {
		p = newPath(a.edition, name)
	}
	paths = maps.Clone(paths)
	paths[path], paths[name] = p, p
	a.paths.Store(&paths)
	return p
}

func (a *API) full(paths map[string]*Path) bool { return len(paths)-2 >= a.maxPaths }

// Path is the handle for requests to one path. It may be kept.
type Path struct {
	edition   instrument.Edition
	name      string
	websocket instrument.Labels
	endpoints [len(apiMethods)]atomic.Pointer[endpoint] // nil until the first request
}

func newPath(e instrument.Edition, name string) *Path {
	return &Path{edition: e, name: name, websocket: e.Labels(instrument.APIWebsocketDurations, instrument.APIRequest{Path: name})}
}

// endpoint returns the endpoint of a method: _OTHER unless it is one of the nine standard
// methods. The code is that of its first request.
func (p *Path) endpoint(method string, code int) *endpoint {
	at := methodIndex(method)
	if e := p.endpoints[at].Load(); e != nil {
		return e
	}
	request := instrument.APIRequest{Method: apiMethods[at], Path: p.name}
	p.endpoints[at].CompareAndSwap(nil, &endpoint{
		labels:  p.edition.Labels(instrument.APIRequestLatencies, request),
		codes:   newCodeCount(p.edition, request, code),
		edition: p.edition,
		request: request,
	})
	return p.endpoints[at].Load()
}

func (p *Path) observe(o instrument.Observer) {
	for i := range p.endpoints {
		e := p.endpoints[i].Load()
		if e == nil {
			continue
		}
		for c := &e.codes; c != nil; c = c.next.Load() {
			o.Observe(instrument.APIRequestsProcessed, c.labels, float64(c.count.Load()))
		}
	}
}

var apiMethods = [...]string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
	"_OTHER",
}

func methodIndex(method string) int {
	for i := range len(apiMethods) - 1 {
		if method == apiMethods[i] {
			return i
		}
	}
	return len(apiMethods) - 1
}

// endpoint measures the requests of one method to one path. The fields that a request
// reads come first, to share a cache line.
type endpoint struct {
	labels  instrument.Labels
	codes   codeCount // of the first code; it links to those of other codes
	edition instrument.Edition
	request instrument.APIRequest // without a code
}

// codeCount counts the requests with one status code. The counts of an endpoint are a
// linked list that only grows at its end: it is short and needs no lock.
type codeCount struct {
	code   int
	count  atomic.Int64
	next   atomic.Pointer[codeCount]
	labels instrument.Labels
}

func newCodeCount(e instrument.Edition, request instrument.APIRequest, code int) codeCount {
	request.Code = code
	return codeCount{code: code, labels: e.Labels(instrument.APIRequestsProcessed, request)}
}

func (e *endpoint) count(code int) {
	c := &e.codes
	for ; c.code != code; c = c.next.Load() {
		if c.next.Load() == nil {
			next := newCodeCount(e.edition, e.request, code)
			c.next.CompareAndSwap(nil, &next)
		}
	}
	c.count.Add(1)
}

// Start counts a request as in flight until its End. websocket is true if the request
// asks for an upgrade to a websocket, granted or not.
func (a *API) Start(websocket bool) RunningRequest {
	a.inFlight(websocket).Add(1)
	return RunningRequest{api: a, start: time.Since(a.created), websocket: websocket}
}

func (a *API) inFlight(websocket bool) *atomic.Int64 {
	if websocket {
		return &a.websockets
	}
	return &a.requests
}

// RunningRequest is a request in flight.
type RunningRequest struct {
	api       *API
	start     time.Duration // since the API was created: time.Since takes half as long as time.Now
	websocket bool
}

// End counts the request under its path, method and status code, records its duration in
// seconds, and no longer counts it as in flight. Methods other than the nine standard
// ones are counted as _OTHER. If the span in ctx is sampled, the duration may become an
// exemplar. End must be called once.
func (r RunningRequest) End(ctx context.Context, p *Path, method string, code int) {
	seconds := (time.Since(r.api.created) - r.start).Seconds()
	if p == r.api.overflow {
		r.api.refusals.add(apiPathLimit)
		p = r.api.Path(PathUnknown)
	}
	if code < 100 || code > 999 {
		code = http.StatusInternalServerError // net/http refuses such a code
	}
	e := p.endpoint(method, code)
	if r.websocket {
		r.api.websocketDurations.record(ctx, seconds, p.websocket)
	} else {
		r.api.latencies.record(ctx, seconds, e.labels)
	}
	e.count(code)
	// Last, so that a scrape with no requests in flight has counted all of them.
	r.api.inFlight(r.websocket).Add(-1)
}
