import { expect, test } from 'vitest';
import { openPolicies } from '../../src/policies.ts';
import { openFlow } from '../sql/store/support.ts';
import { readCaptureFile } from '../support/captures.ts';
import { itemsSeen, type SeenItem, shareOf } from '../support/given-messages.ts';

/**
 * Scenario: what opentelemetry-go sent of 60,000 traces of two services, of which its sampler jaegerremote, told 1/100, let some through (test/support/go/jaegerspans). It writes
 * its rate on the roots alone; the other service's spans come first.
 * Guarantees (sampling.md, rule 23): with `unknown_input: root` all spans stand for the 60,000, before and after sampling at the tail.
 * Controls: taken as unsampled they stand for themselves; and the traces' own randomness is not uniform any more, so that it can decide nothing.
 */
const begun = 60_000;
const spansOfTrace = 3;

function requests(): Uint8Array[] {
  const bytes = readCaptureFile('jaegerremote_go.otlp.gz');
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    out.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return out;
}

async function kept(sql: string, withoutThreshold: 'unknown' | 'unsampled'): Promise<readonly SeenItem[]> {
  const windows = { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000, rootSays: { served: null } };
  const flow = await openFlow({ ...(await openPolicies([{ name: 'p', text: sql }])), time: 'arrival', windows });
  try {
    const stream = flow.processor.intake.openOtlp('traces', { withoutThreshold });
    for (const bytes of requests().reverse()) expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).status).toBe('OK');
    await flow.processor.drain();
    expect(flow.tally.firstError).toBeNull();
    return itemsSeen('traces', flow.sink.messages('traces'), withoutThreshold);
  } finally {
    flow.processor.close();
  }
}

/** How far an estimate is from what was begun, in standard errors of `tracesKept` traces of equal counts, kept by chance. */
function z(items: readonly SeenItem[]): number {
  const sum = items.reduce((total, { count }) => total + count, 0);
  const tracesKept = new Set(items.map(({ trace }) => trace)).size;
  return (sum / (spansOfTrace * begun) - 1) * Math.sqrt(tracesKept);
}

test('spans of both services stand for all traces by the root\'s word', async () => {
  const items = await kept('SELECT trace_id, 1.0 AS probability FROM traces', 'unknown');
  expect(items.length).toBe(spansOfTrace * new Set(items.map(({ trace }) => trace)).size);
  expect(items.every(({ count, threshold, isUnknown }) => Math.abs(count - 100) < 1e-9 && threshold === null && !isUnknown)).toBe(true);
  expect(Math.abs(z(items))).toBeLessThan(4);
});

test('and so do those that the tail keeps, in whole traces', async () => {
  const items = await kept('SELECT trace_id, 0.005 AS probability FROM traces', 'unknown');
  expect(items.length).toBe(spansOfTrace * new Set(items.map(({ trace }) => trace)).size);
  expect(items.every(({ count }) => Math.abs(count - 200) < 1e-9)).toBe(true);
  expect(items.length).toBeGreaterThan(3 * 200);
  expect(Math.abs(z(items))).toBeLessThan(4);
});

test('control: taken as unsampled they stand for themselves', async () => {
  const items = await kept('SELECT trace_id, 1.0 AS probability FROM traces', 'unsampled');
  expect(z(items)).toBeLessThan(-20);
  expect(new Set(items.map(({ count }) => count))).toEqual(new Set([1]));
});

test('control: what this sampler keeps is not uniform in the traces\' own randomness', async () => {
  const items = await kept('SELECT trace_id, 1.0 AS probability FROM traces', 'unsampled');
  const shares = items.map(({ trace }) => shareOf(trace));
  // Below 1/100 the first of the id's last 8 bytes is 0 or 1, or 2 and the rest, R, in the lower 56 %: (2 * 0.44) / 2.56 = 0.34 of what is kept is above that.
  const upper = shares.filter((share) => share < 0.44).length / shares.length;
  expect(upper).toBeLessThan(0.40);
});
