// jaegerspans RATE TRACES: the spans of two services with the OpenTelemetry SDK for Go, the one called by the other, the first with the remote sampler
// jaegerremote, which is told RATE. TRACES traces are begun. Writes what the OTLP exporter sent to standard output, each request behind its length in 4
// bytes, little-endian.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/samplers/jaegerremote"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// recorder writes the bodies of requests.
func recorder() *httptest.Server {
	var mutex sync.Mutex
	return httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		var body io.Reader = request.Body
		if request.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(request.Body)
			check(err)
			body = unzipped
		}
		var whole bytes.Buffer
		_, err := whole.ReadFrom(body)
		check(err)
		mutex.Lock()
		defer mutex.Unlock()
		check(binary.Write(os.Stdout, binary.LittleEndian, uint32(whole.Len())))
		_, err = os.Stdout.Write(whole.Bytes())
		check(err)
	}))
}

func provider(ctx context.Context, url, service string, sampler trace.Sampler) *trace.TracerProvider {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url))
	check(err)
	return trace.NewTracerProvider(trace.WithSampler(sampler), trace.WithBatcher(exporter, trace.WithMaxQueueSize(1<<20)),
		trace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
}

func main() {
	ctx := context.Background()
	rate, traces := os.Args[1], 0
	traces, err := strconv.Atoi(os.Args[2])
	check(err)
	rates := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(response, `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":%s}}`, rate)
	}))
	remote := jaegerremote.New("shop", jaegerremote.WithSamplingServerURL(rates.URL), jaegerremote.WithSamplingRefreshInterval(20*time.Millisecond),
		jaegerremote.WithInitialSampler(trace.NeverSample()))
	time.Sleep(500 * time.Millisecond)
	sink := recorder()
	shop := provider(ctx, sink.URL, "shop", trace.ParentBased(remote))
	stock := provider(ctx, sink.URL, "stock", trace.ParentBased(trace.AlwaysSample()))
	for i := 0; i < traces; i++ {
		within, root := shop.Tracer("shop").Start(ctx, "GET /item", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
		within, call := shop.Tracer("shop").Start(within, "call", oteltrace.WithSpanKind(oteltrace.SpanKindClient))
		_, answered := stock.Tracer("stock").Start(oteltrace.ContextWithRemoteSpanContext(ctx, oteltrace.SpanContextFromContext(within)), "look up")
		answered.End()
		call.End()
		root.End()
	}
	check(stock.Shutdown(ctx))
	check(shop.Shutdown(ctx))
}
