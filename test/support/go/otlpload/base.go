package main

import (
	"encoding/binary"
	"os"

	"google.golang.org/protobuf/encoding/protowire"
)

// request is one message of a base and where in it the trace ids of its spans and of their links lie.
type request struct {
	bytes []byte
	ids   []int
	spans int
	// Traces of which no earlier message of the base has a span.
	newTraces int
}

// readBase reads the messages of a base. All of them together are one playing.
func readBase(path string) []*request {
	file, err := os.ReadFile(path)
	check(err)
	var requests []*request
	seen := map[[16]byte]bool{}
	for len(file) > 0 {
		length, n := binary.Uvarint(file)
		r := &request{bytes: file[n : n+int(length)]}
		file = file[n+int(length):]
		forSpans(r.bytes, 0, func(span []byte, at int) {
			r.spans++
			forFields(span, at, func(number protowire.Number, value []byte, at int) {
				if number == 1 {
					if id := [16]byte(value); !seen[id] {
						seen[id] = true
						r.newTraces++
					}
					r.ids = append(r.ids, at)
				} else if number == 13 {
					forFields(value, at, func(number protowire.Number, _ []byte, at int) {
						if number == 1 {
							r.ids = append(r.ids, at)
						}
					})
				}
			})
		})
		requests = append(requests, r)
	}
	return requests
}

// forSpans calls `each` with the spans of an ExportTraceServiceRequest and where they begin: resource_spans = 1, scope_spans = 2, spans = 2.
func forSpans(bytes []byte, at int, each func(span []byte, at int)) {
	forFields(bytes, at, func(number protowire.Number, resource []byte, at int) {
		if number != 1 {
			return
		}
		forFields(resource, at, func(number protowire.Number, scope []byte, at int) {
			if number != 2 {
				return
			}
			forFields(scope, at, func(number protowire.Number, span []byte, at int) {
				if number == 2 {
					each(span, at)
				}
			})
		})
	})
}

// forFields calls `each` with the fields of a message that have a length, and where their values begin.
func forFields(bytes []byte, at int, each func(number protowire.Number, value []byte, at int)) {
	for offset := 0; offset < len(bytes); {
		number, kind, n := protowire.ConsumeTag(bytes[offset:])
		check(protowire.ParseError(n))
		offset += n
		if kind != protowire.BytesType {
			skipped := protowire.ConsumeFieldValue(number, kind, bytes[offset:])
			check(protowire.ParseError(skipped))
			offset += skipped
			continue
		}
		value, n := protowire.ConsumeBytes(bytes[offset:])
		check(protowire.ParseError(n))
		each(number, value, at+offset+n-len(value))
		offset += n
	}
}

// play writes the message as it is in a playing into `buffer`, which grows where it has to: an id becomes a hash of itself and the
// playing, so that what is sampled in one tells nothing of another, and an id means the same trace in all messages of a playing.
func (r *request) play(playing uint64, buffer []byte) []byte {
	buffer = append(buffer[:0], r.bytes...)
	for _, at := range r.ids {
		id := buffer[at : at+16]
		high, low := binary.LittleEndian.Uint64(id), binary.LittleEndian.Uint64(id[8:])
		high = mixed(high ^ mixed(playing+1))
		low = mixed(low ^ high)
		binary.LittleEndian.PutUint64(id, high)
		binary.LittleEndian.PutUint64(id[8:], low)
	}
	return buffer
}

// mixed is the finaliser of splitmix64.
func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
