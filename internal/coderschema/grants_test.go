package coderschema

import (
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
)

func TestGrantCommand(t *testing.T) {
	for _, c := range []struct{ schema, role, want string }{
		{"", "otelcoder", `otelcoder grants --role otelcoder | psql "$OWNER_URL"`},
		{"public", "otelcoder", `otelcoder grants --role otelcoder | psql "$OWNER_URL"`},
		{"coder", "otelcoder", `otelcoder grants --role otelcoder --schema coder | psql "$OWNER_URL"`},
		{`my "coder"`, "$(id)", `otelcoder grants --role '$(id)' --schema 'my "coder"' | psql "$OWNER_URL"`},
	} {
		if got := GrantCommand(instrument.Documented, c.schema, c.role); got != c.want {
			t.Errorf("schema %q, role %q: got %s, want %s", c.schema, c.role, got, c.want)
		}
	}
}
