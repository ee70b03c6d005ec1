// Package statuspage tests the status page in a real Chromium: make test-browser.
// Screenshots are written to bin/screenshots.
package statuspage
