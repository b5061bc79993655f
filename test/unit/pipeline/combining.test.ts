import { describe, expect, test } from 'vitest';
import { realSeam } from '../../../src/base/seam.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { checkCombination } from '../../../src/pipeline/combining.ts';
import { MetricsObserver } from '../../../src/pipeline/metrics-observer.ts';
import type { ProcessorOptions } from '../../../src/pipeline/processor.ts';
import type { PolicyCounts } from '../../../src/pipeline/policy-counts.ts';
import { TallyObserver } from '../../../src/pipeline/tally.ts';
import type { WindowDecision } from '../../../src/pipeline/window-decision.ts';
import { openPolicies } from '../../../src/policies.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { MetricRegistry } from '../../../src/telemetry/metrics.ts';
import { metrics } from '../../../src/telemetry/declared.ts';
import { CollectingSink, feed, type Flow, openFlow } from '../../sql/store/support.ts';
import { decodeOwn } from '../../support/reencode.ts';
import { recordsMessages } from '../../support/given-messages.ts';
import { object, objects } from '../../support/otlp-json.ts';
import { batchOf } from '../../support/random-batch.ts';
import { itemsOf } from '../../golden/kept-support.ts';
import { type SpanSpec, spanMessages } from './synthetic.ts';

/** Remembers what was decided. */
class Remembering extends TallyObserver {
  readonly decisions: WindowDecision[] = [];

  override decided(...args: Parameters<TallyObserver['decided']>): void {
    super.decided(...args);
    this.decisions.push(args[1]);
  }
}

interface Kept {
  readonly flow: Flow;
  /** `name count policies` of each kept item, sorted. */
  readonly lines: readonly string[];
  readonly policies: readonly PolicyCounts[];
}

async function run(signal: 'traces' | 'logs', messages: readonly Uint8Array[], sql: readonly string[], options: Partial<ProcessorOptions> = {}): Promise<Kept> {
  const observer = new Remembering();
  const compiled = await openPolicies(sql.map((text, index) => ({ name: `p${index}`, text })));
  const flow = await openFlow({ ...compiled, observer, hasPolicyAttribute: true, ...options });
  try {
    for (const { ack } of await feed(flow, signal, messages)) expect(ack.status).toBe('OK');
    await flow.processor.drain();
  } finally {
    flow.processor.close();
  }
  return { flow, lines: linesOf(signal, flow.sink), policies: observer.decisions.flatMap((decision) => decision.policies) };
}

function linesOf(signal: Signal, sink: CollectingSink): string[] {
  return decodeOwn(signal, sink.messages(signal)).flatMap(itemsOf).map((item) => {
    const value = (key: string): unknown => Object.values(object(objects(item['attributes']).find((attribute) => attribute['key'] === key)?.['value']))[0];
    const name = item['name'] ?? object(item['body'])['stringValue'];
    return `${String(name)} ${String(value('sampling.adjusted_count'))} ${String(value('sampling.policy'))}`;
  }).sort();
}

const span = (trace: number | string, name: string, startMs = 1000): SpanSpec => ({ trace, name, startMs });
const spans = spanMessages([[span(1, 'a'), span(2, 'b'), span(2, 'b2'), span(3, 'c')]]);
const named = (name: string, p: number, mode = 'enforce'): string => `-- mode: ${mode}\nSELECT trace_id, ${p}::DOUBLE AS probability FROM traces WHERE root_name = '${name}'`;
const failing = (mode: string): string => `-- mode: ${mode}\nSELECT trace_id, CASE WHEN span_count > 0 THEN 7.0 ELSE 1.0 END AS probability FROM traces`;

describe('traces', () => {
  test('a union: each says its own, the greatest probability counts', async () => {
    const { lines, policies } = await run('traces', spans, [named('a', 0.5), named('a', 0.25), named('b', 1)]);
    expect(lines).toEqual(['a 2 p0,p1', 'b 1 p2', 'b2 1 p2']);
    expect(policies.map(({ name, named: units, kept, estimate, marginal }) => [name, units, kept, estimate, marginal])).toEqual([['p0', 1, 1, 2, 0], ['p1', 1, 1, 4, 0], ['p2', 1, 2, 2, 2]]);
  });

  test('first_match goes by what is named, kept or not', async () => {
    const low = { ...span('000000000000000001' + '00000000000001', 'low') };
    const messages = spanMessages([[low, span(1, 'a')]]);
    const sql = ["SELECT trace_id, 0.5 AS probability FROM traces WHERE root_name = 'low'", 'SELECT trace_id, 1.0 AS probability FROM traces'];
    expect((await run('traces', messages, sql)).lines).toEqual(['a 1 p1', 'low 1 p1']);
    const { lines, policies } = await run('traces', messages, sql, { combine: 'first_match' });
    expect(lines).toEqual(['a 1 p1']);
    expect(policies.map(({ named: units, kept }) => [units, kept])).toEqual([[1, 0], [1, 1]]);
  });

  test.each(['SELECT unnest(bottom_k(item, 5), recursive := true) FROM traces', 'SELECT weighted_reservoir_sample(item, adjusted_count, 5) FROM traces GROUP BY root_name'])('first_match refuses %s', async (text) => {
    const compiled = await openPolicies([{ name: 'sample', text }]);
    await expect(openFlow({ ...compiled, combine: 'first_match' })).rejects.toThrow(/^policy sample: (bottom_k|weighted_reservoir_sample) names only what is in its sample.*write \1_every, which names every row$/);
    const flow = await openFlow({ combine: 'first_match' });
    expect(() => flow.processor.usePolicies(compiled.policies)).toThrow(/_every, which names every row/);
    flow.processor.close();
    (await openFlow({ ...compiled, combine: 'union' })).processor.close();
  });

  test('first_match refuses what names records of kept traces, but for the last', async () => {
    const ofKept = 'SELECT l.id, k.probability FROM logs l JOIN kept_traces k USING (trace_id)';
    const other = 'SELECT id, 1.0 AS probability FROM logs WHERE severity_number > 12';
    const { policies } = await openPolicies([ofKept, other, 'SELECT trace_id, 1.0 AS probability FROM traces'].map((text, index) => ({ name: `p${index}`, text })));
    expect(() => checkCombination(policies, 'first_match')).toThrow(/^policy p0: it names only records of kept traces.*put it last/);
    expect(() => checkCombination([policies[1], policies[0], policies[2]], 'first_match')).not.toThrow();
    expect(() => checkCombination(policies, 'union')).not.toThrow();
  });

  test('first_match takes what names every row: what a sample leaves out is not left to the next', async () => {
    const messages = spanMessages([[span(1, 'a'), span('000000000000000002fffffffffffffe', 'b'), span('000000000000000003fffffffffffffd', 'c')]]);
    const sql = ["SELECT unnest(bottom_k_every(item, 1), recursive := true) FROM traces WHERE root_name <> 'c'", 'SELECT trace_id, 1.0 AS probability FROM traces'];
    expect((await run('traces', messages, sql, { combine: 'first_match' })).lines.map((line) => line.replace(/ .* /, ' '))).toEqual(['a p0', 'c p1']);
  });

  test('what is dropped is in no view and uses no budget; a smaller ceiling holds', async () => {
    const all = ['traces', 'spans'].map((view) => `SELECT trace_id, CASE WHEN (SELECT count(*) FROM ${view}) = 2 THEN 1.0 ELSE 2.0 END AS probability FROM traces`);
    const { lines, policies } = await run('traces', spans, ['-- mode: drop\nSELECT trace_id FROM traces WHERE root_name = \'b\'', named('a', 0.5, 'drop'), named('a', 0.125, 'drop'), ...all]);
    expect(lines).toEqual(['a 8 p3,p4', 'c 1 p3,p4']);
    expect(policies.map(({ name, mode, named: units, kept, estimate, marginal, error }) => [name, mode, units, kept, estimate, marginal, error])).toEqual([
      ['p0', 'drop', 1, 0, 0, 0, null], ['p1', 'drop', 1, 1, 2, 0, null], ['p2', 'drop', 1, 1, 8, 0, null],
      ['p3', 'enforce', 2, 2, 9, 0, null], ['p4', 'enforce', 2, 2, 9, 0, null],
    ]);
    const sample = ['-- mode: drop\nSELECT trace_id FROM traces WHERE root_name = \'b\'', 'SELECT unnest(bottom_k(item, 2), recursive := true) FROM traces'];
    expect((await run('traces', spanMessages([[span(1, 'a'), span('000000000000000002fffffffffffffe', 'b'), span('000000000000000003fffffffffffffd', 'c')]]), sample)).lines).toEqual(['a 1 p1', 'c 1 p1']);
  });

  test('span_events and star tables are without what is dropped', async () => {
    const drop = "-- mode: drop\nSELECT trace_id FROM traces WHERE root_name = 'b'";
    const messages = spanMessages([[{ ...span(1, 'a'), attributes: { key: 'x' } }, { ...span(2, 'b'), attributes: { key: 'y' } }]]);
    const count = "SELECT trace_id, CASE WHEN (SELECT count(*) FROM span_attrs WHERE key = 'key') = 1 AND (SELECT count(*) FROM span_events) = 0 THEN 1.0 ELSE 2.0 END AS probability FROM traces";
    expect((await run('traces', messages, [drop, count])).lines).toEqual(['a 1 p1']);
  });

  test('late spans and those that came during the decision say what their trace says', async () => {
    const messages = spanMessages([[span(1, 'a'), span(2, 'b')], [span(9, 'far', 200_000)], [span(1, 'late a'), span(2, 'late b')]]);
    const { lines } = await run('traces', messages, [named('a', 0.5), named('a', 1), named('far', 1)]);
    expect(lines).toEqual(['a 1 p0,p1', 'far 1 p2', 'late a 1 p0,p1']);
  });
});

describe('policies that fail', () => {
  const fallback = { n: 2n ** 54n };

  test('in a union: its items by the fallback beside what the others say', async () => {
    const { lines, policies } = await run('traces', spans, [failing('enforce'), named('a', 0.5)], { fallback });
    expect(lines).toEqual(['a 2 fallback,p1', 'b 4 fallback', 'b2 4 fallback', 'c 4 fallback']);
    expect(policies.map(({ kept, estimate, marginal, error }) => [kept, estimate, marginal, error])).toEqual([[4, 16, 3, 'policy_failed'], [1, 2, 0, null]]);
  });

  test('under first_match: all that no earlier policy named, by the fallback', async () => {
    const { lines } = await run('traces', spans, [named('a', 0.5), failing('enforce'), named('b', 1)], { fallback, combine: 'first_match' });
    expect(lines).toEqual(['a 2 p0', 'b 4 fallback', 'b2 4 fallback', 'c 4 fallback']);
  });

  test('the fallback keeps to ceilings', async () => {
    const { lines } = await run('traces', spans, [named('a', 0.125, 'drop'), named('b', 0, 'drop'), failing('enforce')], { fallback });
    expect(lines).toEqual(['a 8 fallback', 'c 4 fallback']);
  });

  test('a drop policy: its ceilings are not applied; a shadow policy: nothing', async () => {
    const { lines, policies } = await run('traces', spans, [failing('drop'), failing('shadow'), named('a', 0.5)], { fallback });
    expect(lines).toEqual(['a 2 p2']);
    expect(policies.map(({ mode, named: units, error }) => [mode, units, error])).toEqual([['drop', 0, 'policy_failed'], ['shadow', 0, 'policy_failed'], ['enforce', 1, null]]);
  });
});

describe('log records', () => {
  const logs = (names: readonly string[]): Uint8Array => {
    const encoder = new OtapStreamEncoder('logs', { bodyCompression: 'none', zstdLevel: 1 });
    const builder = new OutputBatchBuilder('logs');
    const batch = batchOf('logs', {
      LOGS: names.map((name, index) => ({
        'id': index, 'resource.id': 0, 'scope.id': 0, 'time_unix_nano': 1_000_000_000n, 'trace_id': Buffer.from(`${(index + 1).toString(16).padStart(18, '0')}${'f'.repeat(13)}${(15 - index).toString(16)}`, 'hex'),
        'severity_number': 9, 'body.type': 1, 'body.str': name,
      })),
      RESOURCE_ATTRS: [{ parent_id: 0, key: 'service.name', type: 1, str: 'test' }],
    });
    builder.append(batch, allRows(batch), null);
    return encoder.encode(0n, builder.finish());
  };
  const body = (name: string, p: number, mode = 'enforce'): string => `-- mode: ${mode}\nSELECT id, ${p}::DOUBLE AS probability FROM logs WHERE body = '${name}'`;

  test('union, ceilings, shadow and fallback', async () => {
    const broken = "SELECT id, CASE WHEN body = 'c' THEN 7.0 ELSE 1.0 END AS probability FROM logs";
    const { lines, policies } = await run('logs', [logs(['a', 'b', 'c', 'd'])], [body('a', 0.5), body('d', 0, 'drop'), body('b', 0.125, 'drop'), body('a', 1, 'shadow'), body('b', 1), broken], { fallback: { n: 2n ** 54n } });
    expect(lines).toEqual(['a 2 p0,fallback', 'b 8 p4,fallback', 'c 4 fallback']);
    expect(policies.map(({ name, named: units, kept, estimate, marginal, error }) => [name, units, kept, estimate, marginal, error])).toEqual([
      ['p0', 1, 1, 2, 0, null], ['p1', 1, 0, 0, 0, null], ['p2', 1, 1, 8, 0, null], ['p3', 1, 1, 1, 0, null], ['p4', 1, 1, 8, 0, null], ['p5', 3, 3, 16, 1, 'policy_failed'],
    ]);
    expect(policies.every(({ kept, bytes }) => (kept > 0) === (bytes > 0))).toBe(true);
  });

  test('what is dropped is in no view and uses no budget', async () => {
    const sample = ['-- mode: drop\nSELECT id FROM logs WHERE body IN (\'a\', \'b\')', 'SELECT unnest(bottom_k(item, 2), recursive := true) FROM logs',
      "SELECT l.id, 1.0 AS probability FROM logs l WHERE (SELECT count(*) FROM logs) <> 2"];
    expect((await run('logs', [logs(['a', 'b', 'c', 'd'])], sample)).lines).toEqual(['c 1 p1', 'd 1 p1']);
  });

  test('records of a trace larger than the sample are counted', async () => {
    const registry = new MetricRegistry();
    const observer = new MetricsObserver(registry, createLogger({ seam: realSeam(), level: 'error', format: 'json', write: () => undefined }));
    const trace = (n: number): string => `${'a'.repeat(18)}${n.toString(16).padStart(14, '0')}`;
    const records = Array.from({ length: 12 }, (_, i) => ({ trace: trace(i < 9 ? 7 : i), timeMs: 1000 + i, body: i < 9 ? 'one' : 'other' }));
    const samples = ['split', 'keep', 'drop'].map((oversize) => `SELECT unnest(bottom_k(item, 5, oversize := '${oversize}'), recursive := true) FROM logs`);
    await run('logs', recordsMessages([records]), samples, { observer });
    const value = (definition: Parameters<MetricRegistry['value']>[0], policy: string): number => registry.value(definition, { signal: 'logs', policy, mode: 'enforce' });
    expect(['p0', 'p1', 'p2'].map((policy) => [value(metrics.policyOversize, policy), value(metrics.policyUnitsNamed, policy)])).toEqual([[9, 12], [0, 12], [0, 3]]);
  });

  test('first_match', async () => {
    const { lines, policies } = await run('logs', [logs(['a', 'b'])], [body('a', 0), body('a', 1), body('b', 0.5), body('b', 1)], { combine: 'first_match' });
    expect(lines).toEqual(['b 2 p2']);
    expect(policies.map(({ named: units, kept }) => [units, kept])).toEqual([[1, 0], [0, 0], [1, 1], [0, 0]]);
  });
});

test('metrics of each policy', async () => {
  const registry = new MetricRegistry();
  const written: string[] = [];
  const observer = new MetricsObserver(registry, createLogger({ seam: realSeam(), level: 'error', format: 'json', write: (line) => written.push(line) }));
  await run('traces', spans, [named('a', 0.5), named('b', 1, 'shadow'), failing('drop')], { observer });
  const value = (definition: Parameters<MetricRegistry['value']>[0], policy: string, mode: string): number => registry.value(definition, { signal: 'traces', policy, mode });
  expect([metrics.policyWindows, metrics.policyUnitsNamed, metrics.policyItemsKept, metrics.policyItemsEstimated, metrics.policyItemsMarginal].map((metric) => value(metric, 'p0', 'enforce'))).toEqual([1, 1, 1, 2, 1]);
  expect([metrics.policyUnitsNamed, metrics.policyItemsKept, metrics.policyItemsMarginal].map((metric) => value(metric, 'p1', 'shadow'))).toEqual([1, 2, 2]);
  expect(value(metrics.policyBytesKept, 'p1', 'shadow')).toBeCloseTo(2 * value(metrics.policyBytesKept, 'p0', 'enforce'), 9);
  expect(registry.value(metrics.policyFailures, { policy: 'p2', reason: 'policy_failed' })).toBe(1);
  expect(registry.value(metrics.windowsDecided, { signal: 'traces', by: 'policy' })).toBe(1);
  expect(written).toHaveLength(1);
  expect(JSON.parse(written[0])).toMatchObject({ reason: 'policy_failed', policy: 'p2', code: 'policy_failed', message: expect.stringMatching(/^policy p2 failed, its ceilings were not applied: /) });
});
