// Command spancounts runs a capture through the spanmetrics connector of the OpenTelemetry Collector and prints what it counts.
//
//	spancounts CAPTURE
//
// CAPTURE is one OTAP stream of traces, repeated [uvarint length][BatchArrowRecords], decoded with the reference consumer. Standard
// output gets one JSON array of {metric, service, value | count, sum}: its calls and its durations.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
	arrowpb "github.com/open-telemetry/otel-arrow/go/api/experimental/arrow/v1"
	"github.com/open-telemetry/otel-arrow/go/pkg/otel/arrow_record"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/protobuf/proto"
)

type point struct {
	Metric  string  `json:"metric"`
	Service string  `json:"service"`
	Value   float64 `json:"value"`
	Count   uint64  `json:"count"`
	Sum     float64 `json:"sum"`
}

const flushInterval = 50 * time.Millisecond

var spanMetrics = map[string]any{
	"metrics_flush_interval": flushInterval,
	"namespace":              "spanmetrics",
	"histogram":              map[string]any{"unit": "s"},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: spancounts CAPTURE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	batches, err := decode(path)
	if err != nil {
		return err
	}
	last, err := through(spanmetricsconnector.NewFactory(), spanMetrics, batches)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(pointsOf(last))
}

// through gives what the connector flushes last: its sums are cumulative.
func through(factory connector.Factory, raw map[string]any, batches []ptrace.Traces) (pmetric.Metrics, error) {
	ctx, none := context.Background(), pmetric.Metrics{}
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(raw).Unmarshal(config); err != nil {
		return none, err
	}
	sink := &consumertest.MetricsSink{}
	made, err := factory.CreateTracesToMetrics(ctx, connectortest.NewNopSettings(factory.Type()), config, sink)
	if err != nil {
		return none, err
	}
	if err := made.Start(ctx, componenttest.NewNopHost()); err != nil {
		return none, err
	}
	for _, batch := range batches {
		if err := made.ConsumeTraces(ctx, batch); err != nil {
			return none, err
		}
	}
	// A flush that was under way while the last batch came may lack it; the second one from now has all.
	for flushed, waits := len(sink.AllMetrics()), 0; len(sink.AllMetrics()) < flushed+2; waits++ {
		if waits > 600 {
			return none, fmt.Errorf("%s does not flush", factory.Type())
		}
		time.Sleep(flushInterval)
	}
	if err := made.Shutdown(ctx); err != nil {
		return none, err
	}
	all := sink.AllMetrics()
	return all[len(all)-1], nil
}

func pointsOf(metrics pmetric.Metrics) []point {
	points := []point{}
	for _, resource := range metrics.ResourceMetrics().All() {
		service := ""
		if value, ok := resource.Resource().Attributes().Get("service.name"); ok {
			service = value.AsString()
		}
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				switch metric.Type() {
				case pmetric.MetricTypeSum:
					for _, each := range metric.Sum().DataPoints().All() {
						value := each.DoubleValue()
						if each.ValueType() == pmetric.NumberDataPointValueTypeInt {
							value = float64(each.IntValue())
						}
						points = append(points, point{Metric: metric.Name(), Service: service, Value: value})
					}
				case pmetric.MetricTypeHistogram:
					for _, each := range metric.Histogram().DataPoints().All() {
						points = append(points, point{Metric: metric.Name(), Service: service, Count: each.Count(), Sum: each.Sum()})
					}
				}
			}
		}
	}
	return points
}

func decode(path string) ([]ptrace.Traces, error) {
	capture, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer capture.Close()
	reader := bufio.NewReader(capture)
	consumer := arrow_record.NewConsumer()
	defer consumer.Close()
	all := []ptrace.Traces{}
	for {
		length, err := binary.ReadUvarint(reader)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		message := make([]byte, length)
		if _, err := io.ReadFull(reader, message); err != nil {
			return nil, err
		}
		bar := &arrowpb.BatchArrowRecords{}
		if err := proto.Unmarshal(message, bar); err != nil {
			return nil, err
		}
		traces, err := consumer.TracesFrom(bar)
		if err != nil {
			return nil, err
		}
		all = append(all, traces...)
	}
}
