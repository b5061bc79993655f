import { afterAll, expect, test } from 'vitest';
import { realSeam } from '../../../../src/base/seam.ts';
import { parseConfig } from '../../../../src/config/load.ts';
import { buildSinks } from '../../../../src/exporters/build.ts';
import type { BatchSink } from '../../../../src/pipeline/sink.ts';
import { createLogger } from '../../../../src/telemetry/log.ts';
import { MetricRegistry } from '../../../../src/telemetry/metrics.ts';
import { spanBatch } from '../../pipeline/synthetic.ts';

/** Nobody listens at its member: what is remembered of traces is remembered when they are shared out. */
const text = `receivers: { otlp: { grpc: {} } }
exporters: { load_balancing: { resolver: { static: { hostnames: [127.0.0.1:1] } }, protocol: { otlp: { tls: { insecure: true } } } } }
pipelines: { traces: { mode: pass, receivers: [otlp], exporters: [load_balancing] } }`;
const traces = 40_000;
const batch = spanBatch(Array.from({ length: traces }, (_, trace) => ({ trace, startMs: 5 })));
const opened: BatchSink[] = [];

afterAll(() => Promise.all(opened.map((sink) => sink.drain(0))));

/** Bytes that a balancer takes to remember so many traces. */
function bytesOf(tableBytesMax: number): number {
  const seam = realSeam();
  const [sink] = buildSinks(parseConfig({ text, name: 'test', environment: {}, directory: '/' }).exporters, { seam, log: createLogger({ seam, level: 'error', format: 'json', write: () => undefined }), registry: new MetricRegistry(), tableBytesMax });
  opened.push(sink);
  void sink.pass?.(batch);
  return sink.tableBytes ?? 0;
}

test.each([2 ** 17, 2 ** 20, 2 ** 22])('a balancer remembers no more traces than fit into %i bytes, whatever traces_max says', (bytesMax) => {
  expect(bytesOf(bytesMax)).toBeLessThanOrEqual(bytesMax);
  expect(bytesOf(bytesMax)).toBeGreaterThanOrEqual(bytesMax / 4);
});

test('control: without that bound all of them are', () => {
  expect(bytesOf(Infinity)).toBeGreaterThanOrEqual(traces * 42);
});
