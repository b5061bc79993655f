package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
)

const export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// Refusals come at once: without a pause they would use up all that was compressed ahead within a second.
const afterRefusal = 100 * time.Millisecond

// sent is what a sender tells.
type sent struct {
	Spans    int `json:"spans"`
	Traces   int `json:"traces"`
	Requests int `json:"requests"`
	Bytes    int `json:"bytes"`
	// Requests that were not accepted; nothing is sent again.
	Refused int    `json:"refused"`
	Refusal string `json:"refusal"`
	// Greatest time that a request was answered after, and how far the sender was behind its rate, milliseconds since the last report.
	SlowestMs float64 `json:"slowestMs"`
	BehindMs  float64 `json:"behindMs"`
	// Nothing is left to send.
	Exhausted bool `json:"exhausted"`
}

type sender struct {
	source source
	lock   sync.Mutex
	pace   pace
	// Requests that were sent and not answered.
	open sync.WaitGroup
	sent
}

// pace says when the next request may go. Guarded by the sender's lock.
type pace struct {
	wake   chan struct{}
	rate   float64
	paused bool
	due    time.Time
}

// part is a request that is ready to go.
type part struct {
	bytes []byte
	of    *request
}

// source gives the requests in their order. `buffer` may be used for the bytes. False: there are no more.
type source interface {
	next(number int, buffer []byte) (part, bool)
}

// played plays the base as it goes, from a playing of its own on.
type played struct {
	base  []*request
	first uint64
}

func (p played) next(number int, buffer []byte) (part, bool) {
	r := p.base[number%len(p.base)]
	return part{r.play(p.first+uint64(number/len(p.base)), buffer), r}, true
}

// packed gives what `prepare` wrote.
type packed struct {
	base []*request
	file []byte
	from int
}

func (p *packed) next(int, []byte) (part, bool) {
	if p.from >= len(p.file) {
		return part{}, false
	}
	length, n := binary.Uvarint(p.file[p.from:])
	start := p.from + n
	p.from = start + int(length)
	index, n := binary.Uvarint(p.file[start:])
	return part{p.file[start+n : p.from], p.base[index]}, true
}

func send(arguments []string) {
	flags := flag.NewFlagSet("send", flag.ExitOnError)
	base := flags.String("base", "", "messages to play")
	compressed := flags.String("compressed", "", "what prepare wrote of them")
	to := flags.String("to", "", "address of the server")
	first := flags.Uint64("first", 0, "number of the first playing, which the trace ids hang on")
	connections := flags.Int("connections", 2, "connections")
	inFlight := flags.Int("in-flight", 8, "requests of a connection that wait for their answers")
	check(flags.Parse(arguments))
	s := &sender{pace: pace{paused: true, wake: make(chan struct{})}}
	options := []grpc.CallOption{grpc.ForceCodecV2(rawCodec{})}
	requests := readBase(*base)
	s.source = played{requests, *first}
	if *compressed != "" {
		encoding.RegisterCompressor(packedGzip{})
		options = append(options, grpc.UseCompressor("gzip"))
		s.source = &packed{base: requests, file: mapped(*compressed)}
	}
	var numbers sync.Mutex
	number := 0
	take := func(buffer []byte) (part, bool) {
		numbers.Lock()
		defer numbers.Unlock()
		p, ok := s.source.next(number, buffer)
		number++
		return p, ok
	}
	for range *connections {
		connection, err := grpc.NewClient(*to, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(options...))
		check(err)
		for range *inFlight {
			go s.work(connection, take)
		}
	}
	answer(map[string]int{"requests": len(requests)})
	commands(s.command)
}

// mapped gives a file's bytes, which are read as they are asked for.
func mapped(path string) []byte {
	file, err := os.Open(path)
	check(err)
	info, err := file.Stat()
	check(err)
	bytes, err := syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	check(err)
	return bytes
}

func (s *sender) command(line string) any {
	var rate float64
	if line == "pause" {
		s.lock.Lock()
		s.pace.paused = true
		s.lock.Unlock()
		s.open.Wait()
		return s.report()
	}
	s.lock.Lock()
	if _, err := fmt.Sscanf(line, "rate %g", &rate); err == nil {
		s.pace.rate, s.pace.paused, s.pace.due = rate, false, time.Now()
		close(s.pace.wake)
		s.pace.wake = make(chan struct{})
	}
	s.lock.Unlock()
	return s.report()
}

func (s *sender) report() sent {
	s.lock.Lock()
	defer s.lock.Unlock()
	report := s.sent
	s.SlowestMs, s.BehindMs = 0, 0
	return report
}

func (s *sender) work(connection *grpc.ClientConn, take func([]byte) (part, bool)) {
	var buffer []byte
	for {
		p, ok := take(buffer)
		if !ok {
			s.lock.Lock()
			s.Exhausted = true
			s.lock.Unlock()
			return
		}
		if _, isPlayed := s.source.(played); isPlayed {
			buffer = p.bytes
		}
		s.wait(p.of.spans)
		start := time.Now()
		var response []byte
		err := connection.Invoke(context.Background(), export, &p.bytes, &response)
		s.count(p, time.Since(start), err)
		s.open.Done()
		if err != nil {
			time.Sleep(afterRefusal)
		}
	}
}

// wait returns when a request of so many spans is due, and counts it as open.
func (s *sender) wait(spans int) {
	for {
		s.lock.Lock()
		if s.pace.paused {
			wake := s.pace.wake
			s.lock.Unlock()
			<-wake
			continue
		}
		s.open.Add(1)
		if s.pace.rate == 0 {
			s.lock.Unlock()
			return
		}
		due := s.pace.due
		s.pace.due = due.Add(time.Duration(float64(spans) / s.pace.rate * 1e9))
		late := time.Since(due)
		s.BehindMs = max(s.BehindMs, late.Seconds()*1000)
		s.lock.Unlock()
		time.Sleep(-late)
		return
	}
}

func (s *sender) count(p part, took time.Duration, err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.SlowestMs = max(s.SlowestMs, took.Seconds()*1000)
	if err != nil {
		s.Refused++
		s.Refusal = status.Convert(err).String()
		return
	}
	s.Requests++
	s.Spans += p.of.spans
	s.Traces += p.of.newTraces
	s.Bytes += len(p.bytes)
}
