// Command otlpjson reads OTLP export requests, in JSON or protobuf, as the Collector's receivers do, and writes them in protobuf.
//
//	otlpjson SIGNAL json|proto INPUT OUTPUT
//
// INPUT is repeated [uvarint length][request]. OUTPUT gets repeated [uvarint length][byte][rest]: byte 1 and the request in protobuf, or byte 0
// and the error's text.
package main

import (
	"encoding/binary"
	"fmt"
	"os"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

type request interface {
	UnmarshalJSON([]byte) error
	UnmarshalProto([]byte) error
	MarshalProto() ([]byte, error)
}

func newRequest(signal string) (request, error) {
	switch signal {
	case "traces":
		return ptraceotlp.NewExportRequest(), nil
	case "logs":
		return plogotlp.NewExportRequest(), nil
	case "metrics":
		return pmetricotlp.NewExportRequest(), nil
	}
	return nil, fmt.Errorf("no such signal: %s", signal)
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: otlpjson SIGNAL json|proto INPUT OUTPUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(signal, encoding, inputPath, outputPath string) error {
	input, err := os.ReadFile(inputPath)
	if err != nil {
		return err
	}
	var output []byte
	for len(input) > 0 {
		length, taken := binary.Uvarint(input)
		if taken <= 0 || uint64(len(input)-taken) < length {
			return fmt.Errorf("the input ends within a text")
		}
		text := input[taken : taken+int(length)]
		input = input[taken+int(length):]
		answer, err := answerOf(signal, encoding, text)
		if err != nil {
			return err
		}
		output = binary.AppendUvarint(output, uint64(len(answer)))
		output = append(output, answer...)
	}
	return os.WriteFile(outputPath, output, 0o600)
}

func answerOf(signal, encoding string, text []byte) ([]byte, error) {
	made, err := newRequest(signal)
	if err != nil {
		return nil, err
	}
	unmarshal := made.UnmarshalJSON
	if encoding == "proto" {
		unmarshal = made.UnmarshalProto
	}
	if err := unmarshal(text); err != nil {
		return append([]byte{0}, err.Error()...), nil
	}
	message, err := made.MarshalProto()
	if err != nil {
		return nil, err
	}
	return append([]byte{1}, message...), nil
}
