// Command otapverify decodes a capture with the reference consumer and writes what it found as OTLP.
//
//	otapverify traces|logs|metrics CAPTURE OUTPUT
//
// CAPTURE is one stream, repeated [uvarint length][BatchArrowRecords]; OUTPUT gets repeated
// [uvarint length][ExportXServiceRequest], one for each batch. The first batch that the consumer refuses
// ends it with exit code 1 and a line on standard error.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	arrowpb "github.com/open-telemetry/otel-arrow/go/api/experimental/arrow/v1"
	"github.com/open-telemetry/otel-arrow/go/pkg/otel/arrow_record"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/protobuf/proto"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: otapverify traces|logs|metrics CAPTURE OUTPUT")
		os.Exit(2)
	}
	if err := verify(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verify(signal, capturePath, outputPath string) error {
	capture, err := os.Open(capturePath)
	if err != nil {
		return err
	}
	defer capture.Close()
	output, err := os.Create(outputPath)
	if err != nil {
		return err
	}
	defer output.Close()
	reader, writer := bufio.NewReader(capture), bufio.NewWriter(output)
	consumer := arrow_record.NewConsumer()
	defer consumer.Close()
	for index := 0; ; index++ {
		bar, err := readBatch(reader)
		if errors.Is(err, io.EOF) {
			return writer.Flush()
		}
		if err != nil {
			return fmt.Errorf("batch %d: %w", index, err)
		}
		request, err := decode(consumer, signal, bar)
		if err != nil {
			return fmt.Errorf("batch %d (batch_id %d): %w", index, bar.BatchId, err)
		}
		if err := writeDelimited(writer, request); err != nil {
			return err
		}
	}
}

func readBatch(reader *bufio.Reader) (*arrowpb.BatchArrowRecords, error) {
	length, err := binary.ReadUvarint(reader)
	if err != nil {
		return nil, err
	}
	message := make([]byte, length)
	if _, err := io.ReadFull(reader, message); err != nil {
		return nil, fmt.Errorf("capture ends inside a message: %v", err)
	}
	bar := &arrowpb.BatchArrowRecords{}
	return bar, proto.Unmarshal(message, bar)
}

// decode gives the ExportXServiceRequest whose items are those of the batch.
func decode(consumer *arrow_record.Consumer, signal string, bar *arrowpb.BatchArrowRecords) ([]byte, error) {
	switch signal {
	case "traces":
		parts, err := consumer.TracesFrom(bar)
		all := ptrace.NewTraces()
		for _, part := range parts {
			part.ResourceSpans().MoveAndAppendTo(all.ResourceSpans())
		}
		return marshal(err, func() ([]byte, error) { return (&ptrace.ProtoMarshaler{}).MarshalTraces(all) })
	case "logs":
		parts, err := consumer.LogsFrom(bar)
		all := plog.NewLogs()
		for _, part := range parts {
			part.ResourceLogs().MoveAndAppendTo(all.ResourceLogs())
		}
		return marshal(err, func() ([]byte, error) { return (&plog.ProtoMarshaler{}).MarshalLogs(all) })
	case "metrics":
		parts, err := consumer.MetricsFrom(bar)
		all := pmetric.NewMetrics()
		for _, part := range parts {
			part.ResourceMetrics().MoveAndAppendTo(all.ResourceMetrics())
		}
		return marshal(err, func() ([]byte, error) { return (&pmetric.ProtoMarshaler{}).MarshalMetrics(all) })
	default:
		return nil, fmt.Errorf("unknown signal %q", signal)
	}
}

func marshal(err error, write func() ([]byte, error)) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return write()
}

func writeDelimited(writer *bufio.Writer, message []byte) error {
	if _, err := writer.Write(binary.AppendUvarint(nil, uint64(len(message)))); err != nil {
		return err
	}
	_, err := writer.Write(message)
	return err
}
