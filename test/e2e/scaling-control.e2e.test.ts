import { expect } from 'vitest';
import { shareOf } from '../support/given-messages.ts';
import { Sender, spansOfTrace, tieredTest } from './scaling-support.ts';

/**
 * Control of scaling.e2e.test.ts: the same tiers, whose balancer remembers nothing. A member joins under load.
 */
tieredTest('without hand-over traces are torn, and so not kept', async ({ tiers }) => {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => tiers.sampler(name, `WHERE span_count = ${spansOfTrace}`)));
  tiers.writeMembers(one);
  const front = await tiers.balancer('otlp', { hand_over: '0s' });
  const sender = new Sender(13, front.otlpHttpPort);
  await sender.go(1000, 15);
  tiers.writeMembers(one, two);
  await sender.go(1000, 15);
  await sender.end();
  for (const { child } of [front, one, two]) await child.stop();
  expect(tiers.backend.seen.size).toBeGreaterThan(0);
  const half = [...sender.begun.keys()].filter((trace) => shareOf(trace) <= 0.5).length;
  expect(half * spansOfTrace - tiers.backend.of('one', 'two').length).toBeGreaterThan(spansOfTrace);
});
