import { describe, expect, test } from 'vitest';
import { openPolicies } from '../../../src/policies.ts';
import { randomnessBins, RandomnessWatch, suspicionText } from '../../../src/pipeline/randomness-watch.ts';
import { flowThrough } from '../../sql/store/support.ts';
import { mulberry } from '../../support/mulberry.ts';
import { randomId } from '../audit/streams.ts';
import { spanMessages, type SpanSpec } from './synthetic.ts';

const seed = 11;

function binsOf(values: readonly number[]): Uint32Array {
  const bins = new Uint32Array(randomnessBins);
  for (const value of values) bins[Math.floor(value * randomnessBins)]++;
  return bins;
}

function watch(windows: number, perWindow: number, draw: (random: () => number) => number): { warnings: number; isSuspect: boolean } {
  const random = mulberry(seed);
  const watched = new RandomnessWatch();
  let warnings = 0;
  for (let i = 0; i < windows; i++) warnings += watched.add([{ key: 'shop', bins: binsOf(Array.from({ length: perWindow }, () => draw(random))) }]).suspects.length;
  return { warnings, isSuspect: [...watched.keys][0].isSuspect };
}

describe('the running test', () => {
  test('stays quiet over 5,000 windows of uniform randomness, whatever their size', () => {
    expect(watch(5000, 3, (random) => random())).toEqual({ warnings: 0, isSuspect: false });
    expect(watch(1000, 2000, (random) => random())).toEqual({ warnings: 0, isSuspect: false });
  });

  test('warns once of small and of large values alone, and of a lean of a few per cent', () => {
    expect(watch(100, 20, (random) => random() * 0.9)).toEqual({ warnings: 1, isSuspect: true });
    expect(watch(100, 20, (random) => 0.5 + random() / 2)).toEqual({ warnings: 1, isSuspect: true });
    expect(watch(200, 500, (random) => random() ** 1.1)).toEqual({ warnings: 1, isSuspect: true });
  });

  test('says which service and what to do', () => {
    const watched = new RandomnessWatch();
    const [suspect] = watched.add([{ key: 'shop', bins: binsOf(Array.from({ length: 1000 }, (_, i) => i / 4000)) }]).suspects;
    expect(suspicionText(suspect)).toContain('traces of service shop say nothing of sampling');
    expect(suspicionText(suspect)).toContain('75.0 % out of place');
  });

  test('keys are bounded', () => {
    const watched = new RandomnessWatch();
    watched.add(Array.from({ length: 1000 }, (_, i) => ({ key: String(i), bins: binsOf([0.5]) })));
    expect([...watched.keys].length).toBe(201);
  });
});

test.each([[1, false], [0.5, true]])('through the pipeline: traces of which a share of %f of R is there', async (share, isSuspect) => {
  const random = mulberry(seed);
  const spans = Array.from({ length: 2000 }, (_, index): SpanSpec => ({ trace: randomId(random).toString('hex'), startMs: index })).filter(({ trace }) => Number(`0x${String(trace).slice(18, 20)}`) < 256 * share);
  const { policies } = await openPolicies([{ name: 'all', text: 'SELECT trace_id, 0.5 AS probability FROM traces' }]);
  for (const services of [false, true]) {
    const { tally } = await flowThrough('traces', spanMessages([spans]), {
      policies, certificate: { services, policies: false }, extraKeys: [{ source: 'resource', key: 'service.name', type: 'VARCHAR' }] });
    expect([...tally.randomness.keys].map((watched) => [watched.key, watched.count, watched.isSuspect]))
      .toEqual([['(all)', spans.length, isSuspect], ...(services ? [['test', spans.length, isSuspect]] : [])]);
  }
});
