package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/urfave/cli/v3"
)

// noSuch returns the error for an unknown name, with the nearest known name as a
// suggestion. It does not quote the name.
func noSuch(what, name string, known []string, see string) error {
	if suggestion := nearest(name, known); suggestion != "" {
		return fmt.Errorf("unknown %s; did you mean %s? See %s", what, suggestion, see)
	}
	return fmt.Errorf("unknown %s; see %s", what, see)
}

// nearest returns the known name most similar to a mistyped one, or "" if none is
// similar.
func nearest(name string, known []string) string {
	best, least := "", len(name)+1
	for _, k := range known {
		if d := distance(name, k); d <= max(len(k)/3, 1) && d < least {
			best, least = k, d
		}
	}
	return best
}

// distance returns the number of insertions, deletions, replacements and swaps of
// neighbouring letters that turn a into b.
func distance(a, b string) int {
	const far = 100
	if len(a) > far || len(b) > far {
		return far
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// The errors that the library returns for flags.
var (
	undefinedFlag = regexp.MustCompile(`(?s)^flag provided but not defined: -(.*)$`)
	missingValue  = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
	badValue      = regexp.MustCompile(`(?s)^invalid value ("(?:[^"\\]|\\.)*") for flag -(\S+): (.*)$`)
	badVariable   = regexp.MustCompile(`(?s)^could not parse ("(?:[^"\\]|\\.)*") as \S+ value from environment variable "(\w+)" for flag (\S+): (.*)$`)
)

// flagError rewrites an error of the library about a flag. It names the flag as --help
// does. It does not quote an unknown flag, nor a value that may be a URL.
func flagError(c *cli.Command, err error) error {
	text := err.Error()
	if match := undefinedFlag.FindStringSubmatch(text); match != nil {
		var known []string
		for _, f := range c.VisibleFlags() {
			known = append(known, "--"+f.Names()[0])
		}
		return noSuch("flag", "--"+match[1], known, c.FullName()+" --help")
	}
	if match := missingValue.FindStringSubmatch(text); match != nil {
		return errors.New("flag needs an argument: --" + match[1])
	}
	if match := badValue.FindStringSubmatch(text); match != nil {
		return valueError(match[1], "--"+match[2], match[3])
	}
	if match := badVariable.FindStringSubmatch(text); match != nil {
		return valueError(match[1], match[2]+" (--"+match[3]+")", match[4])
	}
	return err
}

func valueError(quoted, of, why string) error {
	switch {
	case strings.HasPrefix(why, "time: "):
		why = "give a time, such as 30s or 5m"
	case strings.HasPrefix(why, "strconv.ParseInt: "):
		why = "give a whole number, such as 3"
	case why == "parse error":
		why = "give true or false"
	}
	if !mayBeURL(quoted) {
		return fmt.Errorf("invalid value %s for %s: %s", quoted, of, why)
	}
	if strings.Contains(why, `"`) { // the reason quotes a part of the value
		return fmt.Errorf("invalid value for %s", of)
	}
	return fmt.Errorf("invalid value for %s: %s", of, why)
}

// mayBeURL reports whether a text may be the URL of a database, a part of one, or a
// keyword/value connection string.
func mayBeURL(text string) bool {
	return strings.ContainsAny(text, ":/@ '\\") || strings.Contains(strings.ToLower(text), "password")
}
