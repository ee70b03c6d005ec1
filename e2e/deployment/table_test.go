package deployment

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// coderServer are the measured figures of a Coder server with 10,000 workspaces, by the
// first cell of a row.
var coderServer = map[string]string{
	"workspaces":                  "Coder server, 10,000",
	"collection of `agents`":      "26 s",
	"collection of `agent_stats`": "about 8 s",
	"scrape, plain":               "0.50 s",
	"memory of the service, peak": "348 MB",
}

// table returns the figures as a Markdown table with a column for each size.
func table(all []measured) string {
	var b strings.Builder
	row := func(name string, cell func(measured) string) {
		fmt.Fprintf(&b, "| %-35s |", name)
		for _, m := range all {
			fmt.Fprintf(&b, " %7s |", cell(m))
		}
		fmt.Fprintf(&b, " %20s |\n", coderServer[name])
	}
	row("workspaces", func(m measured) string { return grouped(m.workspaces) })
	b.WriteString("| :-- |" + strings.Repeat(" --: |", len(all)+1) + "\n")
	row("series", func(m measured) string { return grouped(m.series) })
	sources := make(map[string]bool)
	for _, m := range all {
		for source := range m.collections {
			sources[source] = true
		}
	}
	for _, source := range slices.Sorted(maps.Keys(sources)) {
		row("collection of `"+source+"`", func(m measured) string { return seconds(m.collections[source]) })
	}
	row("all collections", func(m measured) string {
		var sum time.Duration
		for _, took := range m.collections {
			sum += took
		}
		return seconds(sum)
	})
	row("CPU of the database, per interval", func(m measured) string { return seconds(m.databaseCPU) })
	row("CPU of the service, per interval", func(m measured) string { return seconds(m.serviceCPU) })
	row("memory of the service, peak", func(m measured) string { return size(m.memory) })
	row("from the start until it is reported", func(m measured) string { return seconds(m.known) })
	row("first scrape, gzip", func(m measured) string { return seconds(m.first) })
	row("scrape, gzip", func(m measured) string { return seconds(m.gzip.took) })
	row("size, gzip", func(m measured) string { return size(m.gzip.bytes) })
	row("scrape, plain", func(m measured) string { return seconds(m.plain.took) })
	row("size, plain", func(m measured) string { return size(m.plain.bytes) })
	return b.String()
}

// seconds formats a duration with two significant digits, or in tenths of a second.
func seconds(d time.Duration) string {
	if d >= time.Second {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return digits(d.Seconds()*1e3) + " ms"
}

func size(n int64) string {
	if n < 1e6 {
		return digits(float64(n)/1e3) + " kB"
	}
	return digits(float64(n)/1e6) + " MB"
}

// digits formats a number with two significant digits, or with its whole integer part.
func digits(v float64) string {
	if v >= 10 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// grouped formats a number with commas between thousands.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
