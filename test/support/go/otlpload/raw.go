package main

import (
	"compress/gzip"
	"fmt"
	"io"

	"google.golang.org/grpc/mem"
)

// rawCodec sends and gives messages as the bytes that they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(value any) (mem.BufferSlice, error) {
	bytes, ok := value.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("%T is no message", value)
	}
	return mem.BufferSlice{mem.SliceBuffer(*bytes)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, value any) error {
	bytes, ok := value.(*[]byte)
	if !ok {
		return fmt.Errorf("%T is no message", value)
	}
	*bytes = data.Materialize()
	return nil
}

// packedGzip says gzip of messages that are gzip already.
type packedGzip struct{}

func (packedGzip) Name() string { return "gzip" }

func (packedGzip) Compress(w io.Writer) (io.WriteCloser, error) { return asIs{w}, nil }

// Decompress is for answers: servers of grpc-go compress them as the request was.
func (packedGzip) Decompress(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }

type asIs struct{ io.Writer }

func (asIs) Close() error { return nil }
