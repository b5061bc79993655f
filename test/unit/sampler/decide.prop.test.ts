import { type Context, createTraceState, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { createComposableParentThresholdSampler, createComposableProbabilitySampler, createCompositeSampler } from '@opentelemetry/sampler-composite';
import type { Sampler } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/sampler/decide.ts';
import { headThreshold, IntentTable } from '../../../src/sampler/intents.ts';
import { readTracestate } from '../../../src/sampling/tracestate.ts';

/*
 * Scenario: spans with and without a parent, whose tracestate has th, rv, keys of others and nonsense.
 * Guarantees: what is decided, and what the tracestate then says, is what the SDK's own composite of a parent threshold over a probability says.
 */
const seed = 20261121;
const names = new IntentTable({ defaultRate: 1, operations: new Map() });

function tableOf(rate: number): IntentTable {
  return new IntentTable({ defaultRate: rate, operations: new Map() });
}

function reference(rate: number): Sampler {
  return createCompositeSampler(createComposableParentThresholdSampler(createComposableProbabilitySampler(rate)));
}

function contextOf(traceId: string, parent: { readonly flags: number; readonly state: string } | null): Context {
  if (parent === null) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: '00f067aa0ba902b7', traceFlags: parent.flags, ...(parent.state === '' ? {} : { traceState: createTraceState(parent.state) }) });
}

const hex = (min: number, max: number): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: min, maxLength: max });
const ot = fc.record({
  th: fc.option(fc.oneof(hex(1, 14), fc.constantFrom('', 'xyz', '123456789abcdef', '0'))), rv: fc.option(fc.oneof(hex(14, 14), fc.constantFrom('12', 'zz'))),
  rest: fc.option(fc.constantFrom('p:8', 'a:b')),
}).map(({ th, rv, rest }) => [rest, th === null ? null : `th:${th}`, rv === null ? null : `rv:${rv}`].filter((part) => part !== null).join(';'));
const state = fc.record({ ot: fc.option(ot), other: fc.option(fc.constant('vendor=1')) })
  .map(({ ot: value, other }) => [other, value === null || value === '' ? null : `ot=${value}`].filter((part) => part !== null).join(','));
const parents = fc.option(fc.record({ flags: fc.constantFrom(0, 1, 2, 3), state }));
const traceIds = hex(32, 32).filter((id) => !/^0+$/.test(id));
/** Rates that 4 digits say exactly, so that rounding does not differ. */
const rates = fc.integer({ min: 1, max: 4096 }).map((n) => n / 4096);

describe('a decision', () => {
  test('is the one of the SDK\'s composite samplers, with the same tracestate', () => {
    fc.assert(fc.property(traceIds, parents, rates, (traceId, parent, rate) => {
      const context = contextOf(traceId, parent);
      const own = decide(context, traceId, 'op', tableOf(rate));
      const theirs = reference(rate).shouldSample(context, traceId, 'op', SpanKind.INTERNAL, {}, []);
      expect(own.decision).toBe(theirs.decision);
      const said = (serialized: string | undefined): unknown => {
        const { th, rv } = readTracestate(serialized ?? '');
        // Of what is not sampled the SDK leaves th where nothing else is in ot, and removes it elsewhere: nobody reads it.
        return { th: th === null || own.decision === 0 ? null : BigInt(`0x${th.padEnd(14, '0')}`), rv };
      };
      expect(said(own.traceState?.serialize())).toEqual(said(theirs.traceState?.serialize()));
      expect(own.traceState?.get('vendor')).toBe(theirs.traceState?.get('vendor'));
    }), { seed, numRuns: 3000 });
  });

  test('at any rate takes all that the SDK takes at it, and no more than 1 in 2,048 besides', () => {
    fc.assert(fc.property(fc.double({ min: 1e-9, max: 1, noNaN: true }), (rate) => {
      const exact = 2n ** 56n - BigInt(Math.ceil(rate * 2 ** 56));
      const t = headThreshold(rate) ?? -1n;
      expect(t).toBeLessThanOrEqual(exact);
      expect(Number(2n ** 56n - t) / 2 ** 56).toBeLessThanOrEqual(rate * (1 + 2 ** -11));
    }), { seed, numRuns: 3000 });
  });

  /** The specification's examples of probabilities and their thresholds. */
  test.each([[1, '0'], [0.5, '8'], [0.25, 'c'], [0.125, 'e'], [0.1, 'e666'], [0.01, 'fd70a'], [0.75, '4']])('of rate %f writes th:%s', (rate, th) => {
    const traceId = `${'0'.repeat(18)}${'f'.repeat(14)}`;
    expect(decide(ROOT_CONTEXT, traceId, 'op', tableOf(rate)).traceState?.serialize()).toBe(`ot=th:${th}`);
  });

  test('of rate 0 is never to sample, and what says nothing stays as it is', () => {
    expect(decide(ROOT_CONTEXT, 'f'.repeat(32), 'op', tableOf(0))).toEqual({ decision: 0 });
    const parent = contextOf('f'.repeat(32), { flags: 1, state: 'vendor=1' });
    const { decision, traceState } = decide(parent, 'f'.repeat(32), 'op', names);
    expect(decision).toBe(2);
    expect(traceState).toBe(trace.getSpanContext(parent)?.traceState);
  });

  test('goes by the rate of the operation, for roots alone', () => {
    const table = new IntentTable({ defaultRate: 1, operations: new Map([['rare', 2 ** -4], ['off', 0]]) });
    const traceId = `${'0'.repeat(18)}8${'0'.repeat(13)}`;
    expect(['other', 'rare', 'off'].map((name) => decide(ROOT_CONTEXT, traceId, name, table).decision)).toEqual([2, 0, 0]);
    expect(decide(contextOf(traceId, { flags: 1, state: 'ot=th:4' }), traceId, 'off', table).traceState?.serialize()).toBe('ot=th:4');
  });
});
