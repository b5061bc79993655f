/** Bytes that `value` takes as an unsigned varint; `value` in [0, 2^32). */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : 5;
}

/** Bytes that an int64 takes as a varint (negative: ten). */
export function varint64Length(value: bigint): number {
  let rest = BigInt.asUintN(64, value);
  let length = 1;
  for (; rest >= 0x80n; rest >>= 7n) length++;
  return length;
}

/** Bytes of a length-delimited field with a one-byte tag. */
export function delimitedLength(length: number): number {
  return 1 + varintLength(length) + length;
}

/** Writes `value` in [0, 2^32) as a varint at `offset`; gives the offset after it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  while (value >= 0x80) {
    target[offset++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  target[offset++] = value;
  return offset;
}

/** Writes an int64 as a varint at `offset`; gives the offset after it. */
export function writeVarint64(target: Uint8Array, offset: number, value: bigint): number {
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) target[offset++] = Number(rest & 0x7fn) | 0x80;
  target[offset++] = Number(rest);
  return offset;
}

/** Writes `bytes` at `offset`; gives the offset after them. */
export function writeBytes(target: Uint8Array, offset: number, bytes: Uint8Array): number {
  target.set(bytes, offset);
  return offset + bytes.length;
}
