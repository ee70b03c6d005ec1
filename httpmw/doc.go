// Package httpmw is the middleware that measures the HTTP API: requests and
// websockets, their number, durations and status codes.
//
//	api, err := meters.NewAPI(providers)
//	...
//	measure := httpmw.New(api)
//	http.ListenAndServe(address, measure(router))
//
// Every request is counted once, also if its handler hijacks the connection or
// panics, or its client disconnects. A panic goes on. The handler's writer
// implements http.Flusher, http.Hijacker and http.Pusher if the server's writer
// does, and works with http.ResponseController.
//
// # Routes
//
// The label path is the pattern of the route that the request's method and path
// match in the whole tree of routers, also if a middleware answers before the
// handler of the route: it is never the path that a client sent. If no route
// matches, and for CONNECT, it is UNKNOWN below /api/ and STATIC elsewhere.
//
// The routes of [http.ServeMux] and of chi are known. Apply the middleware in one
// of three places:
//
//	measure(router)                           // around a router
//	router.Use(measure)                       // in a chi router or sub-router, also by With
//	mux.Handle("GET /users", measure(users))  // around the handler of a route
//
// Requests that do not get there are not measured. A ServeMux below chi, and chi
// below a ServeMux, are known too, unless a handler hides the inner router from
// the outer one, as a middleware around it does. Then the pattern of the outer one
// is the label, and the inner one has to be measured too.
//
// A handler between the middleware and a ServeMux hides the ServeMux too, if it
// passes on a copy of the request. Examples are http.StripPrefix,
// http.TimeoutHandler and every handler that calls Request.WithContext. Apply the
// middleware to both:
//
//	measure(http.TimeoutHandler(measure(mux), time.Minute, ""))
//
// A request that passes the middleware twice is counted once, by the outer one.
// The inner one reports the route to it, also of a request that times out. If a
// prefix was stripped in between, the outer route is put before the inner one:
//
//	mux.Handle("/api/v2/", http.StripPrefix("/api/v2", measure(api)))
//	measure(mux) // path="/api/v2/users/{id}"
//
// A request that is answered between the two has the outer route, if there is one:
// put a middleware that answers, such as authentication, into the chi router or
// around the handlers of the ServeMux.
//
// Call [New] once for an API, and apply the middleware that it returns wherever it
// is needed: two middlewares do not recognize each other's requests behind a
// handler that hides the writer, as http.TimeoutHandler does. A middleware that is
// applied only once counts a request twice if such a handler sends the request back
// to it.
//
// With status 503 the route is found by the path and method that the client sent,
// since http.TimeoutHandler answers so while its handler is still routing. If a
// middleware such as chi's StripSlashes or GetHead has changed them, the route can be
// missing.
//
// A request that a handler makes, by http.NewRequest, is another request.
// For other routers see [WithRoute].
package httpmw
