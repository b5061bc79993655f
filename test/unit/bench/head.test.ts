import { expect, test } from 'vitest';
import { startService } from '../../../bench/head.ts';
import { headLoad } from '../../../bench/head-load.ts';

test('the load on the head-sampling service is answered, all of it', async () => {
  const thread = await startService();
  const found = await headLoad({ address: thread.addresses.http, perSecond: 500, seconds: 0.5, connections: 5, names: ['s1', 's2'] });
  await thread.close();
  expect(found).toMatchObject({ requests: 250, errors: 0 });
  expect(found.p99Ms).toBeGreaterThan(found.p50Ms);
});
