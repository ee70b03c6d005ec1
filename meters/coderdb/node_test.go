package coderdb

import (
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcoder/otelcoder/meters"
)

// message encodes a node, as an agent does.
func message(id int64, preferred int32, latencies ...latency) []byte {
	b := protowire.AppendTag(nil, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(id))
	b = protowire.AppendTag(b, 5, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(preferred))
	for _, l := range latencies {
		entry := protowire.AppendTag(nil, 1, protowire.BytesType)
		entry = protowire.AppendString(entry, l.key)
		entry = protowire.AppendTag(entry, 2, protowire.Fixed64Type)
		entry = protowire.AppendFixed64(entry, math.Float64bits(l.seconds))
		b = protowire.AppendTag(b, 6, protowire.BytesType)
		b = protowire.AppendBytes(b, entry)
	}
	return b
}

type latency struct {
	key     string
	seconds float64
}

func TestDecodeNode(t *testing.T) {
	names := map[int]string{1: "Frankfurt"}
	many := make([]latency, 0, 2*maxRegions+2)
	for i := range maxRegions + 1 {
		many = append(many, latency{key: regionKey(i, "v4"), seconds: 1}, latency{key: regionKey(i, "v6"), seconds: 1})
	}
	for _, test := range []struct {
		name    string
		message []byte
		node    string
		regions []meters.RegionLatency
	}{
		{"the lower of v4 and v6", message(1, 1, latency{"1-v4", .2}, latency{"1-v6", .1}, latency{"2-v6", .3}, latency{"2-v4", .4}),
			"nodeid:0000000000000001", []meters.RegionLatency{{Region: "Frankfurt", Preferred: true, Seconds: .1}, {Region: "Unnamed 2", Seconds: .3}}},
		{"a key twice, the last counts", message(1, 9, latency{"1-v4", .2}, latency{"1-v4", .5}),
			"nodeid:0000000000000001", []meters.RegionLatency{{Region: "Frankfurt", Seconds: .5}}},
		{"latencies that are none", message(1, 1, latency{"1-v4", math.NaN()}, latency{"2-v4", math.Inf(1)}, latency{"3-v4", -1}, latency{"4-v4", 0}),
			"nodeid:0000000000000001", []meters.RegionLatency{{Region: "Unnamed 4", Seconds: 0}}},
		{"keys that are none", message(1, 1, latency{"", 1}, latency{"1", 1}, latency{"-v4", 1}, latency{"-1-v4", 1}, latency{"+1-v4", 1},
			latency{"1-v4-v6", 1}, latency{"99999999999-v4", 1}, latency{"\xff-v4", 1}), "nodeid:0000000000000001", nil},
		{"too many regions", message(1, 1, many...), "", nil},
		{"the greatest id", message(math.MaxInt64, 0), "nodeid:7fffffffffffffff", nil},
		{"no id", message(0, 0, latency{"1-v4", 1}), "", []meters.RegionLatency{{Region: "Frankfurt", Seconds: 1}}},
		{"nothing", nil, "", nil},
		{"cut in a tag", []byte{0x80}, "", nil},
		{"cut in a number", []byte{0x08, 0x80}, "", nil},
		{"cut in a text", append(message(1, 1), 0x32, 0x7f, 0x0a), "", nil},
		{"malformed map entry", append(message(1, 1), 0x32, 0x01, 0xff), "", nil},
		{"field number 0", []byte{0x00, 0x01}, "", nil},
		{"the end of a group that has not begun", []byte{0x0c}, "", nil},
		{"other wire types for the fields", append(append(message(1, 1), 0x0a, 0x01, 'x'), 0x30, 0x05), "nodeid:0000000000000001", nil},
		{"too large", append(message(1, 1), append([]byte{0x12, 0xff, 0xff, 0x03}, make([]byte, 0xffff)...)...), "", nil},
	} {
		n, ok := decodeNode(test.message)
		var name string
		var regions []meters.RegionLatency
		if ok {
			name, regions = n.name(), n.latencies(names)
		}
		if name != test.node || !slices.Equal(regions, test.regions) {
			t.Errorf("%s: got node %q, latencies %v; want %q, %v", test.name, name, regions, test.node, test.regions)
		}
	}
}

func regionKey(region int, family string) string {
	return string(rune('0'+region/100)) + string(rune('0'+region/10%10)) + string(rune('0'+region%10)) + "-" + family
}

func FuzzDecodeNode(f *testing.F) {
	f.Add([]byte{})
	f.Add(message(1, 1, latency{"1-v4", .2}, latency{"999-v6", math.NaN()}))
	f.Add([]byte{0x0c})
	f.Add([]byte{0x0b, 0x0b, 0x0b, 0x0c, 0x0c, 0x0c})
	cut, _ := hex.DecodeString("0899012802320f0a04312d76341100000000")
	f.Add(cut)
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := decodeNode(b)
		if !ok {
			return
		}
		if name := n.name(); name != "" && len(name) != len("nodeid:0123456789abcdef") {
			t.Errorf("got node %q, want empty or the length of a node ID", name)
		}
		latencies := n.latencies(nil)
		if len(latencies) > maxRegions {
			t.Errorf("got %d regions, want at most %d", len(latencies), maxRegions)
		}
		for _, l := range latencies {
			if !(l.Seconds >= 0) || math.IsInf(l.Seconds, 0) {
				t.Errorf("got latency %v, want it finite and at least 0", l)
			}
		}
	})
}
