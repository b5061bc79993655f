import { describe, expect, test } from 'vitest';
import type { HeadKeyCounts, HeadWindow } from '../../../src/pipeline/head-counts.ts';
import { openPolicies } from '../../../src/policies.ts';
import { flowThrough } from '../../sql/store/support.ts';
import { serviceMessages, type ServiceSpan, traceOfR } from '../../support/service-spans.ts';

const one = 2n ** 56n;

/** Counts of the one window that spans come to under policies. */
async function counted(spans: readonly ServiceSpan[], texts: readonly string[], combine: 'union' | 'first_match' = 'union'): Promise<HeadWindow> {
  const windows: HeadWindow[] = [];
  const failures: unknown[] = [];
  const policies = await openPolicies(texts.map((text, index) => ({ name: `p${index}`, text })));
  await flowThrough('traces', serviceMessages([spans]), { ...policies, combine, head: { window: (window) => windows.push(window), failed: (error) => failures.push(error) } });
  expect(failures).toEqual([]);
  expect(windows.length).toBe(1);
  return windows[0];
}

function at({ keys }: HeadWindow, service: string, operation: string | null = null): HeadKeyCounts {
  const found = keys.find((key) => key.service === service && key.operation === operation);
  if (found === undefined) throw new Error(`no counts of ${service} ${operation}`);
  return found;
}

/** `count` traces whose R lie evenly, so that the i-th smallest N is i / count of all. */
function evenly(service: string, count: number, more: (index: number) => Partial<ServiceSpan> = () => ({})): ServiceSpan[] {
  return Array.from({ length: count }, (_, i): ServiceSpan => (
    { trace: traceOfR(one - (BigInt(i + 1) * one) / BigInt(count), i + 1e6 * service.length), service, name: 'GET /a', startMs: 1.7e12 + i, ...more(i) }));
}

describe('what a window says of a service', () => {
  test('arrivals, kept and the threshold of a sample, not the kept share', async () => {
    const window = await counted([...evenly('shop', 1000), ...evenly('shop', 1000, () => ({ isChild: true, name: 'db' }))], ['SELECT unnest(bottom_k(item, 100), recursive := true) FROM traces']);
    const shop = at(window, 'shop');
    // N of the first that is left out is 101/1000 of all (rule 13), so tau is 0.101 - 2^-56.
    expect(shop).toMatchObject({ traces: 1000, arrivals: 1000, pIn: 1, unknown: 0, items: 2000, itemsKept: 200 });
    expect(shop.p).toBeCloseTo(0.101, 12);
    expect(shop.bytesKept / shop.bytes).toBeCloseTo(0.1, 12);
    expect(window.seconds).toBe(10);
    expect(at(window, 'shop', 'GET /a').p).toBeCloseTo(0.101, 12);
    expect(window.keys.some(({ operation }) => operation === 'db')).toBe(false);
  });

  test('a rule that keeps some with probability 1 is no sample; one that keeps all is', async () => {
    const spans = evenly('shop', 100, (i) => ({ isError: i % 10 === 0, name: i % 2 === 0 ? 'even' : 'odd' }));
    const errors = 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error';
    const tenth = 'SELECT trace_id, 0.1 AS probability FROM traces';
    expect(at(await counted(spans, [errors, tenth]), 'shop').p).toBeCloseTo(0.1, 15);
    expect(at(await counted(spans, [`${errors} UNION ALL ${tenth}`]), 'shop').p).toBeCloseTo(0.1, 15);
    expect(at(await counted(spans, ['SELECT trace_id, 1.0 AS probability FROM traces']), 'shop').p).toBe(1);
    expect(at(await counted(spans, ["SELECT trace_id, 1.0 AS probability FROM traces WHERE root_name = 'even'"]), 'shop', 'even').p).toBe(1);
    expect(at(await counted(spans, ["SELECT trace_id, 1.0 AS probability FROM traces WHERE root_name = 'even'"]), 'shop', 'odd').p).toBe(0);
  });

  test('p is absolute: what came with 1/4 and is named with 1/2 says 1/2, and stands for four', async () => {
    const spans = evenly('shop', 100, () => ({ traceState: 'ot=th:c' })).filter(({ trace }) => BigInt(`0x${trace.slice(-14)}`) >= (one * 3n) / 4n);
    const window = await counted(spans, ['SELECT trace_id, 0.5 AS probability FROM traces']);
    expect(at(window, 'shop')).toMatchObject({ traces: 25, arrivals: 100, pIn: 0.25, p: 0.5, itemsKept: 25 });
  });

  test('shadow policies do not count, ceilings hold, and first_match is by the first that names', async () => {
    const spans = evenly('shop', 100, (i) => ({ name: i < 50 ? 'GET /healthz' : 'GET /a' }));
    const all = 'SELECT trace_id, 0.5 AS probability FROM traces';
    const shadow = '-- mode: shadow\nSELECT trace_id, 0.9 AS probability FROM traces';
    const health = "-- mode: drop\nSELECT trace_id, 0.01 AS probability FROM traces WHERE root_name = 'GET /healthz'";
    const window = await counted(spans, [all, shadow, health]);
    expect(at(window, 'shop').p).toBe(0.5);
    expect(at(window, 'shop', 'GET /healthz').p).toBeCloseTo(0.01, 15);
    const first = await counted(spans, ["SELECT trace_id, 0.1 AS probability FROM traces WHERE root_name = 'GET /healthz'", all], 'first_match');
    expect(at(first, 'shop', 'GET /healthz').p).toBeCloseTo(0.1, 15);
    expect(at(first, 'shop').p).toBe(0.5);
  });

  test('traces without a root, of no service or of names too long are nobody\'s', async () => {
    const window = await counted([...evenly('shop', 3, () => ({ isChild: true })), ...evenly('x'.repeat(300), 2), ...evenly('cart', 2, (i) => ({ name: i === 0 ? 'y'.repeat(300) : 'pay' }))], ['SELECT trace_id, 1.0 AS probability FROM traces']);
    expect(window.keys.map(({ service, operation }) => [service, operation])).toEqual([['cart', null], ['cart', 'pay']]);
  });

  test('a window whose policy failed says nothing, and head_minimum is the greatest that is declared', async () => {
    const fails = "SELECT trace_id, CAST(root_name AS DOUBLE) AS probability FROM traces";
    expect((await counted(evenly('shop', 3), [fails])).keys).toEqual([]);
    const declared = await counted(evenly('shop', 3), ['-- head_minimum: 0.05\nSELECT trace_id, 1.0 AS probability FROM traces WHERE has_error', '-- head_minimum: 0.2\n-- mode: shadow\nSELECT trace_id, 1.0 AS probability FROM traces']);
    expect(declared.minimum).toBe(0.05);
  });
});
