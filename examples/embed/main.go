// Command embed is the smallest program that measures its API: open
// http://127.0.0.1:3000/hello/you, then http://127.0.0.1:2112/.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

func main() {
	exporter, err := exporters.New()
	if err != nil {
		log.Fatal(err)
	}
	m, err := meters.New(exporter.Providers())
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.ListenAndServe("127.0.0.1:3000", newAPI(m))) }()
	log.Fatal(exporter.ListenAndServe(context.Background(), "127.0.0.1:2112"))
}

func newAPI(m *meters.Meters) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s!\n", r.PathValue("name"))
	})
	return httpmw.New(m.API())(mux)
}
