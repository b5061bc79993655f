import { expect, test } from 'vitest';
import { outage, quota } from '../soak/scenarios.ts';

/** Scenarios of `npm run soak`, in seconds instead of minutes: the real program, a sender that counts what it is told and a next hop that knows each span. */

test('a next hop that is away, with durability: nothing is lost, nobody is refused, nothing comes twice', { timeout: 120_000 }, async () => {
  const { numbers, isRight } = await outage({ rate: 20_000, seconds: 4, aroundSeconds: 1, windowSeconds: 1 });
  expect({ ...numbers, isRight }).toMatchObject({ missing: 0, wrong: 0, refusedToldToSender: 0, isRight: true });
  expect(numbers['expected']).toBeGreaterThan(10_000);
});

test('a log that is full: each refusal is told, nothing that was acknowledged is lost', { timeout: 120_000 }, async () => {
  const { numbers, isRight } = await quota({ rate: 20_000, seconds: 8, aroundSeconds: 1, windowSeconds: 1 }, '1MiB');
  expect({ ...numbers, isRight }).toMatchObject({ missing: 0, wrong: 0, isRight: true });
  expect(numbers['refusedToldToSender']).toBeGreaterThan(0);
});
