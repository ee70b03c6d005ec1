// Package httpmw is the middleware that measures the HTTP API: how many requests
// and websockets there were and are, how long they took, how they ended.
//
//	api, err := meters.NewAPI(providers)
//	...
//	measure := httpmw.New(api)
//	http.ListenAndServe(address, measure(router))
//
// Every request that passes is counted once, whatever ends it: a handler that
// returns, hijacks the connection or panics (the panic goes on), a client that
// went away. What the handler is given can do what the server's own
// http.ResponseWriter can: flush, hijack, push, read from, and all of
// http.ResponseController.
//
// # Routes
//
// The label path is the pattern of the route that matched, never the path that a
// client sent: UNKNOWN if none matched below /api/, STATIC elsewhere and for
// CONNECT. The routes of [http.ServeMux] and of chi are known by themselves,
// wherever the middleware stands:
//
//	measure(mux)                            // around a router, of either kind
//	router.Use(measure)                     // in a chi router or sub-router
//	router.With(measure).Get("/users", h)   // around one route of chi
//	mux.Handle("GET /users", measure(h))    // around one route of a ServeMux
//
// A handler that passes a copy of the request on hides from those outside which
// route it matches: http.StripPrefix, http.TimeoutHandler, and whatever calls
// Request.WithContext. If one stands between the middleware and the router, apply
// the middleware a second time, to the router:
//
//	measure(http.TimeoutHandler(measure(mux), time.Minute, ""))
//
// A request that passes it twice is still counted once, by the outer one; the
// inner one tells it the route, also of a request that timed out. The pattern
// of a prefix that was stripped is put back if the outer one knows it:
//
//	mux.Handle("/api/v2/", http.StripPrefix("/api/v2", measure(api)))
//	measure(mux) // path="/api/v2/users/{id}"
//
// Make it once for an API, and apply what [New] returned wherever it is needed: two
// of them do not know of each other behind a handler that hides the writer.
//
// If the middleware is applied only once, around or in a router, a request that
// comes back to it is known by its writer: a handler that hides the writer, as
// http.TimeoutHandler does, and sends the request back to that same router, has it
// counted once more.
//
// What a handler makes of its own, with http.NewRequest, is another request.
// For other routers see [WithRoute].
package httpmw
