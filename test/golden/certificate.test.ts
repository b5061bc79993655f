import { describe, expect, test } from 'vitest';
import { findingsOf } from '../../src/audit/findings.ts';
import { StreamAudit } from '../../src/audit/stream-audit.ts';
import { StreamPair } from '../../src/audit/stream-pair.ts';
import { defaultHashKey, realSeam } from '../../src/base/seam.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import type { CertificateSum } from '../../src/pipeline/certificate-tally.ts';
import type { ProcessorOptions } from '../../src/pipeline/processor.ts';
import { openPolicies } from '../../src/policies.ts';
import { KeyedHash } from '../../src/sampling/keyed-hash.ts';
import type { SampledSignal } from '../../src/store/slot-plan.ts';
import { visitFixedBytes } from '../../src/store/field-readers.ts';
import { type Flow, flowThrough } from '../sql/store/support.ts';
import { readCapture } from '../support/captures.ts';

/**
 * Scenario: captures through the whole pipeline, certified; the streams before and after are then read by `audit`, which shares
 * nothing with the certificate's queries.
 * Guarantees: truth, estimate and variance of both agree by service; the output of every capture audits clean.
 */

const service = { source: 'resource', key: 'service.name', type: 'VARCHAR' } as const;
const windows = { tracesLengthMs: 3_600_000, tracesWaitMs: 1000, logsLengthMs: 3_600_000 };

const tenthAndErrors = 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error UNION ALL SELECT trace_id, 0.1 FROM traces';
const reservoir = 'SELECT unnest(weighted_reservoir_sample(item, adjusted_count, 40), recursive := true) FROM traces GROUP BY root_service';
const tracesBottomK = 'SELECT unnest(bottom_k(item, 200), recursive := true) FROM traces';
const logsQuarter = 'SELECT id, 0.25 AS probability FROM logs';
const logsBottomK = 'SELECT unnest(bottom_k(item, 100), recursive := true) FROM logs GROUP BY service_name';

async function flowOf(signal: SampledSignal, messages: readonly Uint8Array[], texts: readonly string[], options: Partial<ProcessorOptions> = {}): Promise<Flow> {
  const { policies, setupSql } = await openPolicies(texts.map((text, index) => ({ name: `p${index}`, text })));
  const flow = await flowThrough(signal, messages, {
    policies, setupSql, windows, seam: realSeam({ firstBatchOrdinal: 0 }), extraKeys: [service], certificate: { services: true, policies: true }, ...options });
  expect(flow.tally.firstError).toBeNull();
  return flow;
}

function paired(signal: SampledSignal, before: readonly Uint8Array[], after: readonly Uint8Array[]): StreamPair {
  const pair = new StreamPair(new KeyedHash(defaultHashKey));
  const left = new OtapStreamDecoder(signal);
  for (const message of after) pair.addAfter(left.decode(message));
  const came = new OtapStreamDecoder(signal);
  for (const message of before) pair.addBefore(came.decode(message));
  return pair;
}

function faultsOf(signal: SampledSignal, messages: readonly Uint8Array[]): string[] {
  const audit = new StreamAudit(new KeyedHash(defaultHashKey));
  const decoder = new OtapStreamDecoder(signal);
  for (const message of messages) audit.add(decoder.decode(message));
  return findingsOf(audit.services.values(), 'items', 0.001).filter(({ severity }) => severity === 'fault').map(({ service: name, kind }) => `${name} ${kind}`);
}

function sumsOf({ tally }: Flow, policy: string): CertificateSum[] {
  return [...tally.certificates.sums].filter((sum) => sum.policy === policy);
}

describe('what leaves is what the certificate says', () => {
  test.each([
    ['traces_zstd', 'traces', [tenthAndErrors]], ['traces_zstd', 'traces', [tenthAndErrors, reservoir]], ['traces_zstd', 'traces', [tracesBottomK]],
    ['traces_tiny_nozstd', 'traces', [reservoir]], ['collector_traces', 'traces', [tenthAndErrors]],
    ['logs_zstd', 'logs', [logsQuarter]], ['rust/rust_logs', 'logs', [logsBottomK]], ['rust/rust_logs', 'logs', [logsQuarter, logsBottomK]],
  ] as const)('%s: %s by %j', async (name, signal, texts) => {
    const input = readCapture(name);
    const flow = await flowOf(signal, input, texts);
    const output = flow.sink.messages(signal);
    const sums = sumsOf(flow, '(all)');
    const pairs = paired(signal, input, output).services;
    expect(sums.map(({ key }) => key).sort()).toEqual(pairs.map(({ name: key }) => key).sort());
    for (const pair of pairs) {
      const sum = sums.find(({ key }) => key === pair.name);
      expect(sum?.came).toBeCloseTo(pair.truth, 6);
      expect(sum?.estimate).toBeCloseTo(pair.estimate, 4);
      expect((sum?.variance ?? 0) / Math.max(1, pair.variance)).toBeCloseTo(Math.min(1, pair.variance), 6);
    }
    expect(faultsOf(signal, output)).toEqual([]);
    expect(sums.every(({ verdict }) => verdict === 'fine')).toBe(true);
  });

  test('a second tier on sampled input', async () => {
    const first = (await flowOf('traces', readCapture('traces_zstd'), ['SELECT trace_id, 0.25 AS probability FROM traces'])).sink.messages('traces');
    const flow = await flowOf('traces', first, [tenthAndErrors, reservoir]);
    const [whole] = paired('traces', first, flow.sink.messages('traces')).services;
    const [sum] = sumsOf(flow, '(all)');
    expect(sum.came).toBeCloseTo(whole.truth, 4);
    expect(sum.estimate).toBeCloseTo(whole.estimate, 4);
    expect(sum.variance / whole.variance).toBeCloseTo(1, 2);
    expect(faultsOf('traces', flow.sink.messages('traces'))).toEqual([]);
  });

  test('what no policy names is left out of the truth, and said to be', async () => {
    const flow = await flowOf('logs', readCapture('rust/rust_logs'), ['SELECT id, 0.5 AS probability FROM logs WHERE severity_number >= 9']);
    const [sum] = sumsOf(flow, '(all)');
    expect(sum.came).toBe(10_000);
    expect(sum.truth).toBeLessThan(9000);
    expect(sum.verdict).toBe('fine');
  });

  test('nothing is certified where it is off, or where the fallback had a say', async () => {
    const off = await flowThrough('logs', readCapture('logs_zstd').slice(0, 2), { policies: (await openPolicies([{ name: 'p', text: logsQuarter }])).policies, windows });
    expect([...off.tally.certificates.sums]).toEqual([]);
  });
});

describe('records with a randomness of their own', () => {
  const record = { logRandomness: 'record' } as const;

  /** How many records of each trace are kept. */
  function perTrace(messages: readonly Uint8Array[]): Map<string, number> {
    const counts = new Map<string, number>();
    const decoder = new OtapStreamDecoder('logs');
    for (const message of messages) {
      const batch = decoder.decode(message);
      const column = batch.table('LOGS')?.column('trace_id') ?? null;
      if (column === null) continue;
      visitFixedBytes(column, (_row, data, offset) => {
        const id = Buffer.from(data.subarray(offset, offset + 16)).toString('hex');
        counts.set(id, (counts.get(id) ?? 0) + 1);
      });
    }
    return counts;
  }

  const splits = (before: Map<string, number>, after: Map<string, number>): number => [...after].filter(([id, count]) => count < (before.get(id) ?? 0)).length;

  test('are decided one by one, say their randomness, and a second tier agrees', async () => {
    const input = readCapture('rust/rust_logs');
    const came = perTrace(input);
    const byTrace = (await flowOf('logs', input, [logsQuarter])).sink.messages('logs');
    expect(splits(came, perTrace(byTrace))).toBe(0);
    const first = await flowOf('logs', input, [logsQuarter], record);
    const kept = first.sink.messages('logs');
    expect(splits(came, perTrace(kept))).toBeGreaterThan(100);
    expect(faultsOf('logs', kept)).toEqual([]);
    const [sum] = sumsOf(first, '(all)');
    expect(sum.verdict).toBe('fine');
    const [again, alone] = [await flowOf('logs', kept, ['SELECT id, 0.1 AS probability FROM logs'], record), await flowOf('logs', input, ['SELECT id, 0.1 AS probability FROM logs'], record)];
    expect(again.tally.bySignal.logs.kept).toBe(alone.tally.bySignal.logs.kept);
    expect(again.tally.bySignal.logs.estimate).toBeCloseTo(alone.tally.bySignal.logs.estimate, 4);
    const lax = await flowOf('logs', kept, ['SELECT id, 0.5 AS probability FROM logs'], record);
    expect(lax.tally.bySignal.logs.kept).toBe(first.tally.bySignal.logs.kept);
  });
});
