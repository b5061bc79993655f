import { describe, expect, test } from 'vitest';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { RequestEncoder, type OtlpRequest } from '../../../src/otlp/encode/requests.ts';
import { Splicer } from '../../../src/otlp/splice/splicer.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';

/*
 * Scenario: a resource that is longer than a request may be, or nearly so, with thousands of small spans, as a faulty or hostile sender has it.
 * Guarantees: the resource is not written again for every span (hundreds of megabytes, where 140 kB came); every span leaves once. Resources that leave room are
 * repeated, and requests keep to their size.
 */
const count = 4000;
const bytesMax = 50_000;

function received(resourceBytes: number): Uint8Array {
  const attributes = [{ key: 'big', value: { stringValue: 'x'.repeat(resourceBytes) } }];
  return otlpBytes('traces', { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: Array.from({ length: count }, (_, index) => ({ name: `span ${index}` })) }] }] });
}

function spliced(bytes: Uint8Array): readonly OtlpRequest[] {
  const splicer = new Splicer('traces');
  const batch = decodeOtlp('traces', bytes);
  splicer.append(batch, allRows(batch), null);
  return splicer.finish().requests(bytesMax);
}

function rebuilt(encoding: 'proto' | 'json'): (bytes: Uint8Array) => readonly OtlpRequest[] {
  return (bytes) => {
    const builder = new OutputBatchBuilder('traces');
    const batch = decodeOtlp('traces', bytes);
    builder.append(batch, allRows(batch), null);
    return new RequestEncoder(encoding, bytesMax).encode(builder.finish());
  };
}

describe.each([['spliced', spliced], ['rebuilt', rebuilt('proto')], ['rebuilt as JSON', rebuilt('json')]] as const)('%s', (_, write) => {
  test.each([20 * bytesMax, bytesMax, bytesMax - 100])('a resource of %d bytes', (resourceBytes) => {
    const bytes = received(resourceBytes);
    const requests = write(bytes);
    expect(requests.reduce((sum, { items }) => sum + items, 0)).toBe(count);
    expect(requests.reduce((sum, request) => sum + request.bytes.length, 0)).toBeLessThan(40 * bytes.length);
  });

  test.each([0, bytesMax / 2])('a resource of %d bytes, which leaves room', (resourceBytes) => {
    const requests = write(received(resourceBytes));
    expect(requests.reduce((sum, { items }) => sum + items, 0)).toBe(count);
    for (const request of requests) expect(request.bytes.length).toBeLessThanOrEqual(bytesMax);
  });
});
