package coderdb

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcoder/otelcoder/meters"
)

const (
	// maxNodeSize is the largest node in bytes that is decoded. Real nodes have a few
	// hundred.
	maxNodeSize = 64 << 10
	// maxRegions is the largest number of regions of a node. A node with more has no
	// latencies: each region makes a series, and agents are not trusted.
	maxRegions = 256
)

// node is the used part of the description that an agent sends to its peers.
type node struct {
	id        int64 // 0: unknown
	preferred int32 // its home region
	latency   map[string]float64
}

// The used fields of the message Node.
const (
	nodeID            protowire.Number = 1 // int64
	nodePreferredDERP protowire.Number = 5 // int32
	nodeDERPLatency   protowire.Number = 6 // map<string, double>
)

// decodeNode decodes a protobuf message Node, and reports whether it is valid.
func decodeNode(b []byte) (node, bool) {
	n := node{latency: make(map[string]float64)}
	if len(b) == 0 || len(b) > maxNodeSize {
		return n, false
	}
	ok := fields(b, func(number protowire.Number, f field) bool {
		switch {
		case number == nodeID && f.kind == protowire.VarintType:
			n.id = int64(f.number) // #nosec G115 -- protobuf's encoding of int64
		case number == nodePreferredDERP && f.kind == protowire.VarintType:
			n.preferred = int32(f.number) // #nosec G115 -- protobuf's encoding of int32
		case number == nodeDERPLatency && f.kind == protowire.BytesType:
			key, seconds, ok := decodeLatency(f.bytes)
			if !ok {
				return false
			}
			n.latency[key] = seconds
			return len(n.latency) <= 2*maxRegions // v4 and v6
		}
		return true
	})
	return n, ok
}

// decodeLatency decodes an entry of the map derp_latency.
func decodeLatency(b []byte) (key string, seconds float64, ok bool) {
	ok = fields(b, func(number protowire.Number, f field) bool {
		switch {
		case number == 1 && f.kind == protowire.BytesType:
			key = string(f.bytes)
		case number == 2 && f.kind == protowire.Fixed64Type:
			seconds = math.Float64frombits(f.number)
		}
		return true
	})
	return key, seconds, ok
}

// field is the encoded value of a field: a number or bytes.
type field struct {
	kind   protowire.Type
	number uint64
	bytes  []byte
}

// fields calls f for the varint, fixed64 and bytes fields of a message until f returns
// false. It returns false if f did, or if b is no message.
func fields(b []byte, f func(protowire.Number, field) bool) bool {
	for len(b) > 0 {
		number, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return false
		}
		b = b[size:]
		value := field{kind: kind}
		switch kind {
		case protowire.VarintType:
			value.number, size = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			value.number, size = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			value.bytes, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(number, kind, b)
		}
		if size < 0 || !f(number, value) {
			return false
		}
		b = b[size:]
	}
	return true
}

// name returns the node's name, as Tailscale writes it; empty if unknown.
func (n node) name() string {
	if n.id == 0 {
		return ""
	}
	return fmt.Sprintf("nodeid:%016x", uint64(n.id)) // #nosec G115 -- the same bits, as Tailscale writes them
}

// latencies returns the latency of each region, ordered by id: the lower one of IPv4
// and IPv6.
func (n node) latencies(names map[int]string) []meters.RegionLatency {
	regions := make(map[int]float64)
	for key, seconds := range n.latency {
		region, ok := parseRegion(key)
		if !ok || !(seconds >= 0) || math.IsInf(seconds, 1) {
			continue
		}
		if known, ok := regions[region]; !ok || seconds < known {
			regions[region] = seconds
		}
	}
	if len(regions) > maxRegions {
		return nil
	}
	var latencies []meters.RegionLatency
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		name := names[region]
		if name == "" {
			name = fmt.Sprintf("Unnamed %d", region)
		}
		latencies = append(latencies, meters.RegionLatency{
			Region:    name,
			Preferred: region == int(n.preferred),
			Seconds:   regions[region],
		})
	}
	return latencies
}

// parseRegion parses a key of the latencies, <region id>-<v4|v6>.
func parseRegion(key string) (int, bool) {
	number, family, _ := strings.Cut(key, "-")
	region, err := strconv.ParseUint(number, 10, 31)
	return int(region), err == nil && (family == "v4" || family == "v6")
}
