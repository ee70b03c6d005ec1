package httpmw

import (
	"net/http"
	"testing"
)

// TestAppliedOnEachRequest checks that a router that applies the middleware on each
// request, such as gorilla/mux, cannot make the count of handlers overflow.
func TestAppliedOnEachRequest(t *testing.T) {
	middleware := New(nil)
	var last *handler
	for range 1000 {
		last = middleware(http.NotFoundHandler()).(*handler)
	}
	if got := last.applied.Load(); got != 2 {
		t.Errorf("%d handlers are counted, want 2", got)
	}
}
