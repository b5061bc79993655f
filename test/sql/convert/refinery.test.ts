import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Json, type JsonObject, object, objects } from '../../support/otlp-json.ts';
import { toOtlp } from '../../support/otap-to-otlp.ts';
import { generatedTraces } from './generated-traces.ts';
import { keptByRefinery } from './kept-by.ts';

type Value = string | number | boolean | undefined;

/** A span as Refinery has it: its fields flat, the span's attributes over its resource's. */
interface FlatSpan {
  readonly isRoot: boolean;
  readonly fields: Readonly<Record<string, Value>>;
}

const batches = generatedTraces(4000, 7);
const traces = new Map<string, FlatSpan[]>();
for (const resource of batches.flatMap((batch) => objects(toOtlp(batch).resourceSpans))) {
  for (const span of objects(resource['scopeSpans']).flatMap((scope) => objects(scope['spans']))) {
    const id = String(span['traceId']);
    const parent = span['parentSpanId'];
    const all = traces.get(id) ?? [];
    traces.set(id, all);
    all.push({
      isRoot: parent === undefined || parent === null || parent === '',
      fields: {
        ...flat(objects(object(resource['resource'])['attributes'])), ...flat(objects(span['attributes'])),
        name: String(span['name'] ?? ''), ...(object(span['status'])['code'] === 2 ? { error: true } : {}),
        duration_ms: Number(BigInt(String(span['endTimeUnixNano'])) - BigInt(String(span['startTimeUnixNano']))) / 1e6,
      },
    });
  }
}

function flat(attributes: readonly JsonObject[]): Record<string, Value> {
  return Object.fromEntries(attributes.map(({ key, value }) => [String(key), valueOf(object(value))]));
}

function valueOf({ stringValue, intValue, boolValue }: JsonObject): Value {
  const plain = (value: Json | undefined): boolean => value !== undefined && value !== null;
  if (plain(stringValue)) return String(stringValue);
  return plain(intValue) ? Number(intValue) : boolValue === true;
}

const sampler = parse(`
RulesBasedSampler:
  Rules:
    - { Name: health, Drop: true, Conditions: [{ Field: root.http.url, Operator: '=', Value: /health }] }
    - Name: failed again
      SampleRate: 1
      Scope: span
      Conditions: [{ Field: error, Operator: exists }, { Field: app.retries, Operator: '>=', Value: 2, Datatype: int }]
    - { Name: other tiers, Drop: true, Conditions: [{ Field: app.tier, Operator: in, Value: [bronze, goldfish] }, { Field: duration_ms, Operator: '<', Value: 90.5 }] }
    - { Name: unlike, SampleRate: 1, Conditions: [{ Field: root.app.tier, Operator: '!=', Value: gold, Datatype: string }, { Field: name, Operator: does-not-contain, Value: GET }] }
    - { Name: rest, Drop: true, Conditions: [{ Operator: has-root-span, Value: true }] }
`);

/** The rules by hand: the name of the one that a trace goes by. */
function ruleOf(spans: readonly FlatSpan[]): string {
  const root = spans.find(({ isRoot }) => isRoot);
  const any = (holds: (fields: FlatSpan['fields']) => boolean): boolean => spans.some(({ fields }) => holds(fields));
  if (root?.fields['http.url'] === '/health') return 'health';
  if (any(({ error, 'app.retries': retries }) => error === true && typeof retries === 'number' && retries >= 2)) return 'failed_again';
  if (any(({ 'app.tier': tier }) => tier === 'bronze' || tier === 'goldfish') && any(({ duration_ms: duration }) => Number(duration) < 90.5)) return 'other_tiers';
  if (root !== undefined && root.fields['app.tier'] !== 'gold' && any(({ name }) => !String(name).includes('GET'))) return 'unlike';
  return root === undefined ? 'no_rule_matched' : 'rest';
}

test('each trace goes by the first rule that is for it', async () => {
  const { traces: kept, byPolicy, findings } = await keptByRefinery(sampler, batches);
  expect(findings).toEqual([]);
  const expected = new Map<string, string[]>();
  for (const [id, spans] of traces) expected.set(ruleOf(spans), [...expected.get(ruleOf(spans)) ?? [], id]);
  expect([...expected.values()].every((ids) => ids.length > 20), 'every rule has traces').toBe(true);
  expect(expected.size).toBe(6);
  for (const rule of ['failed_again', 'unlike', 'no_rule_matched']) expect([...byPolicy.get(rule) ?? []].sort(), rule).toEqual((expected.get(rule) ?? []).sort());
  for (const rule of ['health', 'other_tiers', 'rest']) expect((expected.get(rule) ?? []).filter((id) => kept.has(id)), rule).toEqual([]);
});

/** Spans by the root's name, of traces that have a root. */
function spansByName(ids: Iterable<string>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const id of ids) {
    const spans = traces.get(id) ?? [];
    const name = String(spans.find(({ isRoot }) => isRoot)?.fields['name'] ?? '');
    sums.set(name, (sums.get(name) ?? 0) + spans.length);
  }
  return sums;
}

/** Kept spans are about the goal: the spread of a sum of traces of up to 12 spans, five standard deviations. */
function expectAbout(kept: number, goal: number): void {
  expect(Math.abs(kept - goal)).toBeLessThan(5 * Math.sqrt(goal * 8));
}

test('TotalThroughputSampler gives each key an equal part of the goal', async () => {
  const { traces: kept } = await keptByRefinery({ TotalThroughputSampler: { GoalThroughputPerSec: 200, FieldList: ['root.name'] } }, batches);
  const sums = spansByName(kept);
  expect(sums.size).toBe(4);
  for (const sum of sums.values()) expectAbout(sum, 2000 / 4);
});

test('DynamicSampler keeps one in so many spans, shared by the logarithm of each key\'s', async () => {
  const { traces: kept } = await keptByRefinery({ DynamicSampler: { SampleRate: 8, FieldList: ['root.name'] } }, batches);
  const arrived = spansByName(traces.keys());
  const sums = spansByName(kept);
  const total = [...arrived.values()].reduce((a, b) => a + b, 0);
  const logarithms = [...arrived.values()].reduce((a, b) => a + Math.log(1 + b), 0);
  for (const [name, n] of arrived) expectAbout(sums.get(name) ?? 0, ((total / 8) * Math.log(1 + n)) / logarithms);
});

test.each([
  { EMAThroughputSampler: { GoalThroughputPerSec: 150, FieldList: ['root.kind_of_team'] } },
  { WindowedThroughputSampler: { GoalThroughputPerSec: 150, LookbackFrequency: '20s', FieldList: ['root.kind_of_team'] } },
  { EMADynamicSampler: { GoalSampleRate: 5, FieldList: ['root.kind_of_team'] } },
])('%j keeps what is new, and holds its goal from the second window on', async (rules) => {
  const windows = [0, 1, 2].map((window) => generatedTraces(1500, 30 + window, window));
  const { traces: kept } = await keptByRefinery(rules, windows.flat());
  const spans = windows.map((all) => {
    const ids = all.flatMap((batch) => objects(toOtlp(batch).resourceSpans)).flatMap((resource) => objects(resource['scopeSpans'])).flatMap((scope) => objects(scope['spans'])).map(({ traceId }) => String(traceId));
    return { came: ids.length, kept: ids.filter((id) => kept.has(id)).length };
  });
  expect(spans[0].kept).toBe(spans[0].came);
  for (const { came, kept: sum } of spans.slice(1)) expectAbout(sum, 'EMADynamicSampler' in rules ? came / 5 : 1500);
});

test('DeterministicSampler and SampleRate keep one in so many traces', async () => {
  for (const rules of [{ DeterministicSampler: { SampleRate: 4 } }, { RulesBasedSampler: { Rules: [{ Name: 'r', SampleRate: 4 }] } }]) {
    const { traces: kept, tracestates } = await keptByRefinery(rules, batches);
    expect(Math.abs(kept.size - 1000)).toBeLessThan(4.5 * Math.sqrt(4000 * 0.25 * 0.75));
    expect(tracestates.every((text) => text.includes('th:c'))).toBe(true);
  }
});
