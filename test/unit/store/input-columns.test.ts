import { FixedSizeBinary, Uint16 } from 'apache-arrow';
import { expect, test } from 'vitest';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';
import { readInputs } from '../../../src/store/input-columns.ts';
import { arrowRecord, barOf } from '../../support/arrow-bar.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** Trace ids as the columns of a slot get them, four words each. */
function uuids(hex: readonly string[]): { readonly ids: Uint32Array; readonly randomness: Uint32Array } {
  const record = arrowRecord([
    { name: 'id', type: new Uint16(), values: hex.map((_, index) => (index === 0 ? 0 : 1)) },
    { name: 'trace_id', type: new FixedSizeBinary(16), values: hex.map(bytes) },
  ]);
  const batch = new OtapStreamDecoder('traces').decode(barOf([{ name: 'SPANS', record }]));
  const { traceIds, randomness } = readInputs(batch, { batchOrdinal: 7, withoutThreshold: 'unsampled' }, new KeyedHash(new Uint8Array(16)));
  return { ids: traceIds ?? new Uint32Array(0), randomness };
}

test('ids that DuckDB would hash alike are told apart by a key, the same for the same id', () => {
  const made = ['8000000000000001' + '0000000000000001', '9234567890abcdef' + '1234567890abcdef', '9234567890abcdef' + '1234567890abcdef'];
  const { ids, randomness } = uuids(made);
  for (let row = 0; row < made.length; row++) {
    expect(ids[row * 4] === ids[row * 4 + 2] && ids[row * 4 + 1] === ids[row * 4 + 3]).toBe(false);
  }
  expect(ids.subarray(4, 8)).toEqual(ids.subarray(8, 12));
  expect([randomness[2], randomness[3]]).toEqual([0x90abcdef, 0x345678]);
});

test('spans without a trace id are traces of their own', () => {
  const { ids } = uuids(['0'.repeat(32), '0'.repeat(32), '0123456789abcdef0123456789abcdef']);
  expect(ids.subarray(0, 4)).not.toEqual(ids.subarray(4, 8));
  expect([...ids.subarray(8, 12)]).toEqual([0x89abcdef, 0x01234567, 0x89abcdef, (0x01234567 ^ 0x80000000) >>> 0]);
});
