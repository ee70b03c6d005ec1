// Package statuspage tests the status page, and the front page of the example, in
// a real Chromium. Run it with make test-browser. It writes screenshots to
// bin/screenshots.
package statuspage
