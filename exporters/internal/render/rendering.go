// Package render caches metric families as text, so that a scrape of many series only
// copies bytes.
//
// A [Builder] renders each family into a part, compressed independently, and joins the
// parts to a [Rendering]. It reuses the parts of unchanged families. [Write] joins
// renderings to one answer with a single gzip member, since curl and zlib stop reading
// after the first. A [Cache] renders in the background when the families change.
package render

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
)

// Encoding is the encoding of an answer.
type Encoding uint8

// The encodings.
const (
	Plain Encoding = iota
	Gzip
)

// Encodings is a set of encodings.
type Encodings uint8

// Of returns a set of encodings.
func Of(encodings ...Encoding) Encodings {
	var set Encodings
	for _, e := range encodings {
		set |= 1 << e
	}
	return set
}

func (s Encodings) has(e Encoding) bool { return s&(1<<e) != 0 }

// part holds one or more metric families in one format.
type part struct {
	name     string // of the family
	state    uint64 // see Builder.Commit
	plain    []byte // nil without Plain
	deflated []byte // deflate blocks that end on a byte boundary; nil without Gzip
	size     int    // bytes of the plain text
	crc      uint32 // CRC-32 of the plain text, 0 without Gzip
}

// Rendering holds metric families in one format: an answer or a part of it.
type Rendering struct {
	encodings Encodings
	parts     []part // sorted by name
	size      int    // bytes of the plain text
	deflated  int    // bytes of the deflate blocks
	crc       uint32 // CRC-32 of the plain text, 0 without Gzip
}

// New returns a rendering of one part, the output of write.
func New(encodings Encodings, write func(io.Writer)) Rendering {
	b := NewBuilder(encodings, Rendering{})
	b.Begin("")
	write(b)
	b.Commit(0)
	return b.End()
}

// part returns the part of a family, if any.
func (r Rendering) part(name string) (part, bool) {
	i, found := slices.BinarySearchFunc(r.parts, name, func(p part, name string) int { return strings.Compare(p.name, name) })
	if !found {
		return part{}, false
	}
	return r.parts[i], true
}

func (r *Rendering) add(p part) {
	r.parts = append(r.parts, p)
	r.deflated += len(p.deflated)
	r.size += p.size
	if r.encodings.has(Gzip) {
		r.crc = combine(r.crc, p.crc, p.size)
	}
}

// Only returns a rendering of the families with these names, which shares their text
// with r.
func (r Rendering) Only(names map[string]bool) Rendering {
	only := Rendering{encodings: r.encodings}
	for _, p := range r.parts {
		if names[p.name] {
			only.add(p)
		}
	}
	return only
}

// Bytes returns the memory of the rendering.
func (r Rendering) Bytes() int {
	n := 0
	for _, p := range r.parts {
		n += cap(p.plain) + cap(p.deflated)
	}
	return n
}

// Head returns the first n bytes of the plain text, or all of it.
func (r Rendering) Head(n int) []byte {
	var head []byte
	for _, p := range r.parts {
		if len(head) >= n {
			break
		}
		if r.encodings.has(Plain) {
			head = append(head, p.plain[:min(len(p.plain), n-len(head))]...)
			continue
		}
		// Parts do not end the deflate stream: ignore io.ErrUnexpectedEOF.
		text, _ := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(p.deflated)), int64(n-len(head))))
		head = append(head, text...)
	}
	return head
}

// Lines yields the lines of a family's plain text without line ends. A line is valid
// until the next one. Lines stops at a line longer than 1 MiB.
func (r Rendering) Lines(name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		p, found := r.part(name)
		if !found {
			return
		}
		text := io.Reader(bytes.NewReader(p.plain))
		if !r.encodings.has(Plain) {
			text = flate.NewReader(bytes.NewReader(p.deflated)) // returns io.ErrUnexpectedEOF, see Head
		}
		lines := bufio.NewScanner(text)
		lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
		for lines.Scan() {
			if !yield(lines.Bytes()) {
				return
			}
		}
	}
}

// Builder builds a [Rendering]. For each family, sorted by name, the caller calls
// [Builder.Reuse]. If it returns false, the caller begins a part, writes the family,
// and commits or discards the part.
type Builder struct {
	last       Rendering
	rendering  Rendering
	current    part
	compressor *flate.Writer
}

// NewBuilder returns a Builder. The caller must call [Builder.End]. Last is the
// previous rendering, or empty.
func NewBuilder(encodings Encodings, last Rendering) *Builder {
	b := &Builder{last: last, rendering: Rendering{encodings: encodings}}
	if encodings.has(Gzip) {
		b.compressor = compressors.Get().(*flate.Writer)
	}
	return b
}

// Reuse adds the family's part of the last rendering if it was committed with the
// same state. It returns false if the state is 0.
func (b *Builder) Reuse(name string, state uint64) bool {
	if state == 0 || b.last.encodings != b.rendering.encodings {
		return false
	}
	p, ok := b.last.part(name)
	if !ok || p.state != state {
		return false
	}
	b.rendering.add(p)
	return true
}

// Begin begins the part of a family.
func (b *Builder) Begin(name string) {
	last, _ := b.last.part(name) // its size is a hint for the allocation
	b.current = part{name: name, plain: room(last.plain), deflated: room(last.deflated)}
	if b.compressor != nil {
		b.compressor.Reset((*appender)(&b.current.deflated))
	}
}

func room(like []byte) []byte {
	if like == nil {
		return nil
	}
	return make([]byte, 0, len(like)+len(like)/16)
}

// fit copies text that uses less than half of its memory after the family has shrunk:
// the part can be reused for the life of the process.
func fit(text []byte) []byte {
	if len(text) < cap(text)/2 {
		return slices.Clone(text)
	}
	return text
}

// Write adds text to the current part. It does not fail.
func (b *Builder) Write(p []byte) (int, error) {
	b.current.size += len(p)
	if b.rendering.encodings.has(Plain) {
		b.current.plain = append(b.current.plain, p...)
	}
	if b.compressor != nil {
		b.current.crc = crc32.Update(b.current.crc, crc32.IEEETable, p)
		b.compressor.Write(p)
	}
	return len(p), nil
}

// Commit adds the current part to the rendering. State is a hash of the family's
// samples for [Builder.Reuse], or 0.
func (b *Builder) Commit(state uint64) {
	if b.current.size > 0 {
		b.current.state = state
		if b.compressor != nil {
			// A sync flush ends the last block on a byte boundary and leaves the
			// stream open for the next part.
			b.compressor.Flush()
		}
		b.current.plain, b.current.deflated = fit(b.current.plain), fit(b.current.deflated)
		b.rendering.add(b.current)
	}
	b.Discard()
}

// Discard drops the current part, if any.
func (b *Builder) Discard() { b.current = part{} }

// End returns the rendering of the committed parts. The Builder must not be used
// afterwards.
func (b *Builder) End() Rendering {
	if b.compressor != nil {
		b.compressor.Reset(nil)
		compressors.Put(b.compressor)
	}
	return b.rendering
}

type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// compressors pools compressors: each holds about 1 MB of state.
var compressors = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant of the package
	}
	return w
}}

// Size returns the length of the answer that [Write] writes.
func Size(encoding Encoding, renderings ...Rendering) int {
	n := 0
	if encoding == Gzip {
		n = len(gzipHeader) + len(gzipEnd) + 8
	}
	for _, r := range renderings {
		if encoding == Gzip {
			n += r.deflated
		} else {
			n += r.size
		}
	}
	return n
}

var (
	// gzipHeader has the method deflate, no name, no time, unknown OS (RFC 1952).
	gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	// gzipEnd is an empty final block with fixed Huffman codes (RFC 1951).
	gzipEnd = []byte{0x03, 0x00}
)

// Write writes the renderings as one answer. Each must have the encoding.
func Write(w io.Writer, encoding Encoding, renderings ...Rendering) error {
	if encoding == Gzip {
		if _, err := w.Write(gzipHeader); err != nil {
			return err
		}
	}
	var crc, size uint32
	for _, r := range renderings {
		for _, p := range r.parts {
			text := p.plain
			if encoding == Gzip {
				text = p.deflated
			}
			if _, err := w.Write(text); err != nil {
				return err
			}
		}
		if encoding == Gzip {
			crc = combine(crc, r.crc, r.size)
			size += uint32(r.size) // #nosec G115 -- gzip counts modulo 2^32
		}
	}
	if encoding == Plain {
		return nil
	}
	end := binary.LittleEndian.AppendUint32(slices.Clone(gzipEnd), crc)
	_, err := w.Write(binary.LittleEndian.AppendUint32(end, size))
	return err
}
