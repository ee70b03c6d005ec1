package e2e_test

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/invariant"
)

// testCurl reads each format with curl, plain and gzipped. curl stops at the end of the
// first member of a gzip stream, and fails if more follows.
func testCurl(t *testing.T, url string) {
	for _, accept := range []string{"*/*", acceptText, acceptOpenMetrics, acceptProtobuf} {
		for _, options := range [][]string{nil, {"--compressed"}} {
			c := exec.CommandContext(t.Context(), "curl", append(options, "--silent", "--show-error", "--fail",
				"--write-out", "%{stderr}%{content_type}", "--header", "Accept: "+accept, url)...)
			var body, contentType bytes.Buffer
			c.Stdout, c.Stderr = &body, &contentType
			if err := c.Run(); err != nil {
				t.Errorf("curl %v, %s: %v: %s", options, accept, err, &contentType)
				continue
			}
			whole(t, "curl", contentType.String(), body.Bytes())
		}
	}
}

// whole checks that a body that a program has read from the endpoint is complete.
func whole(t *testing.T, by, contentType string, body []byte) {
	t.Helper()
	s, err := invariant.Parse(contentType, body)
	if err != nil {
		t.Errorf("%s, %s: %v", by, contentType, err)
		return
	}
	if err := s.Check(e2e.Served()); err != nil {
		t.Errorf("%s, %s: %v", by, contentType, err)
	}
	if err := s.CheckComplete(e2e.Served()); err != nil {
		t.Errorf("%s, %s: %v", by, contentType, err)
	}
}
