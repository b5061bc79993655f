package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"flag"
	"os"
	"runtime"
	"sync"
)

// Requests that are compressed at a time.
const chunk = 32

// prepare writes repeated [uvarint length][index in the base: uvarint][the message of its playing, gzip as grpc-go compresses it].
func prepare(arguments []string) {
	flags := flag.NewFlagSet("prepare", flag.ExitOnError)
	base := flags.String("base", "", "messages to play")
	output := flags.String("output", "", "file to write")
	spans := flags.Int("spans", 0, "spans at least")
	first := flags.Uint64("first", 0, "number of the first playing, which the trace ids hang on")
	check(flags.Parse(arguments))
	requests := readBase(*base)
	file, err := os.Create(*output)
	check(err)
	writer := bufio.NewWriterSize(file, 1<<20)
	next, written := 0, 0
	for written < *spans {
		var packed [chunk][]byte
		var group sync.WaitGroup
		for worker := range runtime.GOMAXPROCS(0) {
			group.Go(func() { pack(requests, *first, next, worker, &packed) })
		}
		group.Wait()
		for offset, bytes := range packed {
			index := uint64((next + offset) % len(requests))
			prefix := binary.AppendUvarint(nil, index)
			_, err = writer.Write(append(binary.AppendUvarint(nil, uint64(len(prefix)+len(bytes))), prefix...))
			check(err)
			_, err = writer.Write(bytes)
			check(err)
			written += requests[index].spans
		}
		next += chunk
	}
	check(writer.Flush())
	check(file.Close())
}

func pack(requests []*request, first uint64, next int, worker int, packed *[chunk][]byte) {
	var played []byte
	for offset := worker; offset < chunk; offset += runtime.GOMAXPROCS(0) {
		number := next + offset
		played = requests[number%len(requests)].play(first+uint64(number/len(requests)), played)
		var compressed bytes.Buffer
		writer := gzip.NewWriter(&compressed)
		_, err := writer.Write(played)
		check(err)
		check(writer.Close())
		packed[offset] = compressed.Bytes()
	}
}
