// Package statuspage tests the status page, and the front page of the example,
// in a real Chromium: make test-browser.
// Screenshots are written to bin/screenshots.
package statuspage
