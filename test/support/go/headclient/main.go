// headclient ENDPOINT SERVICE INTERVAL_MS: an application whose SDK asks ENDPOINT (a URL, with its path) for its sampling rates, with jaegerremote of
// opentelemetry-go-contrib. Every 100 ms it starts 1,000 traces by each of two names and prints how many were sampled, and what attributes say, as a line of JSON.
package main

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/contrib/samplers/jaegerremote"
	"go.opentelemetry.io/otel/sdk/trace"
)

type line struct {
	Op         int               `json:"op"`
	Rare       int               `json:"rare"`
	Of         int               `json:"of"`
	Attributes map[string]string `json:"attributes"`
}

func main() {
	interval, err := strconv.Atoi(os.Args[3])
	if err != nil {
		panic(err)
	}
	sampler := jaegerremote.New(os.Args[2],
		jaegerremote.WithSamplingServerURL(os.Args[1]),
		jaegerremote.WithSamplingRefreshInterval(time.Duration(interval)*time.Millisecond),
		jaegerremote.WithInitialSampler(trace.NeverSample()))
	tracer := trace.NewTracerProvider(trace.WithSampler(trace.ParentBased(sampler))).Tracer("headclient")
	out := json.NewEncoder(os.Stdout)
	for {
		said := line{Of: 1000, Attributes: map[string]string{}}
		for i := 0; i < said.Of; i++ {
			for name, count := range map[string]*int{"op": &said.Op, "rare": &said.Rare} {
				_, span := tracer.Start(context.Background(), name)
				if span.SpanContext().IsSampled() {
					*count++
					for _, attribute := range span.(trace.ReadOnlySpan).Attributes() {
						said.Attributes[string(attribute.Key)] = attribute.Value.String()
					}
				}
				span.End()
			}
		}
		if out.Encode(said) != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
