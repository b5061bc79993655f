import { describe, expect, test } from 'vitest';
import type { Signal } from '../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import type { ItemStamps } from '../../src/otap/take/item-stamps.ts';
import { decodeOtlp, reopenOtlp } from '../../src/otlp/decode/decode-otlp.ts';
import type { OtlpBatch } from '../../src/otlp/decode/otlp-batch.ts';
import { encodeOtlp } from '../../src/otlp/encode/protobuf.ts';
import { Splicer } from '../../src/otlp/splice/splicer.ts';
import { captures } from '../support/captures.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { truthBytes } from '../support/otlp-bytes.ts';
import { parseOtlp } from '../support/otlp-truth.ts';

const requestsMax = 12;

/**
 * Scenario: items of recorded requests are cut out of them and put into new ones, as they came or with what sampling writes.
 * Guarantees: what protobufjs reads in the new requests is what it reads in those that are rebuilt from tables, for any size of request.
 */
describe.each(captures)('$name', ({ name, signal }) => {
  const messages = truthBytes(name).slice(0, requestsMax);

  test('all items as they came', () => {
    expect(read(signal, spliced(signal, messages, () => null, 1 << 30))).toEqual(canonical(messages.map((message) => parseOtlp(signal, message))));
  });

  test('every third item, in requests of at most 20 kB', () => {
    const requests = spliced(signal, messages, () => null, 20_000, third);
    expect(read(signal, requests)).toEqual(read(signal, rebuilt(signal, messages, () => null, third)));
    for (const request of requests) expect(request.length).toBeLessThanOrEqual(20_000);
  });

  test('every third item, of requests in which nothing else was read', () => {
    const open = (message: Uint8Array): OtlpBatch => {
      const whole = decodeOtlp(signal, message);
      return reopenOtlp(whole.layout, message, undefined, third(whole.rowCount));
    };
    expect(read(signal, spliced(signal, messages, () => null, 1 << 30, third, open))).toEqual(read(signal, rebuilt(signal, messages, () => null, third)));
    expect(read(signal, rebuilt(signal, messages, () => null, third, open))).toEqual(read(signal, rebuilt(signal, messages, () => null, third)));
  });

  test.skipIf(signal === 'metrics')('with stamps, twice over', () => {
    const once = spliced(signal, messages, stamps(signal, 1), 1 << 30);
    expect(read(signal, once)).toEqual(read(signal, rebuilt(signal, messages, stamps(signal, 1))));
    expect(read(signal, spliced(signal, once, stamps(signal, 2), 1 << 30))).toEqual(read(signal, rebuilt(signal, once, stamps(signal, 2))));
  });
});

type Stamping = (count: number) => ItemStamps | null;

/** Different from row to row, with every way of writing and removing. */
function stamps(signal: Signal, round: number): Stamping {
  return (count) => {
    const rows = Array.from({ length: count }, (_, row) => row);
    const text = (at: number, some: string): (string | null)[] => rows.map((row) => ((row + round) % at === 0 ? null : `${some}${row % 7}`));
    return {
      adjustedCount: Float64Array.from(rows, (row) => ((row + round) % 5 === 0 ? Number.NaN : 1 + row / round)),
      traceState: signal === 'traces' ? rows.map((row) => [null, '', `ot=th:${row % 9}8`, `ot=th:8;rv:${'0'.repeat(14)},vendor=${'x'.repeat(row % 200)}`][(row + round) % 4]) : null,
      threshold: signal === 'logs' ? text(4, 'a') : null,
      randomness: text(3, '0000000000000'),
      policy: round === 1 ? text(2, 'häufig,') : null,
    };
  };
}

function third(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, row) => row).filter((row) => row % 3 === 1);
}

function all(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, row) => row);
}

function spliced(signal: Signal, messages: readonly Uint8Array[], stamping: Stamping, bytesMax: number, rowsOf = all, open = (message: Uint8Array) => decodeOtlp(signal, message)): Uint8Array[] {
  const splicer = new Splicer(signal);
  for (const message of messages) {
    const batch = open(message);
    const rows = rowsOf(batch.rowCount);
    splicer.append(batch, rows, stamping(rows.length));
  }
  const items = splicer.finish();
  const requests = items.requests(bytesMax);
  expect(requests.reduce((sum, request) => sum + request.items, 0)).toBe(items.rowCount);
  return requests.map(({ bytes }) => bytes);
}

function rebuilt(signal: Signal, messages: readonly Uint8Array[], stamping: Stamping, rowsOf = all, open = (message: Uint8Array) => decodeOtlp(signal, message)): Uint8Array[] {
  return messages.map((message) => {
    const builder = new OutputBatchBuilder(signal);
    const batch = open(message);
    const rows = rowsOf(batch.rowCount);
    builder.append(batch, rows, stamping(rows.length));
    return encodeOtlp(builder.finish());
  });
}

function read(signal: Signal, requests: readonly Uint8Array[]): readonly string[] {
  return canonical(requests.map((request) => parseOtlp(signal, request)));
}
