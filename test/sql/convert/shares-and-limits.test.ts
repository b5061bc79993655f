import { expect, test } from 'vitest';
import { objects } from '../../support/otlp-json.ts';
import { toOtlp } from '../../support/otap-to-otlp.ts';
import { tailSampling, withoutTailSampling } from '../../support/tail-sampling.ts';
import { generatedTraces } from './generated-traces.ts';
import { keptBy } from './kept-by.ts';
import { andOf } from './tail-sampling-policies.ts';

const traceCount = 5000;
const batches = generatedTraces(traceCount, 161);
const requests = batches.map(toOtlp);
const share = (name: string, percentage: number, salt = ''): Record<string, unknown> => ({ name, type: 'probabilistic', probabilistic: { sampling_percentage: percentage, hash_salt: salt } });

/** Spans, and whether one failed, by trace. */
const facts = new Map<string, { spans: number; hasError: boolean; hasWeb: boolean }>();
for (const resource of requests.flatMap((request) => objects(request.resourceSpans))) {
  const isWeb = JSON.stringify(resource['resource']).includes('"key":"service.name","value":{"stringValue":"web"}');
  for (const span of objects(resource['scopeSpans']).flatMap((scope) => objects(scope['spans']))) {
    const fact = facts.get(String(span['traceId'])) ?? { spans: 0, hasError: false, hasWeb: false };
    facts.set(String(span['traceId']), fact);
    fact.spans++;
    fact.hasError ||= JSON.stringify(span['status']).includes('"code":2');
    fact.hasWeb ||= isWeb;
  }
}

const spansOf = (ids: Iterable<string>): number => [...ids].reduce((sum, id) => sum + (facts.get(id)?.spans ?? 0), 0);

/** Binomial: 4.5 standard deviations, 1 in 150,000 for a true rate. */
function expectRate(kept: number, p: number): void {
  expect(Math.abs(kept - traceCount * p)).toBeLessThan(4.5 * Math.sqrt(traceCount * p * (1 - p)));
}

const shares = [
  { policy: share('p', 25), p: 0.25, threshold: 'c' },
  { policy: share('p', 6.25), p: 0.0625, threshold: 'f' },
  { policy: { name: 'p', type: 'not', not: { not_sub_policy: share('s', 25) } }, p: 0.75, threshold: '4' },
  { policy: andOf('p', [share('a', 50), share('b', 75)]), p: 0.5, threshold: '8' },
  { policy: andOf('p', [share('a', 50, 'x'), share('b', 25, 'y')]), p: 0.125, threshold: 'e' },
];

test.each(shares)('share $p: the rate is within its binomial interval, and ours carries the threshold', async ({ policy, p, threshold }) => {
  const ours = await keptBy([policy], batches);
  expectRate(ours.traces.size, p);
  expect(ours.tracestates.filter((text) => !new RegExp(`(^|,)ot=[^,]*th:${threshold}(;|,|$)`).test(text))).toEqual([]);
});

test.skipIf(withoutTailSampling() !== null)('the processor has these rates too', () => {
  const outcomes = tailSampling(requests, Object.fromEntries(shares.map(({ policy }, index) => [String(index), { policies: [policy] }])));
  shares.forEach(({ p }, index) => expectRate(outcomes.get(String(index))?.kept.length ?? 0, p));
});

test('the interval finds a rate that is wrong', async () => {
  const { traces } = await keptBy([share('p', 30)], batches);
  expect(() => expectRate(traces.size, 0.25)).toThrow();
});

test('a drop policy with a share is a ceiling', async () => {
  const drop = { name: 'd', type: 'drop', drop: { drop_sub_policy: [{ name: 'e', type: 'status_code', status_code: { status_codes: ['ERROR'] } }, share('s', 80)] } };
  const { traces } = await keptBy([{ name: 'all', type: 'always_sample' }, drop], batches);
  const failed = [...facts].filter(([, { hasError }]) => hasError);
  const kept = failed.filter(([id]) => traces.has(id)).length;
  expect(traces.size - kept).toBe(traceCount - failed.length);
  expect(Math.abs(kept - failed.length * 0.2)).toBeLessThan(4.5 * Math.sqrt(failed.length * 0.16));
});

// Windows of 10 s in the SQL: ten times the spans a second. The next trace that does not fit has 12 spans at most.
test('a rate limit keeps up to its budget, and no trace above the burst', async () => {
  const { traces } = await keptBy([{ name: 'r', type: 'rate_limiting', rate_limiting: { spans_per_second: 300, burst_capacity: 8 } }], batches);
  expect(spansOf(traces)).toBeLessThanOrEqual(3000);
  expect(spansOf(traces)).toBeGreaterThan(3000 - 8);
  expect(Math.max(...[...traces].map((id) => facts.get(id)?.spans ?? 0))).toBe(8);
});

test('bytes count as spans of so many bytes', async () => {
  const { traces, findings } = await keptBy([{ name: 'b', type: 'bytes_limiting', bytes_limiting: { bytes_per_second: 100_000 } }], batches);
  expect(spansOf(traces)).toBeLessThanOrEqual(2000);
  expect(spansOf(traces)).toBeGreaterThan(2000 - 12);
  expect(findings.map(({ message }) => message)).toEqual([expect.stringContaining('--bytes-per-span')]);
});

test('composite: each trace uses the budget of the first sub-policy that is for it', async () => {
  const composite = {
    name: 'c', type: 'composite', composite: {
      max_total_spans_per_second: 600, rate_allocation: [{ policy: 'failed', percent: 50 }, { policy: 'web', percent: 10 }],
      composite_sub_policy: [
        { name: 'failed', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
        { name: 'web', type: 'string_attribute', string_attribute: { key: 'service.name', values: ['web'] } },
        { name: 'rest', type: 'always_sample' },
      ],
    },
  };
  const { traces } = await keptBy([composite], batches);
  const of = (isIn: (fact: { hasError: boolean; hasWeb: boolean }) => boolean): number => spansOf([...traces].filter((id) => isIn(facts.get(id) ?? { hasError: false, hasWeb: false })));
  const used = [of(({ hasError }) => hasError), of(({ hasError, hasWeb }) => !hasError && hasWeb), of(({ hasError, hasWeb }) => !hasError && !hasWeb)];
  [3000, 600, 2000].forEach((budget, rule) => {
    expect(used[rule]).toBeLessThanOrEqual(budget);
    expect(used[rule]).toBeGreaterThan(budget - 12);
  });
});
