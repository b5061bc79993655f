package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	arrowpb "github.com/open-telemetry/otel-arrow/go/api/experimental/arrow/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// send streams every message of a capture on one stream, with at most -window of them unanswered, and reports the answers.
func send(args []string) error {
	flags := flag.NewFlagSet("send", flag.ExitOnError)
	to := flags.String("to", "", "host:port")
	signal := flags.String("signal", "traces", "traces, logs or metrics")
	compression := flags.String("compression", "zstdarrow5", "none, gzip, zstd, zstdarrow1 to zstdarrow10")
	window := flags.Int("window", 8, "unanswered batches")
	timeout := flags.Duration("timeout", time.Minute, "of the whole stream")
	var secure security
	secure.register(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	registerZstd()
	messages, err := readCapture(flags.Arg(0))
	if err != nil {
		return err
	}
	dialing, err := secure.dialOptions()
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient("passthrough:///"+*to, dialing...)
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	options := []grpc.CallOption{grpc.ForceCodec(rawCodec{})}
	if *compression != "none" {
		options = append(options, grpc.UseCompressor(*compression))
	}
	description := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := connection.NewStream(ctx, description, methods[*signal], options...)
	if err != nil {
		report(map[string]any{"sent": 0, "end": status.Code(err).String(), "message": status.Convert(err).Message()})
		return nil
	}
	answers := make(chan error, 1)
	room := make(chan struct{}, *window)
	statuses := map[string]int{}
	ids := map[int64]int{}
	go func() { answers <- receive(stream, room, statuses, ids) }()
	sent := 0
	var over error
sending:
	for i := range messages {
		select {
		case room <- struct{}{}:
			if stream.SendMsg(&messages[i]) != nil {
				break sending
			}
			sent++
		case over = <-answers:
			answers <- over
			break sending
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	end := <-answers
	report(map[string]any{"sent": sent, "statuses": statuses, "distinct": len(ids), "end": status.Code(end).String(), "message": status.Convert(end).Message()})
	return nil
}

func receive(stream grpc.ClientStream, room chan struct{}, statuses map[string]int, ids map[int64]int) error {
	for {
		var answer arrowpb.BatchStatus
		err := stream.RecvMsg(&answer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		statuses[answer.StatusCode.String()]++
		ids[answer.BatchId]++
		if ids[answer.BatchId] > 1 {
			return fmt.Errorf("batch %d was answered twice", answer.BatchId)
		}
		<-room
	}
}
