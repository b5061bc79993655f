package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"time"

	arrowpb "github.com/open-telemetry/otel-arrow/go/api/experimental/arrow/v1"
	"github.com/open-telemetry/otel-arrow/go/pkg/otel/arrow_record"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	defaultLifetime    = 30 * time.Second
	defaultCompression = "zstdarrow5"
	defaultTimeout     = 5 * time.Second
)

// errRestarting is what a batch gets whose stream ended before its answer: it is sent on another one.
var errRestarting = errors.New("the stream ended")

// item is a batch that waits for its answer.
type item struct {
	data     any
	size     int
	deadline time.Time
	done     chan error
}

type arrowStream interface {
	Send(*arrowpb.BatchArrowRecords) error
	Recv() (*arrowpb.BatchStatus, error)
	CloseSend() error
}

// pool is what one exporter of a Collector has: streams of one signal, each with a producer of its own.
type pool struct {
	signal   string
	lifetime time.Duration
	toWrite  chan item
	open     func(context.Context) (arrowStream, error)
}

func newPool(signal string, lifetime time.Duration, open func(context.Context) (arrowStream, error)) *pool {
	p := &pool{signal: signal, lifetime: lifetime, toWrite: make(chan item), open: open}
	for range max(1, runtime.NumCPU()/2) {
		go func() {
			for {
				p.runStream()
				time.Sleep(50 * time.Millisecond)
			}
		}()
	}
	return p
}

// send gives the answer to a batch, as the status of a call.
func (p *pool) send(ctx context.Context, data any, size int) error {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	for {
		wait := item{data: data, size: size, deadline: deadline, done: make(chan error, 1)}
		select {
		case p.toWrite <- wait:
		case <-ctx.Done():
			return status.Error(codes.Unavailable, "no stream took the batch in time")
		}
		select {
		case err := <-wait.done:
			if !errors.Is(err, errRestarting) {
				return err
			}
		case <-ctx.Done():
			return status.Error(codes.DeadlineExceeded, "no answer in time")
		}
	}
}

// waiters are the batches of a stream that are not answered.
type waiters struct {
	lock sync.Mutex
	byID map[int64]chan error
}

func (w *waiters) add(id int64, done chan error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.byID[id] = done
}

func (w *waiters) take(id int64) (chan error, bool) {
	w.lock.Lock()
	defer w.lock.Unlock()
	done, found := w.byID[id]
	delete(w.byID, id)
	return done, found
}

func (p *pool) runStream() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := p.open(ctx)
	if err != nil {
		return
	}
	producer := arrow_record.NewProducer()
	waiting := &waiters{byID: map[int64]chan error{}}
	var writing sync.WaitGroup
	writing.Go(func() {
		if p.write(ctx, stream, producer, waiting) != nil {
			cancel()
		}
	})
	report(map[string]any{"stream": p.signal})
	err = readAnswers(stream, waiting)
	cancel()
	writing.Wait()
	report(map[string]any{"ended": p.signal, "status": status.Code(err).String(), "message": err.Error()})
	for _, done := range waiting.byID {
		done <- errRestarting
	}
	_ = producer.Close()
}

// write sends batches until the stream's lifetime is over, which is up to a twentieth shorter than what was asked for.
func (p *pool) write(ctx context.Context, stream arrowStream, producer *arrow_record.Producer, waiting *waiters) error {
	defer func() { _ = stream.CloseSend() }()
	var headers bytes.Buffer
	encoder := hpack.NewEncoder(&headers)
	over := time.After(p.lifetime - rand.N(p.lifetime/20))
	for {
		select {
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case next := <-p.toWrite:
			batch, err := encode(producer, next.data)
			if err != nil {
				next.done <- status.Errorf(codes.Internal, "encode: %v", err)
				return err
			}
			headers.Reset()
			fail(encoder.WriteField(hpack.HeaderField{Name: "otlp-pdata-size", Value: strconv.Itoa(next.size)}))
			fail(encoder.WriteField(hpack.HeaderField{Name: "grpc-timeout", Value: strconv.FormatInt(time.Until(next.deadline).Milliseconds(), 10) + "m"}))
			batch.Headers = headers.Bytes()
			waiting.add(batch.BatchId, next.done)
			if err := stream.Send(batch); err != nil {
				return err
			}
		}
	}
}

func encode(producer *arrow_record.Producer, data any) (*arrowpb.BatchArrowRecords, error) {
	switch data := data.(type) {
	case ptrace.Traces:
		return producer.BatchArrowRecordsFromTraces(data)
	case plog.Logs:
		return producer.BatchArrowRecordsFromLogs(data)
	default:
		return producer.BatchArrowRecordsFromMetrics(data.(pmetric.Metrics))
	}
}

// readAnswers hands on the answers; an answer to a batch that nobody waits for, and a code that the protocol does not have, break the stream.
func readAnswers(stream arrowStream, waiting *waiters) error {
	for {
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		done, found := waiting.take(answer.BatchId)
		if !found {
			return status.Errorf(codes.Internal, "unrecognized batch ID: %d", answer.BatchId)
		}
		switch answer.StatusCode {
		case arrowpb.StatusCode_OK:
			done <- nil
		case arrowpb.StatusCode_UNAVAILABLE, arrowpb.StatusCode_INVALID_ARGUMENT, arrowpb.StatusCode_RESOURCE_EXHAUSTED:
			done <- status.Error(codes.Code(answer.StatusCode), answer.StatusMessage)
		default:
			err := status.Errorf(codes.Internal, "unexpected stream response: %v: %s", answer.StatusCode, answer.StatusMessage)
			done <- err
			return err
		}
	}
}

type tracesExporter struct {
	ptraceotlp.UnimplementedGRPCServer
	*pool
}

func (e *tracesExporter) Export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	return ptraceotlp.NewExportResponse(), e.send(ctx, request.Traces(), (&ptrace.ProtoMarshaler{}).TracesSize(request.Traces()))
}

type logsExporter struct {
	plogotlp.UnimplementedGRPCServer
	*pool
}

func (e *logsExporter) Export(ctx context.Context, request plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	return plogotlp.NewExportResponse(), e.send(ctx, request.Logs(), (&plog.ProtoMarshaler{}).LogsSize(request.Logs()))
}

type metricsExporter struct {
	pmetricotlp.UnimplementedGRPCServer
	*pool
}

func (e *metricsExporter) Export(ctx context.Context, request pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	return pmetricotlp.NewExportResponse(), e.send(ctx, request.Metrics(), (&pmetric.ProtoMarshaler{}).MetricsSize(request.Metrics()))
}

func serveOtlp(server *grpc.Server, connection *grpc.ClientConn, lifetime time.Duration) {
	compressed := grpc.UseCompressor(defaultCompression)
	ptraceotlp.RegisterGRPCServer(server, &tracesExporter{pool: newPool("traces", lifetime, func(ctx context.Context) (arrowStream, error) {
		return arrowpb.NewArrowTracesServiceClient(connection).ArrowTraces(ctx, compressed)
	})})
	plogotlp.RegisterGRPCServer(server, &logsExporter{pool: newPool("logs", lifetime, func(ctx context.Context) (arrowStream, error) {
		return arrowpb.NewArrowLogsServiceClient(connection).ArrowLogs(ctx, compressed)
	})})
	pmetricotlp.RegisterGRPCServer(server, &metricsExporter{pool: newPool("metrics", lifetime, func(ctx context.Context) (arrowStream, error) {
		return arrowpb.NewArrowMetricsServiceClient(connection).ArrowMetrics(ctx, compressed)
	})})
}
