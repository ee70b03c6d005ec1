package status

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	none  = "–"      // an unknown number
	space = "\u00a0" // between a number and its unit
)

// count formats a number with commas. Fractions below 100 get three significant digits.
func count(n float64) string {
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0):
		return none
	case n != math.Trunc(n) && math.Abs(n) < 100:
		return strconv.FormatFloat(n, 'g', 3, 64)
	case math.Abs(n) >= 1e15:
		return strconv.FormatFloat(n, 'g', 6, 64)
	}
	digits := strconv.FormatFloat(math.Round(n), 'f', 0, 64)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// oneDecimal formats a number with at most one decimal: 3, 3.2.
func oneDecimal(n float64) string {
	return strconv.FormatFloat(math.Round(n*10)/10, 'f', -1, 64)
}

// seconds formats a duration in seconds.
func seconds(s float64) string {
	switch {
	case math.IsNaN(s) || math.IsInf(s, 0):
		return none
	case s < 0.0005:
		return count(math.Round(s*1e6)) + space + "µs"
	case s < 0.01:
		return oneDecimal(s*1e3) + space + "ms"
	case s < 0.9995:
		return count(math.Round(s*1e3)) + space + "ms"
	case s < 10:
		return oneDecimal(s) + space + "s"
	}
	return duration(time.Duration(min(s, 1e9) * float64(time.Second)))
}

// duration formats a duration with its two largest units.
func duration(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	units := []struct {
		name string
		size int64
	}{{"d", 24 * 3600}, {"h", 3600}, {"m", 60}, {"s", 1}}
	for i, u := range units {
		if s < u.size && u.size > 1 {
			continue
		}
		text := strconv.FormatInt(s/u.size, 10) + space + u.name
		if rest := s % u.size; rest > 0 && i+1 < len(units) && rest >= units[i+1].size {
			text += space + strconv.FormatInt(rest/units[i+1].size, 10) + space + units[i+1].name
		}
		return text
	}
	return ""
}

func size(bytes int64) string {
	n, unit := float64(bytes), 0
	units := [...]string{"B", "kB", "MB", "GB"}
	for n >= 999.5 && unit < len(units)-1 {
		n, unit = n/1000, unit+1
	}
	if unit > 0 && n < 9.95 {
		return oneDecimal(n) + space + units[unit]
	}
	return strconv.FormatFloat(n, 'f', 0, 64) + space + units[unit]
}

// percent formats a share between 0 and 1.
func percent(share float64) string {
	n := share * 100
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0):
		return none
	case n == 0 || n >= 10:
		return strconv.FormatFloat(n, 'f', 0, 64) + space + "%"
	case n < 0.1:
		return strconv.FormatFloat(n, 'g', 1, 64) + space + "%"
	}
	return oneDecimal(n) + space + "%"
}

// sample formats a value as in Prometheus's text format.
func sample(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	case math.IsNaN(v):
		return "NaN"
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// shown makes untrusted text printable: valid UTF-8, at most limit characters, with
// invisible and bidirectional control characters escaped.
func shown(text string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range text { // invalid UTF-8 becomes U+FFFD
		if n == limit {
			b.WriteRune('…')
			break
		}
		n++
		switch {
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case r < 0x10000 && unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			fmt.Fprintf(&b, `\u%04x`, r)
		case unicode.In(r, unicode.C):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

var (
	urlCredentials = regexp.MustCompile(`://[^\s/]*@`)
	dsnPassword    = regexp.MustCompile(`(?i)(password\s*=\s*)('[^']*'|\S+)`)
)

// masked masks credentials in an error.
func masked(text string) string {
	text = urlCredentials.ReplaceAllString(text, "://***@")
	return dsnPassword.ReplaceAllString(text, "${1}***")
}

// endpoint returns scheme, host and path of a URL, or host and port of an address.
func endpoint(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "(not a URL)"
	case u.Host != "":
		return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	}
	address, _, _ = strings.Cut(address, "?")
	return address[strings.LastIndex(address, "@")+1:]
}
