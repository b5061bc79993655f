import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { outputBytes } from '../../../src/otap/take/output-size.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { gathererFor } from '../../../src/pipeline/gatherers.ts';
import type { BatchSink } from '../../../src/pipeline/sink.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';

/*
 * Scenario: spans with an attribute of 4 MB each, no two alike, a span a request: rows are few, and what lay compressed in a window is large when it is rebuilt.
 * Guarantees: batches go on when their values come to 32 MiB, and a queue counts them; small ones are gathered as before.
 */
const attributeBytes = 4 << 20;

async function gathered(requests: number, bytes: number): Promise<OutputBatch[]> {
  const batches: OutputBatch[] = [];
  const sink: BatchSink = { name: 'seen', queuedBytes: 0, push: (batch) => Promise.resolve(void batches.push(batch)), dropWhenFull: () => {}, drain: () => Promise.resolve() };
  const gatherer = gathererFor([sink], { signal: 'traces', rowsMax: 1000, onLost: () => {}, hashSeed: 1 });
  for (let index = 0; index < requests; index++) {
    const value = { bytesValue: randomBytes(bytes).toString('base64') };
    const batch = decodeOtlp('traces', otlpBytes('traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'a', attributes: [{ key: 'k', value }] }] }] }] }));
    await gatherer.add(batch, allRows(batch), null);
  }
  await gatherer.flush();
  return batches;
}

test('large values go on before there are many rows, and a queue counts them', async () => {
  const batches = await gathered(18, attributeBytes);
  expect(batches.map(({ rowCount }) => rowCount)).toEqual([8, 8, 2]);
  for (const batch of batches) expect(outputBytes(batch)).toBeGreaterThan(batch.rowCount * attributeBytes);
});

test('small values are gathered to the end, and their pool is not counted batch by batch', async () => {
  const batches = await gathered(18, 100);
  expect(batches.map(({ rowCount }) => rowCount)).toEqual([18]);
  expect(outputBytes(batches[0])).toBeLessThan(18 * 100);
});
