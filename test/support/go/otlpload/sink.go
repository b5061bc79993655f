package main

import (
	"encoding/binary"
	"math"
	"net"
	"sync"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/encoding/protowire"
)

// taken is what a sink tells.
type taken struct {
	Requests int `json:"requests"`
	Spans    int `json:"spans"`
	// Different trace ids.
	Traces int `json:"traces"`
	// Spans that say what they stand for, and what those say together.
	Counted  int     `json:"counted"`
	Adjusted float64 `json:"adjusted"`
}

type counter struct {
	lock   sync.Mutex
	traces map[uint64]struct{}
	taken
}

func sink() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	c := &counter{traces: map[uint64]struct{}{}}
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(1<<28), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			return err
		}
		c.count(message)
		return stream.SendMsg(&[]byte{})
	}))
	go func() { check(server.Serve(listener)) }()
	answer(map[string]int{"port": listener.Addr().(*net.TCPAddr).Port})
	commands(func(string) any {
		c.lock.Lock()
		defer c.lock.Unlock()
		c.Traces = len(c.traces)
		return c.taken
	})
}

func (c *counter) count(message []byte) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.Requests++
	forSpans(message, 0, func(span []byte, _ int) {
		c.Spans++
		forFields(span, 0, func(number protowire.Number, value []byte, _ int) {
			if number == 1 {
				c.traces[binary.LittleEndian.Uint64(value)] = struct{}{}
			} else if number == 9 {
				c.countAttribute(value)
			}
		})
	})
}

// countAttribute reads KeyValue { key = 1, value = 2 { double_value = 4 } }, as Thresher writes it.
func (c *counter) countAttribute(attribute []byte) {
	key, n := protowire.ConsumeBytes(attribute[1:])
	if string(key) != "sampling.adjusted_count" {
		return
	}
	value, _ := protowire.ConsumeBytes(attribute[1+n+1:])
	c.Counted++
	c.Adjusted += math.Float64frombits(binary.LittleEndian.Uint64(value[1:]))
}
