import { assert } from '../base/assert.ts';

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) with a key of 16 bytes, over bytes, in 32-bit words; the randomness of items
 * that bring none is its low 56 bits (sampling.md, rules 1, 3, 4, 14). One result at a time, in `low` and `high`:
 * nothing is allocated.
 */
export class KeyedHash {
  /** Low 32 bits of the last hash. */
  low = 0;
  /** Bits 32 to 55 of it. */
  high = 0;
  /** Bits 32 to 63 of it. */
  high32 = 0;

  readonly #key: Int32Array;
  /** v0 to v3, low word first. */
  readonly #v = new Int32Array(8);
  readonly #numbers = new Uint8Array(24);
  readonly #view = new DataView(this.#numbers.buffer);

  constructor(key: Uint8Array) {
    assert(key.length === 16, 'a hash key has 16 bytes');
    const view = new DataView(key.buffer, key.byteOffset, 16);
    this.#key = Int32Array.from({ length: 4 }, (_, i) => view.getInt32(i * 4, true));
  }

  /** Hashes `length` bytes at `offset`. */
  hash(bytes: Uint8Array, offset: number, length: number): void {
    this.#start();
    const whole = length & ~7;
    for (let i = 0; i < whole; i += 8) this.#block(word(bytes, offset + i), word(bytes, offset + i + 4));
    let low = 0;
    let high = length << 24;
    for (let i = whole; i < length; i++) {
      const at = i - whole;
      if (at < 4) low |= bytes[offset + i] << (at * 8);
      else high |= bytes[offset + i] << ((at - 4) * 8);
    }
    this.#block(low, high);
    this.#finish();
  }

  /** Hashes a trace id of 16 bytes. */
  hashTraceId(bytes: Uint8Array, offset: number): void {
    this.hash(bytes, offset, 16);
  }

  /** Hashes a row's place: the ordinal of its batch (below 2^53) and its row number. */
  hashPlace(batchOrdinal: number, row: number): void {
    this.#view.setFloat64(0, batchOrdinal, true);
    this.#view.setUint32(8, row, true);
    this.hash(this.#numbers, 0, 12);
  }

  /** Hashes a trace id and a number. */
  hashTraceIdAnd(bytes: Uint8Array, offset: number, value: number): void {
    for (let i = 0; i < 16; i++) this.#numbers[i] = bytes[offset + i];
    this.#view.setFloat64(16, value, true);
    this.hash(this.#numbers, 0, 24);
  }

  /** Hashes a randomness and a row's place: what decides a row apart from the others of its R (rule 14, split). */
  hashSplit(rLow: number, rHigh: number, batchOrdinal: number, row: number): void {
    this.#view.setUint32(0, rLow, true);
    this.#view.setUint32(4, rHigh, true);
    this.#view.setFloat64(8, batchOrdinal, true);
    this.#view.setUint32(16, row, true);
    this.hash(this.#numbers, 0, 20);
  }

  #start(): void {
    const v = this.#v;
    const [k0, k1, k2, k3] = this.#key;
    v[0] = k0 ^ 0x70736575;
    v[1] = k1 ^ 0x736f6d65;
    v[2] = k2 ^ 0x6e646f6d;
    v[3] = k3 ^ 0x646f7261;
    v[4] = k0 ^ 0x6e657261;
    v[5] = k1 ^ 0x6c796765;
    v[6] = k2 ^ 0x79746573;
    v[7] = k3 ^ 0x74656462;
  }

  #block(low: number, high: number): void {
    const v = this.#v;
    v[6] ^= low;
    v[7] ^= high;
    round(v);
    round(v);
    v[0] ^= low;
    v[1] ^= high;
  }

  #finish(): void {
    const v = this.#v;
    v[4] ^= 0xff;
    for (let i = 0; i < 4; i++) round(v);
    this.low = (v[0] ^ v[2] ^ v[4] ^ v[6]) >>> 0;
    this.high32 = (v[1] ^ v[3] ^ v[5] ^ v[7]) >>> 0;
    this.high = this.high32 & 0xffffff;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function round(v: Int32Array): void {
  add(v, 0, 2);
  rotate(v, 2, 13);
  xor(v, 2, 0);
  swap(v, 0);
  add(v, 4, 6);
  rotate(v, 6, 16);
  xor(v, 6, 4);
  add(v, 0, 6);
  rotate(v, 6, 21);
  xor(v, 6, 0);
  add(v, 4, 2);
  rotate(v, 2, 17);
  xor(v, 2, 4);
  swap(v, 4);
}

function add(v: Int32Array, to: number, from: number): void {
  const low = (v[to] >>> 0) + (v[from] >>> 0);
  v[to] = low;
  v[to + 1] += v[from + 1] + (low > 0xffffffff ? 1 : 0);
}

function xor(v: Int32Array, to: number, from: number): void {
  v[to] ^= v[from];
  v[to + 1] ^= v[from + 1];
}

/** Rotates 64 bits left by less than 32. */
function rotate(v: Int32Array, at: number, by: number): void {
  const low = v[at];
  const high = v[at + 1];
  v[at] = (low << by) | (high >>> (32 - by));
  v[at + 1] = (high << by) | (low >>> (32 - by));
}

/** Rotates 64 bits by 32. */
function swap(v: Int32Array, at: number): void {
  const low = v[at];
  v[at] = v[at + 1];
  v[at + 1] = low;
}
