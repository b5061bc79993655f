package main

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip"
)

// zstdCompressor is what the Collector registers for its otelarrow components: streaming zstd of one level under a name of its own.
type zstdCompressor struct {
	name  string
	level zstd.EncoderLevel
}

func (c zstdCompressor) Name() string { return c.name }

func (c zstdCompressor) Compress(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(c.level), zstd.WithEncoderConcurrency(1))
}

func (c zstdCompressor) Decompress(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

func registerZstd() {
	encoding.RegisterCompressor(zstdCompressor{"zstd", zstd.SpeedDefault})
	for level := 1; level <= 10; level++ {
		encoding.RegisterCompressor(zstdCompressor{fmt.Sprintf("zstdarrow%d", level), zstd.EncoderLevelFromZstd(level)})
	}
}
