package status

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// IsBrowser reports whether a browser requests a page: Accept has both text/html and
// application/xhtml+xml, as in Chromium, Firefox and Safari. No scraper sends both;
// Java's HTTP client sends the first.
func IsBrowser(h http.Header) bool {
	html, xhtml := false, false
	for _, accept := range h.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			name, parameters, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			if q, given := parameters["q"]; given {
				if weight, err := strconv.ParseFloat(q, 64); err != nil || weight <= 0 {
					continue
				}
			}
			html = html || name == "text/html"
			xhtml = xhtml || name == "application/xhtml+xml"
		}
	}
	return html && xhtml
}
