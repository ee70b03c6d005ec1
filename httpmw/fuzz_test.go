package httpmw

import (
	"net/http"
	"strings"
	"testing"
)

// asksForWebsocket reports whether the middleware measures a request with the header as a
// websocket.
func asksForWebsocket(h http.Header) bool {
	return hasToken(h["Connection"], "upgrade") && hasToken(h["Upgrade"], "websocket")
}

func TestAsksForWebsocket(t *testing.T) {
	for _, test := range []struct {
		upgrade, connection []string
		want                bool
	}{
		{[]string{"websocket"}, []string{"upgrade"}, true},
		{[]string{"WebSocket"}, []string{"Upgrade"}, true},
		{[]string{"websocket"}, []string{"keep-alive, Upgrade"}, true},
		{[]string{"websocket"}, []string{"keep-alive", "UPGRADE"}, true},
		{[]string{"h2c", "tcp,\twebsocket ,x"}, []string{"close,,upgrade"}, true},
		{nil, []string{"upgrade"}, false},
		{[]string{"websocket"}, nil, false},
		{[]string{"websocket"}, []string{"keep-alive"}, false},
		{[]string{"websocket"}, []string{"upgrades"}, false},
		{[]string{"websockets"}, []string{"upgrade"}, false},
		{[]string{"web socket"}, []string{"upgrade"}, false},
		{[]string{"h2c"}, []string{"upgrade"}, false},
		{[]string{""}, []string{""}, false},
		{[]string{"websoc\u212aet"}, []string{"upgrade"}, false}, // the Kelvin sign folds to k
		{[]string{"web\u017focket"}, []string{"upgrade"}, false}, // the long s folds to s
	} {
		h := http.Header{"Upgrade": test.upgrade, "Connection": test.connection}
		if got := asksForWebsocket(h); got != test.want {
			t.Errorf("Upgrade: %q, Connection: %q: %v, want %v", test.upgrade, test.connection, got, test.want)
		}
	}
}

func FuzzAsksForWebsocket(f *testing.F) {
	f.Add("websocket", "upgrade")
	f.Add("h2c, WebSocket", "keep-alive,\tUpgrade ")
	f.Add("websoc\u212aet", "upgrade")
	f.Add(",,", "\x00\xff")
	f.Fuzz(func(t *testing.T, upgrade, connection string) {
		ask := func(upgrade, connection []string) bool {
			return asksForWebsocket(http.Header{"Upgrade": upgrade, "Connection": connection})
		}
		got := ask([]string{upgrade}, []string{connection})
		// A list in one line is equal to a line for each element.
		if lines := ask(strings.Split(upgrade, ","), strings.Split(connection, ",")); lines != got {
			t.Errorf("got %v for one line, %v for a line for each element", got, lines)
		}
		// Other tokens in the list do not change the result.
		if got && !ask([]string{"x", upgrade + ",x"}, []string{"x", connection + ",x"}) {
			t.Error("got false with other tokens added, want true")
		}
		ascii := func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0 }
		if ascii(upgrade+connection) && got != (listed(upgrade, "websocket") && listed(connection, "upgrade")) {
			t.Errorf("got %v, want %v", got, !got)
		}
	})
}

// listed is a simple implementation of hasToken for an ASCII token in an ASCII list.
func listed(list, token string) bool {
	for _, element := range strings.Split(strings.ToLower(list), ",") {
		if strings.Trim(element, " \t") == token {
			return true
		}
	}
	return false
}

func TestMuxRoute(t *testing.T) {
	for pattern, want := range map[string]string{
		"/":                             "/",
		"/{$}":                          "/",
		"GET /":                         "/",
		"GET /users":                    "/users",
		"GET \t /users/{$}":             "/users/",
		"example.com/":                  "/",
		"POST example.com/users/{user}": "/users/{user}",
		"/files/{path...}":              "/files/{path...}",
		"/a/{$}/b":                      "/a/{$}/b", // not a valid pattern of ServeMux
		"CONNECT":                       "",
		"":                              "",
	} {
		if got := muxRoute(pattern); got != want {
			t.Errorf("%q: %q, want %q", pattern, got, want)
		}
	}
}

func FuzzMuxRoute(f *testing.F) {
	for _, pattern := range []string{"/", "/{$}", "GET /users/{user}", "GET\texample.com/a/{b...}", "/a b/", "{$}", "GET", "//", "/%2F/{$}", "/\xff"} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		route := muxRoute(pattern)
		if route != "" && (route[0] != '/' || strings.HasPrefix(pattern, "/") && !strings.HasPrefix(pattern, route)) {
			t.Fatalf("route %q is not a path of the pattern", route)
		}
		// If a ServeMux accepts the pattern, it accepts the route as a pattern, too. The
		// method is CONNECT, since only its patterns may have a path that is not clean.
		if refused(pattern) == nil && refused("CONNECT "+route) != nil {
			t.Fatalf("route %q is not a valid pattern: %v", route, refused("CONNECT "+route))
		}
	})
}

// refused returns the reason why a ServeMux refuses a pattern, or nil.
func refused(pattern string) (why any) {
	defer func() { why = recover() }()
	http.NewServeMux().Handle(pattern, http.NotFoundHandler())
	return nil
}
