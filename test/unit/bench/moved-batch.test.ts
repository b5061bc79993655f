import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeCapture } from '../../../bench/generate.ts';
import { movedBatch } from '../../../bench/moved-batch.ts';
import { firstMessages } from '../../../bench/readers.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { spansMessages } from '../../support/given-messages.ts';
import { type JsonObject, objects } from '../../support/otlp-json.ts';
import { decodeOwn } from '../../support/reencode.ts';
import { itemsOf } from '../../golden/kept-support.ts';

const directory = mkdtempSync(join(tmpdir(), 'thresher-moved-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Spans of one playing of the recording. */
const playing = 21_348;

test('what is sampled in one playing tells nothing of the next: of the traces of one half of R, half are in it again', () => {
  const path = join(directory, 'traces.otap');
  writeCapture(path, { signal: 'traces', batchRows: 1000, items: playing * 2, itemsPerSecond: 10_000 });
  const spans = decodeOwn('traces', firstMessages(path, playing * 2, 1000)).flatMap(itemsOf);
  const first = new Map<string, JsonObject>();
  const pairs: (readonly [JsonObject, JsonObject])[] = [];
  for (const span of spans) {
    const before = first.get(String(span['spanId']));
    if (before === undefined) first.set(String(span['spanId']), span);
    else pairs.push([before, span]);
  }
  expect([first.size, pairs.length]).toEqual([playing, playing]);
  const renamed = new Map<string, string>();
  for (const [before, after] of pairs) {
    const [id, next] = [before, after].map(({ traceId }) => String(traceId));
    expect(renamed.get(id) ?? next).toBe(next);
    renamed.set(id, next);
  }
  expect(new Set([...renamed.keys(), ...renamed.values()]).size).toBe(2 * renamed.size);
  const isHigh = (id: string): boolean => id.slice(-14) >= '8'.padEnd(14, '0');
  const high = [...renamed].filter(([id]) => isHigh(id)).map(([, next]) => isHigh(next));
  const half = high.filter((is) => is).length;
  expect(high.length).toBeGreaterThan(700);
  expect(Math.abs(half - high.length / 2) / Math.sqrt(high.length / 4)).toBeLessThan(4);
  console.log(`${half} of ${high.length} in the same half again`);
});

test('links follow their traces, and the first playing is as recorded', () => {
  const [a, b, c] = [1, 2, 3].map((n) => `${'ab'.repeat(15)}0${n}`);
  const [bytes] = spansMessages([[{ trace: a, name: 'a', startMs: 1, links: [b] }, { trace: b, name: 'b', startMs: 2, links: [c] }, { trace: c, name: 'c', startMs: 3, links: [a] }]]);
  const moved = (round: number): JsonObject[] => {
    const batch = new OtapStreamDecoder('traces').decode(bytes);
    const builder = new OutputBatchBuilder('traces');
    builder.append(batch, Uint32Array.of(0, 1, 2), null);
    const movement = { rounds: new Uint32Array(3).fill(round), time: (nano: number) => nano };
    const encoder = new OtapStreamEncoder('traces', { bodyCompression: 'none', zstdLevel: 1 });
    return decodeOwn('traces', [encoder.encode(0n, movedBatch(builder.finish(), movement))]).flatMap(itemsOf);
  };
  for (const round of [0, 1, 7]) {
    const [first, second, third] = ['a', 'b', 'c'].map((name) => moved(round).find((span) => span['name'] === name) ?? {});
    const linked = (span: JsonObject): string[] => objects(span['links']).map(({ traceId }) => String(traceId));
    expect([linked(first), linked(second), linked(third)]).toEqual([[second['traceId']], [third['traceId']], [first['traceId']]]);
    expect(first['traceId'] === a).toBe(round === 0);
  }
});
