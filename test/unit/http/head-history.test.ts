import { expect, test } from 'vitest';
import type { HeadUpdate } from '../../../src/head/controller.ts';
import { RateHistory } from '../../../src/http/head/history.ts';

/** An update in which `services` come in the order of their arrivals. */
function updateOf(services: readonly string[]): HeadUpdate {
  const known = { rate: 0.5, reason: 'test', changedNano: 0n, seenNano: 0n, probability: 0.1, items: 1, itemsKept: 1, bytes: 1, bytesKept: 1 };
  return { atNano: 0n, defaultRate: 1, strategies: [], removed: [], summaries: services.map((service, rank) => ({ service, ...known, arrivalsPerSecond: services.length - rank })) };
}

test('those of most arrivals keep their history, whoever comes and goes beside them; all together are bounded', () => {
  const history = new RateHistory();
  const others = Array.from({ length: 1000 }, (_, index) => `other${index}`);
  for (let update = 0; update < 20; update++) history.apply(updateOf(['large', ...others.slice(update * 50), ...others.slice(0, update * 50)]));
  expect(history.of('large').length).toBe(20);
  expect(others.filter((service) => history.of(service).length > 0).length).toBeLessThan(400);
});
