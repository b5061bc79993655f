// Command tailsampling runs traces through the Collector's tail_sampling processor, once for each configuration, and prints which it keeps.
//
//	tailsampling TRACES CONFIGURATIONS
//
// TRACES is a file of OTLP JSON, one request a line; CONFIGURATIONS a JSON object of the processor's settings by name. Standard output gets
// one JSON object of {kept: [trace id ...]} or {error} by name. Every trace is decided at the shutdown, whole, by the clock of that moment.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
)

type outcome struct {
	Kept  []string `json:"kept"`
	Error string   `json:"error,omitempty"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: tailsampling TRACES CONFIGURATIONS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(tracesPath, configurationsPath string) error {
	text, err := os.ReadFile(configurationsPath)
	if err != nil {
		return err
	}
	configurations := map[string]map[string]any{}
	if err := json.Unmarshal(text, &configurations); err != nil {
		return err
	}
	requests, err := read(tracesPath)
	if err != nil {
		return err
	}
	outcomes := map[string]outcome{}
	for name, configuration := range configurations {
		kept, err := through(configuration, requests)
		if err != nil {
			outcomes[name] = outcome{Kept: []string{}, Error: err.Error()}
			continue
		}
		outcomes[name] = outcome{Kept: kept}
	}
	return json.NewEncoder(os.Stdout).Encode(outcomes)
}

func through(raw map[string]any, requests []ptrace.Traces) ([]string, error) {
	ctx := context.Background()
	factory := tailsamplingprocessor.NewFactory()
	config := factory.CreateDefaultConfig().(*tailsamplingprocessor.Config)
	if err := confmap.NewFromStringMap(raw).Unmarshal(config); err != nil {
		return nil, err
	}
	// The shutdown decides, and not a tick before.
	config.DecisionWait = time.Hour
	config.NumTraces = 10_000_000
	sink := &consumertest.TracesSink{}
	made, err := factory.CreateTraces(ctx, processortest.NewNopSettings(factory.Type()), config, sink)
	if err != nil {
		return nil, err
	}
	if err := made.Start(ctx, componenttest.NewNopHost()); err != nil {
		return nil, err
	}
	for _, request := range requests {
		// The processor may move what it is given.
		own := ptrace.NewTraces()
		request.CopyTo(own)
		if err := made.ConsumeTraces(ctx, own); err != nil {
			return nil, err
		}
	}
	if err := made.Shutdown(ctx); err != nil {
		return nil, err
	}
	return traceIDs(sink.AllTraces()), nil
}

func traceIDs(all []ptrace.Traces) []string {
	seen := map[string]bool{}
	ids := []string{}
	for _, traces := range all {
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					id := span.TraceID().String()
					if !seen[id] {
						seen[id] = true
						ids = append(ids, id)
					}
				}
			}
		}
	}
	return ids
}

func read(path string) ([]ptrace.Traces, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<28)
	requests := []ptrace.Traces{}
	unmarshaler := &ptrace.JSONUnmarshaler{}
	for lines.Scan() {
		traces, err := unmarshaler.UnmarshalTraces(lines.Bytes())
		if err != nil {
			return nil, err
		}
		requests = append(requests, traces)
	}
	return requests, lines.Err()
}
