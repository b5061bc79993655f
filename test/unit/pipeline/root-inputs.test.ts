import { expect, test } from 'vitest';
import { openPolicies } from '../../../src/policies.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { startProcess } from '../../support/durable-flow.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { type GivenSpan, itemsSeen, randomTrace, type SeenItem, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';

/*
 * Scenario: a process with durability decides a window of traces that were sampled at the head, and is killed before they are delivered.
 * Guarantees: the next process sends the same spans again with the same counts, though what the roots say is not read again.
 */
const windows = { tracesLengthMs: 10_000, tracesWaitMs: 10_000, logsLengthMs: 10_000, rootSays: { served: null } };

function headSampled(): GivenSpan[] {
  const chance = mulberry(5);
  return Array.from({ length: 400 }, () => randomTrace(chance)).flatMap((trace, i): GivenSpan[] => [
    { trace, parent: '02'.repeat(8), name: 'child', startMs: 1000 },
    { trace, startMs: 1000, ...(i % 4 === 0 ? {} : { attributes: { 'jaeger.sampler.type': 'probabilistic', 'jaeger.sampler.param': 1 / 8 } }) },
  ]);
}

function sorted(items: readonly SeenItem[]): string[] {
  return items.map(({ trace, key, count, isUnknown, threshold }) => `${trace} ${key} ${isUnknown ? 'unknown' : count} ${threshold}`).sort();
}

test('what roots said outlives a kill between decision and delivery', async () => {
  const policies = await openPolicies([{ name: 'p', text: 'SELECT trace_id, 0.05 AS probability FROM traces' }]);
  const disk = new FakeDisk(1);
  const first = Object.assign(new CollectingSink(), { settled: () => new Promise<void>(() => {}) });
  const flow = await startProcess(disk, first, 0, { ...policies, windows }, {});
  const stream = flow.processor.intake.open('traces', { withoutThreshold: 'unknown' });
  for (const bytes of spansMessages([headSampled()])) expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
  flow.seam.advanceMs(25_000);
  await flow.processor.advance(flow.seam.nowUnixNano());
  const sent = itemsSeen('traces', first.messages('traces'), 'unknown');
  flow.processor.close();
  const second = new CollectingSink();
  const again = await startProcess(disk.restart('kill'), second, 25_000, { ...policies, windows }, {});
  expect(again.said.recovered).toMatchObject([{ windowsSentAgain: 1, batchesLost: 0 }]);
  again.seam.advanceMs(25_000);
  await again.processor.advance(again.seam.nowUnixNano());
  expect(sorted(itemsSeen('traces', second.messages('traces'), 'unknown'))).toEqual(sorted(sent));
  again.processor.close();
  expect(sent.filter(({ count, isUnknown }) => !isUnknown && Math.abs(count - 20) < 1e-9).length).toBeGreaterThan(20);
  expect(sent.filter(({ isUnknown }) => isUnknown).length).toBeGreaterThan(0);
  expect(sent.every(({ count, isUnknown, threshold }) => threshold === null && (isUnknown || Math.abs(count - 20) < 1e-9))).toBe(true);
});
