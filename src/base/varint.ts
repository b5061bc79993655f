/** Bytes that an unsigned varint (LEB128) of a safe integer takes at most: 53 bits in groups of 7. */
export const varintBytesMax = 8;

/** Bytes of `value` as an unsigned varint. `value`: a non-negative safe integer. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

/** Writes `value` at `offset`; returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let rest = value;
  while (rest >= 128) {
    target[offset++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  target[offset++] = rest;
  return offset;
}

export type VarintRead =
  | { readonly kind: 'value'; readonly value: number; readonly end: number }
  /** The bytes end within the varint: more are needed. */
  | { readonly kind: 'incomplete' }
  /** Over the safe integers, or longer than any of them. */
  | { readonly kind: 'malformed' };

/** Reads an unsigned varint at `offset`; never throws, whatever the bytes. */
export function readVarint(bytes: Uint8Array, offset: number): VarintRead {
  let value = 0;
  let factor = 1;
  for (let i = 0; i < varintBytesMax; i++) {
    if (offset + i >= bytes.length) return { kind: 'incomplete' };
    const byte = bytes[offset + i];
    value += (byte & 127) * factor;
    if (value > Number.MAX_SAFE_INTEGER) return { kind: 'malformed' };
    if (byte < 128) return { kind: 'value', value, end: offset + i + 1 };
    factor *= 128;
  }
  return { kind: 'malformed' };
}
