package coderschema_test

import (
	"fmt"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
)

func ExampleGrants() {
	for line := range strings.Lines(coderschema.Grants(instrument.Documented, "otelcoder")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "GRANT") || strings.Contains(line, "api_keys") || strings.Contains(line, "licenses") {
			fmt.Println(line)
		}
	}
	// Output:
	// GRANT USAGE ON SCHEMA "public" TO "otelcoder";
	// ('api_keys', '{user_id, last_used}'),
	// ('licenses', '{jwt}'),
}
