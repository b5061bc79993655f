import { isUtf8 } from 'node:buffer';

/** Where a pool's owner starts a new one, so that values seen once do not stay for ever. */
export const poolLimits = { entriesMax: 65_535, bytesMax: 4 << 20 } as const;

const emptySlot = -1;

/**
 * Append-only set of byte strings with small integer codes: utf8, binary and fixed-width values alike (numbers as their
 * little-endian bytes). A value is copied in and hashed once; afterwards everything works on its code. Codes are given
 * in the order of first appearance and never change. Text is kept valid: bytes that are not UTF-8 are stored with
 * U+FFFD in the place of what cannot be read, since strict receivers refuse a whole batch for one of them.
 */
export class ValuePool {
  readonly #text: boolean;
  readonly #seed: number;
  #data = new Uint8Array(256);
  #offsets = new Uint32Array(17);
  #hashes = new Uint32Array(16);
  #slots = new Int32Array(32).fill(emptySlot);
  #size = 0;
  #lastText: string | null = null;
  #lastCode = 0;

  /** `seed` keys the hash, so that input made to collide under one seed does not under another. */
  constructor(text: boolean, seed = 0) {
    this.#text = text;
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of all values together. */
  get byteLength(): number {
    return this.#offsets[this.#size];
  }

  /** Bytes of all values, one after another; a view until the next `intern`. */
  get data(): Uint8Array {
    return this.#data;
  }

  /** Value i is data[offsets[i], offsets[i + 1]); a view until the next `intern`. */
  get offsets(): Uint32Array {
    return this.#offsets;
  }

  get isFull(): boolean {
    return this.#size >= poolLimits.entriesMax || this.byteLength >= poolLimits.bytesMax;
  }

  /** The code of bytes[start, end), which is added when it is new. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(this.#seed, bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let code = this.#slots[slot]; code !== emptySlot; code = this.#slots[slot]) {
      if (this.#hashes[code] === hash && this.#equals(code, bytes, start, end)) return code;
      slot = (slot + 1) & mask;
    }
    if (this.#text && !isValidText(bytes, start, end)) {
      const repaired = Buffer.from(Buffer.from(bytes.subarray(start, end)).toString('utf8'));
      return this.intern(repaired, 0, repaired.length);
    }
    return this.#add(slot, hash, bytes, start, end);
  }

  /** Code of a text that the program itself writes; the same text many times in a row costs nothing. */
  internText(text: string): number {
    if (text === this.#lastText) return this.#lastCode;
    const bytes = Buffer.from(text);
    this.#lastCode = this.intern(bytes, 0, bytes.length);
    this.#lastText = text;
    return this.#lastCode;
  }

  /** Forgets the values from code `size` on. */
  truncate(size: number): void {
    if (size >= this.#size) return;
    this.#size = size;
    this.#lastText = null;
    this.#rehash(this.#slots.length);
  }

  #equals(code: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#offsets[code];
    const length = end - start;
    if (this.#offsets[code + 1] - from !== length) return false;
    for (let index = 0; index < length; index++) {
      if (this.#data[from + index] !== bytes[start + index]) return false;
    }
    return true;
  }

  #add(slot: number, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const code = this.#size++;
    const from = this.#offsets[code];
    const to = from + end - start;
    if (to > this.#data.length) this.#data = grown(this.#data, to);
    if (code + 2 > this.#offsets.length) this.#offsets = grown(this.#offsets, code + 2);
    if (code >= this.#hashes.length) this.#hashes = grown(this.#hashes, code + 1);
    for (let source = start, target = from; source < end; source++, target++) this.#data[target] = bytes[source];
    this.#offsets[code + 1] = to;
    this.#hashes[code] = hash;
    this.#slots[slot] = code;
    if (this.#size * 2 > this.#slots.length) this.#rehash(this.#slots.length * 2);
    return code;
  }

  #rehash(length: number): void {
    const slots = new Int32Array(length).fill(emptySlot);
    const mask = slots.length - 1;
    for (let code = 0; code < this.#size; code++) {
      let slot = this.#hashes[code] & mask;
      while (slots[slot] !== emptySlot) slot = (slot + 1) & mask;
      slots[slot] = code;
    }
    this.#slots = slots;
  }
}

/** FNV-1a over 32 bits with a seeded start, then the finaliser of MurmurHash3 so that low bits are good. */
function hashBytes(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ bytes[index], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function isValidText(bytes: Uint8Array, start: number, end: number): boolean {
  let any = 0;
  for (let index = start; index < end; index++) any |= bytes[index];
  return any < 0x80 || isUtf8(bytes.subarray(start, end));
}

/** A copy with room for at least `lengthMin` elements, at least doubled. */
export function grown<A extends Uint8Array | Uint32Array | Int32Array>(array: A, lengthMin: number): A;
export function grown(array: Uint8Array | Uint32Array | Int32Array, lengthMin: number): Uint8Array | Uint32Array | Int32Array {
  const length = Math.max(array.length * 2, lengthMin);
  const copy =
    array instanceof Uint8Array ? new Uint8Array(length) : array instanceof Uint32Array ? new Uint32Array(length) : new Int32Array(length);
  copy.set(array);
  return copy;
}
