import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { BufferArena } from '../../../src/otap/ipc/buffer-source.ts';
import { decodeOtlp, reopenOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { BatchReader } from '../../../src/pipeline/journal/batch-reader.ts';
import { HeldBatch } from '../../../src/store/held-batch.ts';
import { readRetainedHeader, type RetainedHeader, serialiseRetained } from '../../../src/store/retained-batch.ts';
import { toOtlp } from '../../support/otap-to-otlp.ts';
import { truthBytes } from '../../support/otlp-bytes.ts';

const sources = [['traces', 'collector_traces'], ['logs', 'collector_logs'], ['metrics', 'collector_metrics']] as const;

describe.each(sources)('retained OTLP, %s', (signal, name) => {
  const [bytes] = truthBytes(name);
  const header: RetainedHeader = {
    kind: 'batch', signal, encoding: 'zstd', withoutThreshold: 'unsampled', isChecked: true, isOtlp: true, batchOrdinal: 7, arrivalUnixNano: 5n, streamNumber: 0, bodyBytes: bytes.length,
  };
  const retained = serialiseRetained(header, zstdCompressSync(bytes));
  const batch = decodeOtlp(signal, bytes, { hashSeed: 99 });

  test('the header says what the body is', () => {
    expect(readRetainedHeader(retained)).toEqual(header);
  });

  test('a held batch opens again from its bytes', () => {
    const held = new HeldBatch(retained, batch.rowCount, batch.layout, { retained: 0 });
    expect(toOtlp(held.open(new BufferArena()))).toEqual(toOtlp(batch));
    expect(held.byteLength).toBe(retained.length + 48);
  });

  test('a segment gives it back without any stream state', () => {
    const read = new BatchReader({ retained: 0 }, {}, 99).read(Buffer.concat([new Uint8Array(4), retained]));
    expect(read?.header).toEqual(header);
    expect(read === null ? null : toOtlp(read.held.open())).toEqual(toOtlp(batch));
  });

  test('a layout of a stream does not open a request', () => {
    expect(() => reopenOtlp({ signal, byteLength: 0 }, bytes)).toThrow(TypeError);
  });
});
