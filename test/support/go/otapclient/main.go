// otapclient is the other side of Thresher's OTAP tests: grpc-go and the reference codec of otel-arrow.
//
//	make  writes self-contained batches, each with a span whose name tells it apart
//	send  streams a capture file to a receiver and checks every BatchStatus
//	sink  is a consumer that decodes with the reference implementation, with faults on demand
//
// Each prints JSON lines on standard output.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"
)

func main() {
	commands := map[string]func([]string) error{"make": makeBatches, "send": send, "sink": sink}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: otapclient make|send|sink [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "otapclient:", err)
		os.Exit(1)
	}
}

func report(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// readCapture reads [uvarint length][message] until the end of the file.
func readCapture(path string) ([][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	in := bufio.NewReader(file)
	var messages [][]byte
	for {
		length, err := binary.ReadUvarint(in)
		if errors.Is(err, io.EOF) {
			return messages, nil
		}
		if err != nil {
			return nil, err
		}
		message := make([]byte, length)
		if _, err := io.ReadFull(in, message); err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
}

// rawCodec leaves messages as they are where the caller has bytes.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.(*[]byte); ok {
		return *raw, nil
	}
	return proto.Marshal(v.(proto.Message))
}

func (rawCodec) Unmarshal(data []byte, v any) error {
	if raw, ok := v.(*[]byte); ok {
		*raw = append([]byte(nil), data...)
		return nil
	}
	return proto.Unmarshal(data, v.(proto.Message))
}

var methods = map[string]string{
	"traces":  "/opentelemetry.proto.experimental.arrow.v1.ArrowTracesService/ArrowTraces",
	"logs":    "/opentelemetry.proto.experimental.arrow.v1.ArrowLogsService/ArrowLogs",
	"metrics": "/opentelemetry.proto.experimental.arrow.v1.ArrowMetricsService/ArrowMetrics",
}
