package main

import (
	"context"
	"errors"
	"io"
	"sync"

	arrowpb "github.com/open-telemetry/otel-arrow/go/api/experimental/arrow/v1"
	"github.com/open-telemetry/otel-arrow/go/pkg/otel/arrow_record"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	defaultMemoryLimit = 128 << 20
	hpackTableMax      = 4096
)

// nextHop is the Collector's pipeline behind the receiver.
type nextHop struct {
	traces  ptraceotlp.GRPCClient
	logs    plogotlp.GRPCClient
	metrics pmetricotlp.GRPCClient
}

type otapServerStream interface {
	Send(*arrowpb.BatchStatus) error
	Recv() (*arrowpb.BatchArrowRecords, error)
	Context() context.Context
}

type tracesReceiver struct {
	arrowpb.UnimplementedArrowTracesServiceServer
	next *nextHop
}

func (r *tracesReceiver) ArrowTraces(stream arrowpb.ArrowTracesService_ArrowTracesServer) error {
	return serveStream("traces", stream, r.next)
}

type logsReceiver struct {
	arrowpb.UnimplementedArrowLogsServiceServer
	next *nextHop
}

func (r *logsReceiver) ArrowLogs(stream arrowpb.ArrowLogsService_ArrowLogsServer) error {
	return serveStream("logs", stream, r.next)
}

type metricsReceiver struct {
	arrowpb.UnimplementedArrowMetricsServiceServer
	next *nextHop
}

func (r *metricsReceiver) ArrowMetrics(stream arrowpb.ArrowMetricsService_ArrowMetricsServer) error {
	return serveStream("metrics", stream, r.next)
}

// serveStream decodes batches in their order and answers each when the next hop has taken it, in any order.
func serveStream(signal string, stream otapServerStream, next *nextHop) error {
	report(map[string]any{"stream": signal})
	consumer := arrow_record.NewConsumer(arrow_record.WithMemoryLimit(defaultMemoryLimit))
	defer consumer.Close()
	headers := hpack.NewDecoder(hpackTableMax, func(hpack.HeaderField) {})
	var sending sync.Mutex
	var underWay sync.WaitGroup
	defer underWay.Wait()
	for {
		batch, err := stream.Recv()
		if errors.Is(err, io.EOF) || status.Code(err) == codes.Canceled {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := headers.Write(batch.Headers); err != nil {
			return status.Errorf(codes.Internal, "arrow metadata error: %v", err)
		}
		consume, err := decode(consumer, batch, next)
		if errors.Is(err, arrow_record.ErrConsumerMemoryLimit) {
			return status.Errorf(codes.ResourceExhausted, "otel-arrow decode: %v", err)
		}
		if err != nil {
			return status.Errorf(codes.Internal, "otel-arrow decode: %v", err)
		}
		id := batch.BatchId
		underWay.Go(func() {
			answer := &arrowpb.BatchStatus{BatchId: id}
			if err := consume(stream.Context()); err != nil {
				answer.StatusCode, answer.StatusMessage = arrowpb.StatusCode(status.Code(err)), err.Error()
			}
			sending.Lock()
			defer sending.Unlock()
			_ = stream.Send(answer)
		})
	}
}

// decode reads a batch, which advances the stream's state, and gives what sends it on.
func decode(consumer *arrow_record.Consumer, batch *arrowpb.BatchArrowRecords, next *nextHop) (func(context.Context) error, error) {
	if len(batch.ArrowPayloads) == 0 {
		return func(context.Context) error { return nil }, nil
	}
	switch batch.ArrowPayloads[0].Type {
	case arrowpb.ArrowPayloadType_SPANS:
		all, err := consumer.TracesFrom(batch)
		return func(ctx context.Context) (err error) {
			for _, traces := range all {
				_, e := next.traces.Export(ctx, ptraceotlp.NewExportRequestFromTraces(traces))
				err = errors.Join(err, e)
			}
			return err
		}, err
	case arrowpb.ArrowPayloadType_LOGS:
		all, err := consumer.LogsFrom(batch)
		return func(ctx context.Context) (err error) {
			for _, logs := range all {
				_, e := next.logs.Export(ctx, plogotlp.NewExportRequestFromLogs(logs))
				err = errors.Join(err, e)
			}
			return err
		}, err
	case arrowpb.ArrowPayloadType_UNIVARIATE_METRICS:
		all, err := consumer.MetricsFrom(batch)
		return func(ctx context.Context) (err error) {
			for _, metrics := range all {
				_, e := next.metrics.Export(ctx, pmetricotlp.NewExportRequestFromMetrics(metrics))
				err = errors.Join(err, e)
			}
			return err
		}, err
	default:
		return nil, errors.New("unrecognized OTel-Arrow payload")
	}
}
