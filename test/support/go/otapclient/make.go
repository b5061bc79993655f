package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"

	"github.com/open-telemetry/otel-arrow/go/pkg/otel/arrow_record"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/protobuf/proto"
)

// makeBatches writes -n batches; each comes from a producer of its own, so that it needs nothing that came before it.
func makeBatches(args []string) error {
	flags := flag.NewFlagSet("make", flag.ExitOnError)
	count := flags.Int("n", 100, "batches")
	spans := flags.Int("spans", 10, "spans a batch")
	if err := flags.Parse(args); err != nil {
		return err
	}
	out, err := os.Create(flags.Arg(0))
	if err != nil {
		return err
	}
	defer out.Close()
	for i := range *count {
		producer := arrow_record.NewProducer()
		batch, err := producer.BatchArrowRecordsFromTraces(tracesNamed(i, *spans))
		if err != nil {
			return err
		}
		batch.BatchId = int64(i)
		message, err := proto.Marshal(batch)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(binary.AppendUvarint(nil, uint64(len(message))), message...)); err != nil {
			return err
		}
		if err := producer.Close(); err != nil {
			return err
		}
	}
	report(map[string]any{"batches": *count})
	return nil
}

func tracesNamed(batch, spans int) ptrace.Traces {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "otapclient")
	scope := resource.ScopeSpans().AppendEmpty()
	for i := range spans {
		span := scope.Spans().AppendEmpty()
		var id [16]byte
		binary.BigEndian.PutUint64(id[:], uint64(batch)+1)
		binary.BigEndian.PutUint64(id[8:], uint64(i)+1)
		span.SetTraceID(id)
		span.SetSpanID([8]byte(id[8:]))
		span.SetName(fmt.Sprintf("batch-%d", batch))
		span.SetStartTimestamp(1_700_000_000_000_000_000)
		span.SetEndTimestamp(1_700_000_000_001_000_000)
		span.Attributes().PutInt("index", int64(i))
	}
	return traces
}
