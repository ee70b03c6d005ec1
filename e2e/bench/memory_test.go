package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkMemory measures the peak of the resident memory (peak-rss-B) of a process that
// collects the state three times, 6 s apart, and answers gzipped scrapes. Each peer runs in
// its own process, on Linux.
func BenchmarkMemory(b *testing.B) {
	if of := os.Getenv("OTELCODER_BENCH_MEMORY"); of != "" {
		fmt.Println("peak", b.N, peak(b, of))
		return
	}
	forEach(b, func(b *testing.B, series int) {
		for _, peer := range endpoints {
			b.Run("by="+peer.name, func(b *testing.B) {
				var sum float64
				for range b.N {
					sum += peakOf(b, fmt.Sprintf("%s %d", peer.name, series))
				}
				b.ReportMetric(sum/float64(b.N), "peak-rss-B")
				b.ReportMetric(0, "ns/op") // mostly sleep
			})
		}
	})
}

func peakOf(b *testing.B, of string) float64 {
	c := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkMemory$", "-test.benchtime=1x")
	c.Env = append(os.Environ(), "OTELCODER_BENCH_MEMORY="+of)
	out, err := c.CombinedOutput()
	if err != nil {
		b.Fatalf("%s: %v\n%s", of, err, out)
	}
	for line := range bytes.Lines(out) {
		if fields := strings.Fields(string(line)); len(fields) >= 3 && fields[len(fields)-3] == "peak" {
			n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("%s: no answer in:\n%s", of, out)
	return 0
}

// peak collects and scrapes, and returns the peak of the process in bytes.
func peak(b *testing.B, of string) float64 {
	name, size, _ := strings.Cut(of, " ")
	series, err := strconv.Atoi(size)
	if err != nil {
		b.Fatal(err)
	}
	d := deployment(series / seriesPerWorkspace)
	const interval = 6 * time.Second
	for _, peer := range endpoints {
		if peer.name != name {
			continue
		}
		var e endpoint
		if name == "otelcoder" {
			e = newOtelcoder(b, d, interval).endpoint // collects in the background
		} else {
			e = peer.new(b, d)
		}
		r := request(e.path, true)
		for range 3 {
			e.ServeHTTP(&sink{}, r)
			time.Sleep(interval)
			if e.collect != nil {
				e.collect()
			}
			e.ServeHTTP(&sink{}, r)
		}
		return residentPeak(b)
	}
	b.Fatalf("no endpoint %q", name)
	return 0
}

func residentPeak(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("reading the peak needs Linux: ", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kilobytes float64
			fmt.Sscan(rest, &kilobytes)
			return kilobytes * 1024
		}
	}
	b.Fatal("/proc/self/status has no VmHWM")
	return 0
}
