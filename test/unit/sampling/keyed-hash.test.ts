import { expect, test } from 'vitest';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';

/** SipHash-2-4 of the bytes 0, 1, ... (as many as the index) under the key 00..0f: the reference implementation's vectors_sip64. */
const published = [
  '310e0edd47db6f72', 'fd67dc93c539f874', '5a4fa9d909806c0d', '2d7efbd796666785', 'b7877127e09427cf', '8da699cd64557618', 'cee3fe586e46c9cb',
  '37d1018bf50002ab', '6224939a79f5f593', 'b0e4a90bdf82009e', 'f3b9dd94c5bb5d7a', 'a7ad6b22462fb3f4', 'fbe50e86bc8f1e75', '903d84c02756ea14',
  'eef27a8e90ca23f7', 'e545be4961ca29a1',
];

test('published vectors, at any offset', () => {
  const hash = new KeyedHash(Uint8Array.from({ length: 16 }, (_, i) => i));
  published.forEach((expected, length) => {
    const bytes = Uint8Array.from({ length: length + 5 }, (_, i) => i - 3);
    hash.hash(bytes, 3, length);
    const out = Buffer.alloc(8);
    out.writeUInt32LE(hash.low, 0);
    out.writeUInt32LE(hash.high32, 4);
    expect(out.toString('hex')).toBe(expected);
    expect(hash.high).toBe(hash.high32 % 2 ** 24);
  });
});

test('a key of another length is refused', () => {
  expect(() => new KeyedHash(new Uint8Array(15))).toThrow(/16 bytes/);
});
