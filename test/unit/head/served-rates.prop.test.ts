import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeadController } from '../../../src/head/controller.ts';
import type { StableRate } from '../../../src/pipeline/root-inputs.ts';
import { mulberry } from '../../support/mulberry.ts';
import { headSettings } from '../../sim/head-model.ts';

/**
 * Scenario: SDKs of a service that writes no threshold poll its rate at fixed times, each with a phase of its own, now and then one poll in vain, while the rate changes at random;
 * windows are decided some time after their traces began.
 * Guarantees (sampling.md, rule 23): whenever `stable` says a rate for a trace, it is the one that its SDK sampled with; and where rates rest it says one for most traces.
 * Control: without the two poll intervals it would say a wrong one.
 */
const seed = Number(process.env['SEED'] ?? 20_261_121);
const second = 1_000_000_000;
const pollSeconds = 60;
const sdkCount = 5;

interface Told {
  readonly atSecond: number;
  readonly rate: number;
}

/** Rates that a service is told over time, as the controller works them out, and what `stable` says after each. */
async function history(changes: readonly Told[]): Promise<{ readonly told: readonly Told[]; readonly stable: readonly { readonly fromSecond: number; readonly rate: StableRate | null }[] }> {
  let nowSecond = 0;
  let rate = 1;
  const controller = new HeadController({
    seam: { nowUnixNano: () => BigInt(nowSecond * second) }, settings: { ...headSettings, pollIntervalMs: pollSeconds * 1000, changeMax: 1e6, hysteresis: 0 }, stress: () => 1, onUpdate: () => undefined,
    onFailed: (error) => { throw error; }, rule: { rates: async (rows) => rows.map((row) => ({ service: row.service, operation: row.operation, rate, reason: 'test' })) },
  });
  const told: Told[] = [];
  const stable: { fromSecond: number; rate: StableRate | null }[] = [];
  for (const change of changes) {
    nowSecond = change.atSecond;
    rate = change.rate;
    controller.window({ seconds: 10, endNano: BigInt(nowSecond * second), minimum: 0, keys: [
      { service: 'a', operation: null, traces: 10, arrivals: 10, pIn: 1, p: 0.1, unknown: 0, items: 10, itemsKept: 1, bytes: 100, bytesKept: 10 }] });
    await controller.settled();
    told.push({ atSecond: nowSecond, rate: controller.strategy('a').rate });
    stable.push({ fromSecond: nowSecond, rate: controller.stable().services.find(({ service }) => service === 'a')?.rate ?? null });
  }
  return { told, stable };
}

const lastBy = <T>(list: readonly T[], second: number, at: (each: T) => number): T | undefined => list.findLast((each) => at(each) <= second);

test('a rate that is said to be sure is the one that was sampled with', async () => {
  let [known, asked, wrongWithout] = [0, 0, 0];
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ gap: fc.integer({ min: 5, max: 400 }), rate: fc.constantFrom(0.01, 0.02, 0.1, 0.5, 1) }), { minLength: 2, maxLength: 12 }), fc.integer(), async (gaps, phaseSeed) => {
    let atSecond = 0;
    const { told, stable } = await history(gaps.map(({ gap, rate }) => ({ atSecond: atSecond += gap, rate })));
    const chance = mulberry(phaseSeed);
    for (let sdk = 0; sdk < sdkCount; sdk++) {
      const phase = chance() * pollSeconds;
      const polls = Array.from({ length: 100 }, (_, i) => phase + i * pollSeconds).filter((_, i) => i % 7 !== 3);
      for (let began = 5 + chance(); began < atSecond; began += 7.3) {
        const polled = lastBy(polls, began, (at) => at);
        const sampledWith = polled === undefined ? null : lastBy(told, polled, (each) => each.atSecond)?.rate ?? 1;
        const decided = lastBy(stable, began + 40, (each) => each.fromSecond);
        if (sampledWith === null || decided?.rate === undefined || decided.rate === null) continue;
        asked++;
        const { rate, sinceNano } = decided.rate;
        if (began * second >= Number(sinceNano)) {
          known++;
          expect(rate).toBe(sampledWith);
        }
        if (began * second >= Number(sinceNano) - 2 * pollSeconds * second && rate !== sampledWith) wrongWithout++;
      }
    }
  }), { seed, numRuns: 60 });
  console.log({ known, asked, wrongWithout });
  expect(known).toBeGreaterThan(0.2 * asked);
  expect(wrongWithout).toBeGreaterThan(100);
});
