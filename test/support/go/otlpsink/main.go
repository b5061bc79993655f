// Command otlpsink serves OTLP over gRPC and HTTP with the Collector's own messages (pdata), so that what it takes is what a Collector
// takes.
//
//	otlpsink [-output FILE] [-refuse N]
//
// It prints {"grpc": port, "http": port}, then a JSON line for each request: signal, items, transport, encoding, content encoding, the header
// x-test. FILE gets repeated [uvarint length][signal: one byte t, l or m, ExportXServiceRequest], written by pdata from what it
// understood. The first N requests are refused for now.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type sink struct {
	lock   sync.Mutex
	output io.Writer
	refuse int
}

// line is what is printed of a request.
type line struct {
	Signal    string `json:"signal"`
	Items     int    `json:"items"`
	Transport string `json:"transport"`
	Type      string `json:"type,omitempty"`
	Encoding  string `json:"encoding,omitempty"`
	Test      string `json:"test,omitempty"`
}

func main() {
	output := flag.String("output", "", "file for what was understood")
	refuse := flag.Int("refuse", 0, "requests to refuse for now")
	flag.Parse()
	s := &sink{refuse: *refuse, output: io.Discard}
	if *output != "" {
		file, err := os.Create(*output)
		check(err)
		s.output = file
	}
	grpcAt, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	httpAt, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	registerZstd()
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, &traces{sink: s})
	plogotlp.RegisterGRPCServer(server, &logs{sink: s})
	pmetricotlp.RegisterGRPCServer(server, &metrics{sink: s})
	go func() { check(server.Serve(grpcAt)) }()
	s.print(map[string]int{"grpc": grpcAt.Addr().(*net.TCPAddr).Port, "http": httpAt.Addr().(*net.TCPAddr).Port})
	check(http.Serve(httpAt, s))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (s *sink) print(value any) {
	text, err := json.Marshal(value)
	check(err)
	fmt.Println(string(text))
}

// take records a request; false when it is to be refused.
func (s *sink) take(l line, marshal func() ([]byte, error)) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.refuse > 0 {
		s.refuse--
		return false
	}
	message, err := marshal()
	check(err)
	record := append([]byte{l.Signal[0]}, message...)
	_, err = s.output.Write(append(binary.AppendUvarint(nil, uint64(len(record))), record...))
	check(err)
	s.print(l)
	return true
}

func (s *sink) takeGrpc(ctx context.Context, l line, marshal func() ([]byte, error)) error {
	headers, _ := metadata.FromIncomingContext(ctx)
	if test := headers.Get("x-test"); len(test) > 0 {
		l.Test = test[0]
	}
	l.Transport = "grpc"
	if !s.take(l, marshal) {
		return status.Error(codes.Unavailable, "refused for now")
	}
	return nil
}

type traces struct {
	ptraceotlp.UnimplementedGRPCServer
	*sink
}

func (s *traces) Export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	l := line{Signal: "traces", Items: request.Traces().SpanCount()}
	return ptraceotlp.NewExportResponse(), s.takeGrpc(ctx, l, request.MarshalProto)
}

type logs struct {
	plogotlp.UnimplementedGRPCServer
	*sink
}

func (s *logs) Export(ctx context.Context, request plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	l := line{Signal: "logs", Items: request.Logs().LogRecordCount()}
	return plogotlp.NewExportResponse(), s.takeGrpc(ctx, l, request.MarshalProto)
}

type metrics struct {
	pmetricotlp.UnimplementedGRPCServer
	*sink
}

func (s *metrics) Export(ctx context.Context, request pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	l := line{Signal: "metrics", Items: request.Metrics().MetricCount()}
	return pmetricotlp.NewExportResponse(), s.takeGrpc(ctx, l, request.MarshalProto)
}

// message is what the three signals' requests have in common.
type message interface {
	MarshalProto() ([]byte, error)
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
}

func (s *sink) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	l := line{Transport: "http", Type: request.Header.Get("content-type"), Encoding: request.Header.Get("content-encoding"), Test: request.Header.Get("x-test")}
	body, err := inflated(request.Body, l.Encoding)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	var received message
	var items func() int
	switch request.URL.Path {
	case "/v1/traces":
		own := ptraceotlp.NewExportRequest()
		received, items, l.Signal = own, func() int { return own.Traces().SpanCount() }, "traces"
	case "/v1/logs":
		own := plogotlp.NewExportRequest()
		received, items, l.Signal = own, func() int { return own.Logs().LogRecordCount() }, "logs"
	case "/v1/metrics":
		own := pmetricotlp.NewExportRequest()
		received, items, l.Signal = own, func() int { return own.Metrics().MetricCount() }, "metrics"
	default:
		http.NotFound(response, request)
		return
	}
	if l.Type == "application/json" {
		err = received.UnmarshalJSON(body)
	} else {
		err = received.UnmarshalProto(body)
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	l.Items = items()
	if !s.take(l, received.MarshalProto) {
		response.Header().Set("retry-after", "0")
		http.Error(response, "refused for now", http.StatusServiceUnavailable)
		return
	}
	response.Header().Set("content-type", l.Type)
	if l.Type == "application/json" {
		_, _ = response.Write([]byte("{}"))
	}
}

func inflated(body io.Reader, encoding string) ([]byte, error) {
	switch encoding {
	case "gzip":
		reader, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(reader)
	case "zstd":
		compressed, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		reader, err := zstd.NewReader(bytes.NewReader(compressed))
		if err != nil {
			return nil, err
		}
		defer reader.Close()
		return io.ReadAll(reader)
	default:
		return io.ReadAll(body)
	}
}
