import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { decodeWithGo, withoutGo } from '../../support/otapverify.ts';
import { exactItems } from '../../support/otlp-exact.ts';
import type { JsonObject, OtlpRequest } from '../../support/otlp-json.ts';
import { goLosses, goUnordered, keysOnce, lose, type Loss, tableLosses } from '../../support/otlp-losses.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';
import { plain } from '../../support/reencode.ts';
import { requestOf } from './arbitrary.ts';

/*
 * Strategy: random requests, each a batch of one OTAP stream of ours, are read by the Go reference consumer, which writes them as OTLP. Keys of attributes are
 * there once and metric metadata is left out, as docs/otap.md says of that consumer.
 * Invariants: what it writes says exactly what was sent, but for what test/support/otlp-losses.ts models.
 */

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const count = Number(process.env['FUZZ_RUNS'] ?? 200);

describe.skipIf(withoutGo !== null).each(['traces', 'logs', 'metrics'] as const)('random %s', (signal) => {
  test(`OTLP, OTAP, the Go reference consumer, OTLP (seed ${seed})`, () => {
    const encoder = new OtapStreamEncoder(signal, { ...plain, omit: new Set(['METRIC_ATTRS'] as const) });
    const builder = new OutputBatchBuilder(signal);
    const sent: OtlpRequest[] = [];
    const messages: Uint8Array[] = [];
    for (const random of fc.sample(requestOf(signal, true), { seed, numRuns: count })) {
      const request = keysOnce(random);
      const batch = decodeOtlp(signal, otlpBytes(signal, request));
      if (batch.rowCount === 0) continue;
      builder.append(batch, allRows(batch), null);
      sent.push(request);
      messages.push(encoder.encode(BigInt(messages.length), builder.finish()));
    }
    const got = decodeWithGo(signal, messages);
    const exact = (request: OtlpRequest, losses: readonly Loss[]): string[] => exactItems(signal, lose(request, losses), goUnordered).sort();
    expect(got.length).toBe(sent.length);
    for (const [index, request] of sent.entries()) expect(exact(got[index], goLosses)).toEqual(exact(request, [...tableLosses, ...goLosses]));
    expect(sent.length).toBeGreaterThan(count / 5);
  });
});

test.skipIf(withoutGo !== null)('what it loses', () => {
  const attribute = (stringValue: string): JsonObject => ({ key: 'k', value: { stringValue } });
  const spans = [{ name: 'a', attributes: [attribute('1'), attribute('2')], parentSpanId: '00'.repeat(8) }];
  const builder = new OutputBatchBuilder('traces');
  const batch = decodeOtlp('traces', otlpBytes('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] }));
  builder.append(batch, allRows(batch), null);
  const [got] = decodeWithGo('traces', [new OtapStreamEncoder('traces', plain).encode(0n, builder.finish())]);
  expect(exactItems('traces', got)).toEqual(['{resource:{}} {scope:{}} {name:"a" attributes:[{key:"k" value:{stringValue:"2"}}] status:{}}']);
});
