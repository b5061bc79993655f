import { describe, expect, test } from 'vitest';
import { detailedText } from '../../../src/exporters/debug/detailed.ts';
import { DebugExporter, type DebugOptions, printTo } from '../../../src/exporters/debug/debug-exporter.ts';
import { requestOf } from '../../../src/exporters/debug/json.ts';
import { normalText } from '../../../src/exporters/debug/normal.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { signalMessages } from '../../../src/otlp/encode/messages.ts';
import { seededSeam } from '../../../src/base/seam.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { captureOf, readCapture } from '../../support/captures.ts';
import type { Json, OtlpRequest } from '../../support/otlp-json.ts';
import { readTruth } from '../../support/otlp-truth.ts';
import { outputOf } from '../pipeline/synthetic.ts';

/** The first batch of a recorded stream. */
function firstBatch(name: string): OutputBatch {
  const { signal } = captureOf(name);
  const batch = new OtapStreamDecoder(signal).decode(readCapture(name)[0]);
  const builder = new OutputBatchBuilder(signal);
  builder.append(batch, allRows(batch), null);
  return builder.finish();
}

/** Everything of a request that a reader would look for: keys of attributes, texts, whole numbers, ids. */
function wordsOf(value: Json | undefined, name = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((element) => wordsOf(element, name));
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(([key, member]) => wordsOf(member, key));
  if (value === '' || value === null || value === undefined || name.endsWith('UnixNano')) return [];
  if (typeof value === 'number') return name === 'kind' || name === 'code' || name === 'aggregationTemporality' || value === 0 ? [] : [String(value)];
  return typeof value === 'string' ? [JSON.stringify(value).slice(1, -1)] : [];
}

describe('detailed text', () => {
  test.each(['traces_zstd', 'logs_zstd', 'metrics_zstd'])('%s: it has all that the truth has', (name) => {
    const batch = firstBatch(name);
    const text = detailedText(requestOf(batch, batch.rowCount), signalMessages[batch.signal]);
    const [truth] = readTruth(name);
    const words = [...new Set(wordsOf(truth))];
    expect(words.filter((word) => !text.includes(word))).toEqual([]);
    expect(words.length).toBeGreaterThan(100);
    const other = changedTexts(truth);
    expect(wordsOf(other).filter((word) => !text.includes(word)).length).toBeGreaterThan(100);
  });

  test('reads so', () => {
    const batch = outputOf([{
      trace: '0102030405060708090a0b0c0d0e0f10', name: 'GET /cart', startMs: 1_700_000_000_000, durationMs: 2.000001, traceState: 'ot=th:8', attributes: { 'sampling.adjusted_count': 2.5, 'http.route': '/cart', 'retry.count': 3 },
    }]);
    expect(detailedText(requestOf(batch, 1), signalMessages.traces)).toBe(`resource
 attributes:
  service.name: "test"
 scope
  span "GET /cart"
   sampling: adjusted count 2.5, threshold 8 (probability 0.5)
   traceId: 0102030405060708090a0b0c0d0e0f10
   spanId: 0000000000000001
   traceState: ot=th:8
   kind: internal
   startTimeUnixNano: 2023-11-14T22:13:20.000000000Z
   endTimeUnixNano: 2023-11-14T22:13:20.002000001Z
   attributes:
    sampling.adjusted_count: 2.5
    http.route: "/cart"
    retry.count: 3
`);
    expect(normalText(requestOf(batch, 1), signalMessages.traces)).toBe(`resource service.name="test"
 span "GET /cart" trace 0102030405060708090a0b0c0d0e0f10 span 0000000000000001 2.000001 ms (adjusted count 2.5, threshold 8 (probability 0.5)) http.route="/cart" retry.count=3
`);
  });

  test('what telemetry holds cannot steer a terminal, nor fill it with one value', () => {
    const batch = outputOf([{ trace: 1, startMs: 5, name: 'a\u001b[2Jb\u009b\nc', attributes: { 'k\u001b': `\u202e${'x'.repeat(10_000)}` } }]);
    for (const text of [detailedText, normalText].map((write) => write(requestOf(batch, 1), signalMessages.traces))) {
      expect(text).not.toMatch(/[\u001b\u009b\u202e]/);
      expect(text).toContain('a\\u001b[2Jb\\u009b\\nc');
      expect(text.length).toBeLessThan(5500);
      expect(text).toContain('more characters)');
    }
  });
});

/** Every text is another. */
function changedTexts(request: OtlpRequest): OtlpRequest {
  return JSON.parse(JSON.stringify(request).replaceAll(/:"([^"]+)"/g, ':"$1~"')) as OtlpRequest;
}

describe('the debug exporter', () => {
  function scene(options: Partial<DebugOptions> = {}) {
    const seam = seededSeam(1);
    const printed: string[] = [];
    const logged: string[] = [];
    const counts = { exported: 0, unprinted: 0 };
    const exporter = new DebugExporter({
      name: 'debug', verbosity: 'normal', itemsMax: 3, seam, log: createLogger({ seam, level: 'info', format: 'json', write: (line) => logged.push(line) }),
      print: (text) => printed.push(text) > 0, onExported: (_signal, items) => { counts.exported += items; }, onUnprinted: (items) => { counts.unprinted += items; }, ...options,
    });
    return { seam, printed, logged, counts, exporter };
  }
  const batch = outputOf([1, 2].map((trace) => ({ trace, startMs: 5, name: `span ${trace}` })));

  test('basic: a line in the log, and nothing else', async () => {
    const { exporter, printed, logged, counts } = scene({ verbosity: 'basic' });
    await exporter.push(batch);
    expect([printed, counts, logged.length]).toEqual([[], { exported: 2, unprinted: 0 }, 1]);
    expect(logged[0]).toContain('"items":2');
  });

  test('no more items a second than items_max; the others are counted, and told of when there is room again', async () => {
    const { exporter, printed, seam, counts } = scene();
    for (let i = 0; i < 3; i++) await exporter.push(batch);
    expect(printed.map((text) => text.split('\n').filter((line) => line.startsWith(' span')).length)).toEqual([2, 1]);
    expect(counts).toEqual({ exported: 6, unprinted: 3 });
    seam.advanceMs(1000);
    await exporter.push(batch);
    expect(printed[2]).toMatch(/^\(3 items were not printed: items_max is 3 a second\)\nresource/);
  });

  test('where nobody reads, what is printed does not pile up', async () => {
    const written: string[] = [];
    const stream = { writableLength: 2 ** 20 + 1, write: (text: string) => written.push(text) };
    const { exporter, counts } = scene({ print: printTo(stream) });
    await exporter.push(batch);
    expect([counts, written]).toEqual([{ exported: 2, unprinted: 2 }, []]);
    stream.writableLength = 0;
    await exporter.push(batch);
    expect(written).toHaveLength(1);
  });
});
