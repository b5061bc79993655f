import { expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import type { LotPlace } from '../../../src/pipeline/outbox/lot.ts';
import { Resender } from '../../../src/pipeline/outbox/resender.ts';
import { CollectingSink } from '../../sql/store/support.ts';

const place: LotPlace = { signal: 'traces', first: 1, last: 1, kept: [], bytes: 1 };

// Guarantees: whenever a lot comes, it goes out, also at the moment at which the one before it has: `turns` microtasks after that.
test.each(Array.from({ length: 16 }, (_, turns) => turns))('a lot that comes %i turns after the last has gone', async (turns) => {
  let sent = 0;
  let isFirst = true;
  const resender: Resender = new Resender({
    sink: new CollectingSink(), seam: seededSeam(1, 0n), onMissing: () => undefined, onFailure: () => undefined,
    read: (places) => Promise.resolve({ lots: places.map(() => ({ kept: [], missing: 0 })), release: () => undefined }),
    send: () => {
      sent++;
      return Promise.resolve(null);
    },
    onWaiting: (lots) => {
      if (lots > 0 || !isFirst) return;
      isFirst = false;
      let later = Promise.resolve();
      for (let i = 0; i < turns; i++) later = later.then(() => undefined);
      void later.then(() => resender.add(place));
    },
  });
  await resender.add(place);
  await new Promise((resolve) => setImmediate(resolve));
  expect({ sent, isBehind: resender.isBehind }).toEqual({ sent: 2, isBehind: false });
});
