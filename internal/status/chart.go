package status

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The size of a chart in pixels.
const (
	chartWidth  = 160
	chartHeight = 32
)

// drawing holds the elements of a chart in SVG.
type drawing struct {
	Title      string // minimum, maximum and last value, in words
	Shapes     []shape
	DotX, DotY string // position of the last value; empty without values
	Tone       string
}

type shape struct {
	Class string
	Path  string
}

// line draws a line chart. The scale starts at zero if fromZero is set, otherwise at
// the minimum.
func line(name, tone string, c Chart, write func(float64) string, fromZero bool) drawing {
	d := drawing{Title: title(name, c, write), Tone: tone}
	if !c.Last.Known() {
		return d
	}
	low, high := float64(c.Min), float64(c.Max)
	if fromZero {
		low = min(0, low)
	}
	// The scale spans at least 5 %, so that small changes look small.
	if least := max(math.Abs(high)*0.05, 1e-9); high-low < least {
		low = high - least
	}
	x := func(i int) string { return coordinate(2 + float64(i)*(chartWidth-4)/(minutes-1)) }
	y := func(v Number) string { return coordinate(29 - (float64(v)-low)/(high-low)*26) }
	var path, area strings.Builder
	start := -1
	end := func(i int) { // ends a run of known points
		if start >= 0 {
			fmt.Fprintf(&area, "L%s %d L%s %dZ", x(i-1), chartHeight, x(start), chartHeight)
		}
		start = -1
	}
	for i, v := range c.Points {
		if !v.Known() {
			end(i)
			continue
		}
		command := "L"
		if start < 0 {
			command, start = "M", i
		}
		fmt.Fprintf(&path, "%s%s %s", command, x(i), y(v))
		fmt.Fprintf(&area, "%s%s %s", command, x(i), y(v))
		d.DotX, d.DotY = x(i), y(v)
	}
	end(len(c.Points))
	d.Shapes = []shape{{"area", area.String()}, {"line", path.String()}}
	return d
}

// bars draws two series as stacked bars.
func bars(name string, below, above Chart, belowName, aboveName string) drawing {
	d := drawing{Title: name + ", last hour. " + title(belowName, below, count) + " " + title(aboveName, above, count)}
	high := 0.0
	for i := range below.Points {
		high = max(high, known(below.Points[i])+known(above.Points[i]))
	}
	if high == 0 {
		return d
	}
	var first, second strings.Builder
	const pitch = float64(chartWidth) / minutes
	for i := range below.Points {
		x, height := coordinate(float64(i)*pitch), known(below.Points[i])/high*30
		bar(&first, x, chartHeight, height)
		bar(&second, x, chartHeight-height, known(above.Points[i])/high*30)
	}
	d.Shapes = []shape{{"bar", first.String()}, {"bar bad", second.String()}}
	return d
}

func bar(b *strings.Builder, x string, bottom, height float64) {
	if height > 0 {
		fmt.Fprintf(b, "M%s %sv-%sh2v%sz", x, coordinate(bottom), coordinate(height), coordinate(height))
	}
}

func known(n Number) float64 {
	if !n.Known() {
		return 0
	}
	return float64(n)
}

func coordinate(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func title(name string, c Chart, write func(float64) string) string {
	if !c.Last.Known() {
		return name + ": no values in the last hour."
	}
	return fmt.Sprintf("%s, last hour: minimum %s, maximum %s, last %s.", name, write(float64(c.Min)), write(float64(c.Max)), write(float64(c.Last)))
}

// part is the part of a status in a stacked bar.
type part struct {
	Status   string
	Count    float64
	Tone     string // class of its colour
	X, Width string // in pixels
}

// tones maps the documented statuses to colours, in the order of the page.
var tones = []struct{ status, tone string }{
	{"connected", "ok"}, {"succeeded", "ok"},
	{"running", "accent"}, {"pending", "info"}, {"connecting", "info"},
	{"canceling", "quiet"}, {"canceled", "quiet"},
	{"failed", "bad"}, {"disconnected", "bad"}, {"timeout", "warn"},
	{"unknown", "quiet"},
}

// parts returns the statuses with a count, documented statuses first.
func parts(counts map[string]float64) []part {
	place := func(status string) int {
		return slices.IndexFunc(tones, func(t struct{ status, tone string }) bool { return t.status == status })
	}
	var all []part
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		if counts[status] <= 0 {
			continue
		}
		p := part{Status: status, Count: counts[status], Tone: "quiet"}
		if at := place(status); at >= 0 {
			p.Tone = tones[at].tone
		}
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b part) int {
		return cmp.Compare(uint(place(a.Status)), uint(place(b.Status))) // -1 sorts last
	})
	// Each part has at least two pixels, so that it is visible.
	sum, free := total(counts), chartWidth-2*float64(len(all))
	x := 0.0
	for i := range all {
		width := 2 + free*all[i].Count/sum
		all[i].X, all[i].Width = coordinate(x), coordinate(max(width-1, 1))
		x += width
	}
	return all
}
