import { describe, expect, test } from 'vitest';
import type { OtapBatch } from '../../src/otap/batch.ts';
import { allRows } from '../../src/otap/take/split.ts';
import { captures } from '../support/captures.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { objects, type OtlpRequest } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeWithGo, withoutGo } from '../support/otapverify.ts';
import { decodeOwn, reencode, type Taking, zstd } from '../support/reencode.ts';

/**
 * Scenario: recorded streams of both reference encoders are decoded, every row is taken, and encoded again on one stream.
 * Guarantees: the reference consumer and our decoder read the same telemetry as the recorded truth.
 */
const goOptions = { ...zstd, omit: new Set(['METRIC_ATTRS'] as const) };
const joined = new Set(['traces_zstd', 'logs_zstd', 'metrics_zstd', 'rust/rust_metrics']);
const takeAll = (batch: OtapBatch): Taking => ({ rows: allRows(batch), stamps: null });

if (withoutGo !== null) console.warn(`skipped: ${withoutGo}`);

describe.each(captures)('$name', ({ name, signal }) => {
  test('everything taken is the truth, to our decoder', () => {
    expect(canonical(decodeOwn(signal, reencode(name, zstd, takeAll)))).toEqual(canonical(readTruth(name)));
  });

  test.skipIf(withoutGo !== null)('everything taken is the truth, to the Go reference consumer', () => {
    const truth = canonical(readTruth(name).map(withoutMetadata));
    expect(canonical(decodeWithGo(signal, reencode(name, goOptions, takeAll)))).toEqual(truth);
    if (!joined.has(name)) return;
    const messages = reencode(name, { ...goOptions, bodyCompression: 'none' }, takeAll, 5000);
    expect(canonical(decodeWithGo(signal, messages))).toEqual(truth);
  });
});

test('a missing row and a changed attribute are noticed', () => {
  const truth = canonical(readTruth('collector_traces'));
  const allButOne = (batch: OtapBatch): Taking => ({ rows: allRows(batch).subarray(1), stamps: null });
  expect(canonical(decodeOwn('traces', reencode('collector_traces', zstd, allButOne)))).not.toEqual(truth);
  const counted = (batch: OtapBatch): Taking => {
    const adjustedCount = new Float64Array(batch.rowCount).fill(Number.NaN);
    adjustedCount[0] = 2;
    return { rows: allRows(batch), stamps: { adjustedCount, traceState: null, threshold: null, randomness: null } };
  };
  expect(canonical(decodeOwn('traces', reencode('collector_traces', zstd, counted)))).not.toEqual(truth);
});

/** The Go consumer knows no METRIC_ATTRS. */
function withoutMetadata(request: OtlpRequest): OtlpRequest {
  const resourceMetrics = objects(request.resourceMetrics).map((resource) => ({
    ...resource,
    scopeMetrics: objects(resource['scopeMetrics']).map((scope) => ({
      ...scope,
      metrics: objects(scope['metrics']).map((metric) => ({ ...metric, metadata: [] })),
    })),
  }));
  return request.resourceMetrics === undefined ? request : { resourceMetrics };
}
