import { expect } from 'vitest';
import { counted, Sender, tieredTest } from './scaling-support.ts';

/**
 * Scenario: a balancer before three Threshers over OTAP, real processes with windows of a second; one is killed (SIGKILL) under load, and comes back empty. One more
 * Thresher alone gets the same requests.
 * Guarantees: all that comes is taken; traces that come afterwards are kept whole as the one alone keeps them, at its thresholds; those that were torn are counted, just these; the
 * member that is back gets new traces.
 */
tieredTest('a member that dies is left alone until it is back', async ({ tiers }) => {
  const [alone, one, two, three] = await Promise.all(['alone', 'one', 'two', 'three'].map((name) => tiers.sampler(name, '')));
  tiers.writeMembers(one, two, three);
  const front = await tiers.balancer('otap', { hand_over: '6s', failover_after: '1s' });
  const sender = new Sender(12, front.otlpHttpPort, alone.otlpHttpPort);
  await sender.go(1500, 15);
  await two.child.kill();
  await sender.go(2000, 15);
  await front.child.says('"reason":"member_down"', 10_000);
  const downMs = performance.now();
  const again = await tiers.sampler('again', '', two.grpcPort);
  await front.child.says('"reason":"member_up"', 10_000);
  await sender.go(1500, 15);
  await sender.end();
  const torn = await counted(front, 'thresher_balancer_torn_traces_total{exporter="load_balancing",cause="down"}');
  for (const { child } of [front, one, three, again, alone]) await child.stop();
  expect(sender.refused).toBe(0);
  const [together, expected] = [tiers.backend.of('one', 'three', 'again'), tiers.backend.of('alone')];
  const has = new Set([...together, ...tiers.backend.of('two')]);
  const missing = new Set(expected.filter((line) => !has.has(line)).map((line) => line.slice(0, 32)));
  const present = new Set(together.map((line) => line.slice(0, 32)));
  const inPart = [...missing].filter((trace) => present.has(trace)).length;
  console.log({ traces: sender.begun.size, torn, missing: missing.size, inPart, slowestMs: Math.round(sender.slowestMs) });
  expect([...missing].filter((trace) => (sender.begun.get(trace) ?? 0) > downMs)).toEqual([]);
  expect(together.filter((line) => !expected.includes(line))).toEqual([]);
  // Each torn trace is kept with probability one half: five standard deviations.
  expect(inPart).toBeGreaterThan(0);
  expect(Math.abs(inPart - torn / 2)).toBeLessThan(2.5 * Math.sqrt(torn));
  expect(tiers.backend.of('again').length).toBeGreaterThan(0);
});
