// Package render keeps parts of an exposition as bytes, so that a scrape of
// many series costs a copy.
//
// A [Rendering] is a part of an answer. Parts are rendered and compressed apart,
// some of them long before they are asked for, and joined by [Write] into one
// answer: one gzip member, since curl and zlib stop reading after the first.
// A [Cache] renders a part again when what it shows has changed, off the scrape
// path.
package render

import (
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
)

// Rendering is a part of an answer: whole metric families in one format.
type Rendering struct {
	plain    []byte // nil if only Deflated was asked for
	deflated []byte // deflate blocks that end on a byte boundary; nil if only Plain was
	size     int    // bytes of the plain text
	crc      uint32 // CRC-32 of the plain text
}

// Encoding says how an answer is sent.
type Encoding uint8

// The encodings.
const (
	Plain Encoding = iota
	Gzip
)

// New renders what write writes.
func New(encodings Encodings, write func(io.Writer)) Rendering {
	b := newBuilder(encodings, Rendering{})
	write(b)
	return b.end()
}

func room(like []byte) []byte {
	if like == nil {
		return nil
	}
	return make([]byte, 0, len(like)+len(like)/16)
}

// Encodings is a set of encodings.
type Encodings uint8

// Of returns the set of these encodings.
func Of(encodings ...Encoding) Encodings {
	var set Encodings
	for _, e := range encodings {
		set |= 1 << e
	}
	return set
}

func (s Encodings) has(e Encoding) bool { return s&(1<<e) != 0 }

// builder makes a rendering of what is written to it, which cannot fail.
type builder struct {
	encodings  Encodings
	rendering  Rendering
	compressor *flate.Writer
}

// newBuilder returns a builder, to be ended. Like is an earlier rendering of the
// same part, if there is one: its size is taken as a hint, so that memory is not
// asked for twice.
func newBuilder(encodings Encodings, like Rendering) *builder {
	b := &builder{encodings: encodings}
	b.rendering.plain = room(like.plain)
	b.rendering.deflated = room(like.deflated)
	if encodings.has(Gzip) {
		b.compressor = compressors.Get().(*flate.Writer)
		b.compressor.Reset((*appender)(&b.rendering.deflated))
	}
	return b
}

func (b *builder) end() Rendering {
	if b.compressor != nil {
		// A sync flush ends the last block on a byte boundary and leaves the
		// stream open for the next part.
		b.compressor.Flush()
		compressors.Put(b.compressor)
	}
	return b.rendering
}

func (b *builder) Write(p []byte) (int, error) {
	r := &b.rendering
	r.size += len(p)
	if b.encodings.has(Plain) {
		r.plain = append(r.plain, p...)
	}
	if b.compressor != nil {
		r.crc = crc32.Update(r.crc, crc32.IEEETable, p)
		b.compressor.Write(p)
	}
	return len(p), nil
}

type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// compressors are used again because each holds about a megabyte of state.
var compressors = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant of the package
	}
	return w
}}

// Size is the length of the answer that [Write] makes of these parts.
func Size(encoding Encoding, parts ...Rendering) int {
	n := 0
	if encoding == Gzip {
		n = len(gzipHeader) + len(gzipEnd) + 8
	}
	for _, p := range parts {
		if encoding == Gzip {
			n += len(p.deflated)
		} else {
			n += len(p.plain)
		}
	}
	return n
}

// Bytes is how much memory the rendering takes.
func (r Rendering) Bytes() int { return cap(r.plain) + cap(r.deflated) }

var (
	// gzipHeader says: deflate, no name, no time, system unknown (RFC 1952).
	gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	// gzipEnd is an empty last block with fixed Huffman codes (RFC 1951).
	gzipEnd = []byte{0x03, 0x00}
)

// Write writes the parts as one answer. Each must have been rendered for the
// encoding.
func Write(w io.Writer, encoding Encoding, parts ...Rendering) error {
	if encoding == Plain {
		for _, p := range parts {
			if _, err := w.Write(p.plain); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := w.Write(gzipHeader); err != nil {
		return err
	}
	var crc, size uint32
	for _, p := range parts {
		if _, err := w.Write(p.deflated); err != nil {
			return err
		}
		crc = combine(crc, p.crc, p.size)
		size += uint32(p.size) // #nosec G115 -- gzip counts modulo 2^32
	}
	end := binary.LittleEndian.AppendUint32(append([]byte(nil), gzipEnd...), crc)
	_, err := w.Write(binary.LittleEndian.AppendUint32(end, size))
	return err
}
