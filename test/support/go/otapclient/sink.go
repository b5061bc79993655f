package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	arrowpb "github.com/open-telemetry/otel-arrow/go/api/experimental/arrow/v1"
	"github.com/open-telemetry/otel-arrow/go/pkg/otel/arrow_record"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type faults struct {
	refuseEvery int
	refuseName  string
	endAfter    int
	reverse     bool
}

// sink serves ArrowTraces. For each batch it prints {"stream","batch","names"} before it answers OK.
func sink(args []string) error {
	flags := flag.NewFlagSet("sink", flag.ExitOnError)
	at := flags.String("at", "127.0.0.1:0", "where to listen")
	zstd := flags.Bool("zstd", true, "understand zstd messages")
	var f faults
	flags.IntVar(&f.refuseEvery, "refuse-every", 0, "answer every Nth batch RESOURCE_EXHAUSTED")
	flags.StringVar(&f.refuseName, "refuse-name", "", "answer a batch with a span of this name INVALID_ARGUMENT")
	flags.IntVar(&f.endAfter, "end-after", 0, "end each stream after N batches, the last of them unanswered")
	flags.BoolVar(&f.reverse, "reverse", false, "hold answers and give them in pairs, second first")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *zstd {
		registerZstd()
	}
	listener, err := net.Listen("tcp", *at)
	if err != nil {
		return err
	}
	report(map[string]any{"port": listener.Addr().(*net.TCPAddr).Port})
	server := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}))
	var streams, batches atomic.Int64
	handler := func(_ any, stream grpc.ServerStream) error {
		return consume(stream, int(streams.Add(1)), &batches, f)
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "opentelemetry.proto.experimental.arrow.v1.ArrowTracesService", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: "ArrowTraces", Handler: handler, ClientStreams: true, ServerStreams: true}},
	}, nil)
	return server.Serve(listener)
}

func consume(stream grpc.ServerStream, number int, batches *atomic.Int64, f faults) error {
	headers, _ := metadata.FromIncomingContext(stream.Context())
	report(map[string]any{"stream": number, "test": headers.Get("x-test")})
	consumer := arrow_record.NewConsumer()
	defer consumer.Close()
	var held *arrowpb.BatchStatus
	for received := 1; ; received++ {
		var batch arrowpb.BatchArrowRecords
		err := stream.RecvMsg(&batch)
		if errors.Is(err, io.EOF) {
			if held != nil {
				return stream.SendMsg(held)
			}
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := take(consumer, &batch, number, batches.Add(1), f)
		if err != nil {
			return err
		}
		if received == f.endAfter {
			return status.Error(codes.Unavailable, "ended on demand")
		}
		if f.reverse && held == nil {
			held = answer
			continue
		}
		if err := stream.SendMsg(answer); err != nil {
			return err
		}
		if held != nil {
			if err := stream.SendMsg(held); err != nil {
				return err
			}
			held = nil
		}
	}
}

// take decodes a batch (which advances the stream's state even where it is refused) and says what to answer.
func take(consumer *arrow_record.Consumer, batch *arrowpb.BatchArrowRecords, stream int, count int64, f faults) (*arrowpb.BatchStatus, error) {
	id := batch.BatchId
	all, err := consumer.TracesFrom(batch)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, fmt.Sprintf("batch %d: %v", id, err))
	}
	names := map[string]int{}
	for _, traces := range all {
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					names[span.Name()]++
				}
			}
		}
	}
	if f.refuseName != "" && names[f.refuseName] > 0 {
		return &arrowpb.BatchStatus{BatchId: id, StatusCode: arrowpb.StatusCode_INVALID_ARGUMENT, StatusMessage: "refused by name"}, nil
	}
	if f.refuseEvery > 0 && count%int64(f.refuseEvery) == 0 {
		return &arrowpb.BatchStatus{BatchId: id, StatusCode: arrowpb.StatusCode_RESOURCE_EXHAUSTED, StatusMessage: "come again"}, nil
	}
	report(map[string]any{"stream": stream, "batch": id, "names": names})
	return &arrowpb.BatchStatus{BatchId: id}, nil
}
