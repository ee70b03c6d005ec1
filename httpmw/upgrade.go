package httpmw

import (
	"net/http"
	"strings"
)

// asksForWebsocket says whether a request's headers ask for an upgrade of its
// connection to a websocket.
func asksForWebsocket(h http.Header) bool {
	return hasToken(h["Upgrade"], "websocket") && asksForUpgrade(h)
}

// asksForUpgrade says whether they ask for an upgrade to anything.
func asksForUpgrade(h http.Header) bool {
	return hasToken(h["Connection"], "upgrade")
}

// hasToken says whether one of a header's lines, each a comma list, holds the
// token, which is of ASCII letters; their case does not matter.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			element = strings.Trim(element, " \t")
			// Of equal length, so that no letter outside ASCII, such as the Kelvin
			// sign, can be folded into one of the token's.
			if len(element) == len(token) && strings.EqualFold(element, token) {
				return true
			}
		}
	}
	return false
}
