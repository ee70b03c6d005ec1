package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// forEach runs a benchmark for each number of series.
func forEach(b *testing.B, run func(b *testing.B, series int)) {
	sizes := []int{1_000, 10_000, 100_000}
	if os.Getenv("OTELCODER_BENCH_LARGE") != "" {
		sizes = []int{10_000, 100_000, 1_000_000}
	}
	for _, series := range sizes {
		b.Run(fmt.Sprintf("series=%d", series), func(b *testing.B) { run(b, series) })
	}
}

var encodings = []string{"plain", "gzip"}

// BenchmarkScrape measures scrapes of a state that was scraped before (unchanged), and of
// one that was collected since (changed), which otelcoder renders in the background: see
// meanwhile. live-heap-B is the heap of the endpoint and its state between scrapes.
func BenchmarkScrape(b *testing.B) {
	forEach(b, func(b *testing.B, series int) {
		for _, peer := range endpoints {
			b.Run("by="+peer.name, func(b *testing.B) {
				before := liveHeap()
				e := peer.new(b, deployment(series/seriesPerWorkspace))
				for _, encoding := range encodings {
					r := request(e.path, encoding == "gzip")
					e.ServeHTTP(&sink{}, r)
					heap := float64(liveHeap() - before)
					b.Run("state=unchanged/encoding="+encoding, func(b *testing.B) {
						scrapes(b, e, r)
						b.ReportMetric(heap, "live-heap-B")
					})
				}
				for _, encoding := range encodings {
					r := request(e.path, encoding == "gzip")
					b.Run("state=changed/encoding="+encoding, func(b *testing.B) {
						if e.collect != nil {
							afterwards(b, e, r)
							return
						}
						// Its own endpoint, which renders only this encoding.
						o := newOtelcoder(b, deployment(series/seriesPerWorkspace), time.Hour)
						o.ServeHTTP(&sink{}, r)
						meanwhile(b, o, r)
					})
				}
			})
		}
	})
}

func scrapes(b *testing.B, e endpoint, r *http.Request) {
	b.ReportAllocs()
	to := new(sink)
	var cpu time.Duration
	for range b.N {
		b.StopTimer()
		clear(to.header)
		b.StartTimer()
		start := cpuTime()
		e.ServeHTTP(to, r)
		cpu += cpuTime() - start
	}
	b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
}

// afterwards measures scrapes that render the changed state. It pauses first, as meanwhile
// does, so that the state is no longer in the processor's caches.
func afterwards(b *testing.B, e endpoint, r *http.Request) {
	var took, cpu time.Duration
	for range b.N {
		e.collect()
		time.Sleep(pause)
		start, cpuStart := time.Now(), cpuTime()
		e.ServeHTTP(&sink{}, r)
		took, cpu = took+time.Since(start), cpu+cpuTime()-cpuStart
	}
	b.ReportMetric(float64(took)/float64(b.N), "ns/op")
	b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
}

// meanwhile measures scrapes, one after another, while a changed state is rendered (ns/op,
// slowest-scrape-ns), and the CPU time of that rendering (cpu-ns/op).
func meanwhile(b *testing.B, o *otelcoderEndpoint, r *http.Request) {
	var cpu, scraping, slowest time.Duration
	var scrapes int
	for range b.N {
		time.Sleep(pause)
		was := length(o, r)
		start := cpuTime()
		o.change()
		for length(o, r) == was {
			time.Sleep(5 * time.Millisecond)
		}
		cpu += cpuTime() - start

		time.Sleep(pause)
		was = length(o, r)
		o.change()
		for length(o, r) == was {
			start := time.Now()
			o.ServeHTTP(&sink{}, r)
			took := time.Since(start)
			scraping, slowest, scrapes = scraping+took, max(slowest, took), scrapes+1
		}
	}
	b.ReportMetric(float64(scraping)/float64(max(scrapes, 1)), "ns/op")
	b.ReportMetric(float64(slowest), "slowest-scrape-ns")
	b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
}

// pause is longer than the minimum interval between renderings, 5 s.
const pause = 5100 * time.Millisecond

// BenchmarkScrapers measures ten scrapers, one after another and at once.
func BenchmarkScrapers(b *testing.B) {
	const scrapers = 10
	for _, peer := range endpoints[:2] {
		b.Run("series=100000/by="+peer.name, func(b *testing.B) {
			e := peer.new(b, deployment(100_000/seriesPerWorkspace))
			r := request(e.path, true)
			e.ServeHTTP(&sink{}, r)
			for _, atOnce := range []bool{false, true} {
				b.Run(fmt.Sprintf("encoding=gzip/at_once=%t", atOnce), func(b *testing.B) {
					cpu := cpuTime()
					for range b.N {
						var running sync.WaitGroup
						for range scrapers {
							running.Go(func() { e.ServeHTTP(&sink{}, r) })
							if !atOnce {
								running.Wait()
							}
						}
						running.Wait()
					}
					b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
				})
			}
		})
	}
}

// BenchmarkEverything measures scrapes of / in a process that has served requests to 200
// routes.
func BenchmarkEverything(b *testing.B) {
	forEach(b, func(b *testing.B, series int) {
		o := newOtelcoder(b, deployment(series/seriesPerWorkspace), time.Hour)
		o.withAPI(b, 200)
		for _, encoding := range encodings {
			r := request(o.path, encoding == "gzip")
			o.ServeHTTP(&sink{}, r)
			b.Run("routes=200/encoding="+encoding+"/by=otelcoder", func(b *testing.B) { scrapes(b, o.endpoint, r) })
		}
	})
}

func request(path string, zipped bool) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept", "text/plain;version=0.0.4")
	if zipped {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	return r
}

// scrape returns the body of a response.
func scrape(b testing.TB, h http.Handler, path string, zipped bool) string {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request(path, zipped))
	if answer.Code != http.StatusOK {
		b.Fatalf("%s: %d", path, answer.Code)
	}
	return answer.Body.String()
}

// length returns the length of a response. It asks by HEAD, which costs little.
func length(h http.Handler, r *http.Request) int {
	head := r.Clone(r.Context())
	head.Method = http.MethodHead
	w := &sink{}
	h.ServeHTTP(w, head)
	n, err := strconv.Atoi(w.Header().Get("Content-Length"))
	if err != nil {
		panic(err)
	}
	return n
}

// sink copies a response, as a socket does, and discards it.
type sink struct {
	header http.Header
	buffer [64 << 10]byte
}

func (w *sink) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (*sink) WriteHeader(int) {}

func (w *sink) Write(p []byte) (int, error) {
	for chunk := range slices.Chunk(p, len(w.buffer)) {
		copy(w.buffer[:], chunk)
	}
	return len(p), nil
}

// liveHeap returns the bytes of the heap in use after a garbage collection.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
