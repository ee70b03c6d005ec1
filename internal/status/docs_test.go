package status_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestKeysAreDocumented checks that every key of the JSON is documented, except statuses.
func TestKeysAreDocumented(t *testing.T) {
	golden, err := os.ReadFile("testdata/status.json")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/status-page.md")
	if err != nil {
		t.Fatal(err)
	}
	_, charts, found := strings.Cut(string(golden), `"last_hour"`)
	if !found {
		t.Fatal("testdata/status.json has no key last_hour")
	}
	values := regexp.MustCompile(`^(canceled|failed|pending|running|succeeded|connected|disconnected|timeout)$`)
	for _, text := range []string{strings.TrimSuffix(string(golden), charts), `"points": "min": "max": "last":`} {
		for _, key := range regexp.MustCompile(`"(\w+)":`).FindAllStringSubmatch(text, -1) {
			if !values.MatchString(key[1]) && !strings.Contains(string(page), "`"+key[1]+"`") {
				t.Errorf("docs/status-page.md lacks %s", key[1])
			}
		}
	}
}
