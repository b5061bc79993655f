import { expect, test } from 'vitest';
import { deferred } from '../../../src/base/deferred.ts';
import { CodedError } from '../../../src/base/errors.ts';
import { seededSeam } from '../../../src/base/seam.ts';
import { DecisionLog } from '../../../src/pipeline/journal/decisions.ts';

// Guarantees: what follows decisions leaves after all of them are durable, the ones that are tried again too, though later ones are durable already.
test('decisions are durable when all of them are', async () => {
  const time = deferred<void>();
  const seam = { ...seededSeam(1, 0n), sleepMs: () => time.promise };
  const decisions = new DecisionLog({ seam, onError: 'refuse', observer: {} });
  let failures = 1;
  const write = (): Promise<number> => (failures-- > 0 ? Promise.reject(new CodedError('RESOURCE_EXHAUSTED', 'storage_failed', 'EIO')) : Promise.resolve(3));
  let isDurable = false;
  const first = decisions.append(write);
  expect(await decisions.append(write)).toBe(3);
  const durable = decisions.durable.then(() => { isDurable = true; });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isDurable).toBe(false);
  time.resolve();
  expect(await first).toBe(3);
  await durable;
});

test('what never becomes durable holds nothing up once the end has come', async () => {
  const decisions = new DecisionLog({ seam: { ...seededSeam(1, 0n), sleepMs: (_ms, signal) => (signal?.aborted === true ? Promise.reject(new Error('over')) : Promise.resolve()) }, onError: 'refuse', observer: {} });
  decisions.stop();
  const failed = decisions.append(() => Promise.reject(new CodedError('RESOURCE_EXHAUSTED', 'storage_failed', 'EIO')));
  await expect(failed).rejects.toThrow('EIO');
  await decisions.durable;
});
