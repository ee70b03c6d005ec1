// Package httpmw is HTTP middleware that measures requests and websockets: counts,
// durations and status codes.
//
//	m, err := meters.New(providers)
//	...
//	measure := httpmw.New(m.API())
//	http.ListenAndServe(address, measure(router))
//
// Every request is counted once, even if its handler hijacks the connection or
// panics, or its client disconnects. Panics are not recovered. The handler's writer
// implements http.Flusher, http.Hijacker and http.Pusher if the server's writer
// does, and works with http.ResponseController.
//
// # Routes
//
// The label path is the pattern of the route that the request's method and path
// match in the whole tree of routers, even if a middleware answers before the
// handler of the route. It is never the path that a client sent. If no route
// matches, and for CONNECT, it is UNKNOWN below /api/ and STATIC elsewhere.
//
// Routes of [http.ServeMux] and chi are resolved. Apply the middleware in one
// of three places:
//
//	measure(router)                           // around a router
//	router.Use(measure)                       // in a chi router or sub-router, also by With
//	mux.Handle("GET /users", measure(users))  // around the handler of a route
//
// Requests that do not reach the middleware are not measured. A ServeMux below chi,
// and chi below a ServeMux, are resolved too, unless a handler wraps the inner router
// and hides it from the outer one. The label is then the pattern of the outer router:
// apply the middleware to the inner one as well.
//
// A handler between the middleware and a ServeMux hides the ServeMux if it passes on a
// copy of the request. Examples are http.StripPrefix,
// http.TimeoutHandler and every handler that calls Request.WithContext. Apply the
// middleware to both:
//
//	measure(http.TimeoutHandler(measure(mux), time.Minute, ""))
//
// A request that passes the middleware twice is counted once, by the outer one.
// The inner one reports the route to it, even if the request times out. If a
// prefix was stripped in between, the label is the outer route followed by the inner
// one:
//
//	mux.Handle("/api/v2/", http.StripPrefix("/api/v2", measure(api)))
//	measure(mux) // path="/api/v2/users/{id}"
//
// A request that is answered between the two has the outer route, if there is one.
// Put middleware that answers requests, such as authentication, into the chi router
// or around the handlers of the ServeMux.
//
// Call [New] once for an API, and apply the same middleware wherever it is needed: two
// middlewares do not recognize each other's requests behind a handler that hides the
// writer, as http.TimeoutHandler does. A middleware that is applied only once counts a
// request twice if such a handler sends the request back to it.
//
// For status 503 the route is resolved from the path and method that the client sent,
// because http.TimeoutHandler sends 503 while its handler may still be routing. If a
// middleware such as chi's StripSlashes or GetHead has changed them, the route can be
// missing.
//
// A request that a handler creates with http.NewRequest is a separate request.
//
// Another router makes its routes known by setting Request.Pattern of the request
// that it was called with, or by [WithRoute].
package httpmw
