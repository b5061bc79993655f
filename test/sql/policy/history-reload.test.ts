import { describe, expect, test } from 'vitest';
import { openPolicies } from '../../../src/policies.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { type GivenRecord, type GivenSpan, itemsSeen, randomTrace, recordsMessages, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';
import { type Flow, openFlow } from '../store/support.ts';

const chance = mulberry(4);
const policies = async (...texts: readonly string[]): Promise<readonly CompiledPolicy[]> => (await openPolicies(texts.map((text, index) => ({ name: `p${index}`, text })))).policies;
const windows = { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000 };

/** Feeds windows one after the other; gives how many items each sent. */
function feeder(flow: Flow, signal: 'traces' | 'logs'): (message: Uint8Array) => Promise<number> {
  const stream = flow.processor.intake.open(signal);
  let sent = 0;
  return async (bytes) => {
    expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    await flow.processor.drain();
    expect(flow.tally.firstError).toBeNull();
    const count = itemsSeen(signal, flow.sink.messages(signal)).length;
    const own = count - sent;
    sent = count;
    return own;
  };
}

const spansOf = (window: number): GivenSpan[] => Array.from({ length: 10 }, () => ({ trace: randomTrace(chance), name: 'a', startMs: 1e9 + window * 10_000 }));

describe('history', () => {
  // Keeps everything in a window that remembers another, nothing else.
  const looks = (key: string): string => `-- history: ${key}\nSELECT trace_id, CASE WHEN EXISTS (SELECT 1 FROM history WHERE key = 'a') THEN 1.0 ELSE 0.0 END AS probability FROM traces`;

  test('goes on when policies are loaded again, and begins anew with another key', async () => {
    const flow = await openFlow({ policies: await policies(looks('root_name')), windows });
    const window = feeder(flow, 'traces');
    const messages = spansMessages([0, 1, 2, 3, 4].map(spansOf));
    expect(await window(messages[0])).toBe(0);
    expect(await window(messages[1])).toBe(10);
    flow.processor.usePolicies(await policies(looks('root_name'), 'SELECT trace_id, 0.0 AS probability FROM traces'));
    expect(await window(messages[2])).toBe(10);
    flow.processor.usePolicies(await policies(looks('lower(root_name)')));
    expect(await window(messages[3])).toBe(0);
    expect(await window(messages[4])).toBe(10);
    flow.processor.close();
  });

  test('of records, with those that a hash of their own samples counted as expected', async () => {
    // One trace of 40 records and a sample of 8: it is larger than the sample, so its records are split at p = 8/40.
    const text = `-- history: body\nSELECT id, probability FROM (SELECT unnest(bottom_k(item, 8), recursive := true) FROM logs)
      WHERE NOT EXISTS (SELECT 1 FROM history) UNION ALL
      SELECT id, CASE WHEN h.items = 40 AND h.kept BETWEEN 1 AND 40 AND abs(h.estimate - 40) < 40 THEN 1.0 ELSE 0.0 END FROM logs JOIN history h ON h.key = body`;
    const flow = await openFlow({ policies: await policies(text), setupSql: (await openPolicies([])).setupSql, windows });
    const window = feeder(flow, 'logs');
    const trace = randomTrace(chance);
    const records = (at: number): GivenRecord[] => Array.from({ length: 40 }, () => ({ trace, body: 'x', timeMs: 1e9 + at * 10_000 }));
    const messages = recordsMessages([records(0), records(1)]);
    await window(messages[0]);
    expect(await window(messages[1])).toBe(40);
    flow.processor.close();
  });
});
