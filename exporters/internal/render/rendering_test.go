package render

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func text(encodings Encodings, s string) Rendering {
	return New(encodings, func(w io.Writer) { io.WriteString(w, s) })
}

func TestPartsAreOneAnswer(t *testing.T) {
	both := Of(Plain, Gzip)
	parts := []string{"first 1\n", "", strings.Repeat("second{label=\"value\"} 2\n", 10_000), "third 3\n"}
	var renderings []Rendering
	for _, p := range parts {
		renderings = append(renderings, text(both, p))
	}
	want := "first 1\n" + strings.Repeat("second{label=\"value\"} 2\n", 10_000) + "third 3\n"

	var plain bytes.Buffer
	if err := Write(&plain, Plain, renderings...); err != nil {
		t.Fatal(err)
	}
	if plain.String() != want {
		t.Error("the plain response is not the concatenation of the parts")
	}
	if got := Size(Plain, renderings...); got != plain.Len() {
		t.Errorf("Size returned %d, but %d bytes were written", got, plain.Len())
	}

	var zipped bytes.Buffer
	if err := Write(&zipped, Gzip, renderings...); err != nil {
		t.Fatal(err)
	}
	if got := Size(Gzip, renderings...); got != zipped.Len() {
		t.Errorf("Size returned %d, but %d bytes were written", got, zipped.Len())
	}
	reader, err := gzip.NewReader(&zipped)
	if err != nil {
		t.Fatal(err)
	}
	reader.Multistream(false)      // like zlib and curl, read only the first member
	got, err := io.ReadAll(reader) // checks the CRC and the size
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("the gzipped response is not the concatenation of the parts")
	}
	if zipped.Len() != 0 {
		t.Errorf("%d bytes follow the first gzip member", zipped.Len())
	}
}

func TestNoPartsAreAnEmptyAnswer(t *testing.T) {
	var zipped bytes.Buffer
	Write(&zipped, Gzip)
	reader, err := gzip.NewReader(&zipped)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(reader); err != nil || len(got) != 0 {
		t.Errorf("read %q and the error %v, want neither", got, err)
	}
}

func TestOnlyWhatIsAskedForIsKept(t *testing.T) {
	s := strings.Repeat("series 1\n", 1000)
	if p := text(Of(Gzip), s).parts[0]; p.plain != nil || len(p.deflated) == 0 || len(p.deflated) > len(s)/10 {
		t.Errorf("gzip only: %d bytes plain, %d deflated", len(p.plain), len(p.deflated))
	}
	if p := text(Of(Plain), s).parts[0]; p.deflated != nil || string(p.plain) != s {
		t.Errorf("plain only: %d bytes plain, %d deflated", len(p.plain), len(p.deflated))
	}
}

// TestReuse checks that families with an unchanged state are copied from the last rendering,
// and that the response is complete.
func TestReuse(t *testing.T) {
	both := Of(Plain, Gzip)
	build := func(encodings Encodings, last Rendering, text string) (r Rendering, reused string) {
		b := NewBuilder(encodings, last)
		for i, name := range []string{"a", "b", "c", "d"} {
			state := uint64(i) // 0 means unknown; a has it
			if name == "c" {
				state += uint64(len(text))
			}
			if b.Reuse(name, state) {
				reused += name
				continue
			}
			b.Begin(name)
			io.WriteString(b, name+" "+text+"\n")
			if name == "d" && text == "new" {
				b.Discard()
				continue
			}
			b.Commit(state)
		}
		return b.End(), reused
	}
	last, reused := build(both, Rendering{}, "first")
	if reused != "" {
		t.Errorf("reused %q of an empty rendering, want none", reused)
	}
	if _, reused := build(Of(Gzip), last, "first"); reused != "" {
		t.Errorf("reused %q of a rendering with other encodings, want none", reused)
	}
	next, reused := build(both, last, "second")
	if reused != "bd" {
		t.Errorf("reused %q, want b and d", reused)
	}
	for _, encoding := range []Encoding{Plain, Gzip} {
		const want = "a second\nb first\nc second\nd first\n"
		var answer bytes.Buffer
		if err := Write(&answer, encoding, next); err != nil {
			t.Fatal(err)
		}
		if n := Size(encoding, next); n != answer.Len() {
			t.Errorf("Size returned %d, but %d bytes were written", n, answer.Len())
		}
		got := io.Reader(&answer)
		if encoding == Gzip {
			reader, err := gzip.NewReader(&answer)
			if err != nil {
				t.Fatal(err)
			}
			got = reader
		}
		if text, err := io.ReadAll(got); string(text) != want || err != nil {
			t.Errorf("got %q, %v, want %q", text, err, want)
		}
	}
	discarded, _ := build(both, Rendering{}, "new")
	var answer bytes.Buffer
	if Write(&answer, Plain, discarded); answer.String() != "a new\nb new\nc new\n" {
		t.Errorf("after Discard of d: got %q, want a, b and c", answer.String())
	}
}

// TestShrunkFamily checks that the memory of a family is freed after the family has shrunk.
func TestShrunkFamily(t *testing.T) {
	encodings := Of(Plain, Gzip)
	last := text(encodings, strings.Repeat("series{label=\"value\"} 2\n", 10_000))
	b := NewBuilder(encodings, last)
	b.Begin("")
	io.WriteString(b, "coderd_api_concurrent_requests 1\n")
	b.Commit(1)
	if n := b.End().Bytes(); n > 100 {
		t.Errorf("a family of one series holds %d bytes after one of %d, want at most 100", n, last.Bytes())
	}
}

func FuzzCombine(f *testing.F) {
	f.Add([]byte(""), []byte(""))
	f.Add([]byte("a"), []byte(""))
	f.Add([]byte(""), []byte("b"))
	f.Add([]byte("first"), []byte("second"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		got := combine(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), len(b))
		if want := crc32.ChecksumIEEE(append(a[:len(a):len(a)], b...)); got != want {
			t.Errorf("combined %08x, want %08x", got, want)
		}
	})
}

func TestCombineOfLongTexts(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	a, b := make([]byte, 3_000_001), make([]byte, 5_000_003)
	random.Read(a)
	random.Read(b)
	got := combine(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), len(b))
	if want := crc32.ChecksumIEEE(append(a, b...)); got != want {
		t.Errorf("combined %08x, want %08x", got, want)
	}
}
