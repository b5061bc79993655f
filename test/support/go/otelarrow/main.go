// otelarrow stands in for the Collector's otelarrow components, whose modules cannot be had: it puts the library that they are made of
// beside a Collector, which it speaks OTLP/gRPC with.
//
//	otelarrow exporter -at HOST:PORT -to HOST:PORT   OTLP in, OTAP out, as the exporter sends with its default settings
//	otelarrow receiver -at HOST:PORT -to HOST:PORT   OTAP in, OTLP out, as the receiver takes with its default settings
//
// It says "ready" on standard output when it listens, then a JSON line for each OTAP stream that begins.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	arrowpb "github.com/open-telemetry/otel-arrow/go/api/experimental/arrow/v1"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: otelarrow exporter|receiver -at HOST:PORT -to HOST:PORT"))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	at := flags.String("at", "127.0.0.1:0", "where to listen")
	to := flags.String("to", "", "the next hop")
	lifetime := flags.Duration("lifetime", defaultLifetime, "of a stream that the exporter opens")
	fail(flags.Parse(os.Args[2:]))
	registerZstd()
	connection, err := grpc.NewClient("passthrough:///"+*to, grpc.WithTransportCredentials(insecure.NewCredentials()))
	fail(err)
	listener, err := net.Listen("tcp", *at)
	fail(err)
	server := grpc.NewServer()
	if os.Args[1] == "exporter" {
		serveOtlp(server, connection, *lifetime)
	} else {
		serveOtap(server, connection)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, server.Stop)
	fmt.Println("ready")
	fail(server.Serve(listener))
}

func serveOtap(server *grpc.Server, connection *grpc.ClientConn) {
	next := &nextHop{
		traces:  ptraceotlp.NewGRPCClient(connection),
		logs:    plogotlp.NewGRPCClient(connection),
		metrics: pmetricotlp.NewGRPCClient(connection),
	}
	arrowpb.RegisterArrowTracesServiceServer(server, &tracesReceiver{next: next})
	arrowpb.RegisterArrowLogsServiceServer(server, &logsReceiver{next: next})
	arrowpb.RegisterArrowMetricsServiceServer(server, &metricsReceiver{next: next})
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "otelarrow:", err)
		os.Exit(1)
	}
}

func report(v any) {
	line, err := json.Marshal(v)
	fail(err)
	fmt.Println(string(line))
}
