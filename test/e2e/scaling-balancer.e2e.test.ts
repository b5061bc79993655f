import { expect } from 'vitest';
import { shareOf } from '../support/given-messages.ts';
import { counted, Sender, spansOfTrace, tieredTest } from './scaling-support.ts';

/**
 * Scenario: two balancers before two Threshers, real processes; senders give each request to one of them, by turns. One sampler is stopped (SIGSTOP) for a
 * while, so that what is under way waits for it, and meanwhile one balancer is killed (SIGKILL).
 * Guarantees: what was acknowledged is not lost, without any durability; balancers that know nothing of each other send a trace to the same sampler.
 */
tieredTest('a balancer that is killed loses nothing that it acknowledged, and another one agrees with it', async ({ tiers }) => {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => tiers.sampler(name, '')));
  tiers.writeMembers(one, two);
  const [first, second] = [await tiers.balancer('otlp', { failover_after: '0s' }), await tiers.balancer('otlp', { failover_after: '0s' })];
  const sender = new Sender(14, [first.otlpHttpPort, second.otlpHttpPort]);
  await sender.go(1500, 15);
  process.kill(two.child.pid, 'SIGSTOP');
  const pressed = sender.go(500, 15);
  await new Promise((resolve) => setTimeout(resolve, 400));
  await first.child.kill();
  process.kill(two.child.pid, 'SIGCONT');
  await pressed;
  await sender.go(1000, 15);
  await sender.end();
  expect(await counted(second, 'thresher_balancer_torn_traces_total')).toBe(0);
  for (const { child } of [second, one, two]) expect(await child.stop()).toBe(0);
  const kept = [...sender.acknowledged].filter((key) => shareOf(key.slice(0, 32)) <= 0.5);
  console.log({ acknowledged: sender.acknowledged.size, kept: kept.length, refused: sender.refused });
  expect(sender.refused).toBeGreaterThan(0);
  expect(kept.length).toBeGreaterThan(100);
  expect(kept.filter((key) => !tiers.backend.seen.has(key))).toEqual([]);
  expect([...tiers.backend.membersOf('').values()].filter((members) => members.size > 1)).toEqual([]);
  expect(sender.acknowledged.size).toBeLessThan(sender.begun.size * spansOfTrace);
});
