import { malformedIpc } from './errors.ts';

/** `bytes` at an offset that is a multiple of `width`: themselves, or a copy. */
function aligned(bytes: Uint8Array, width: number): Uint8Array {
  return bytes.byteOffset % width === 0 ? bytes : bytes.slice();
}

export function asU16(bytes: Uint8Array, count: number): Uint16Array {
  const { buffer, byteOffset } = aligned(bytes, 2);
  return new Uint16Array(buffer, byteOffset, count);
}

export function asU32(bytes: Uint8Array, count: number): Uint32Array {
  const { buffer, byteOffset } = aligned(bytes, 4);
  return new Uint32Array(buffer, byteOffset, count);
}

export function asI32(bytes: Uint8Array, count: number): Int32Array {
  const { buffer, byteOffset } = aligned(bytes, 4);
  return new Int32Array(buffer, byteOffset, count);
}

export function asF64(bytes: Uint8Array, count: number): Float64Array {
  const { buffer, byteOffset } = aligned(bytes, 8);
  return new Float64Array(buffer, byteOffset, count);
}

export function asI64(bytes: Uint8Array, count: number): BigInt64Array {
  const { buffer, byteOffset } = aligned(bytes, 8);
  return new BigInt64Array(buffer, byteOffset, count);
}

export function asU64(bytes: Uint8Array, count: number): BigUint64Array {
  const { buffer, byteOffset } = aligned(bytes, 8);
  return new BigUint64Array(buffer, byteOffset, count);
}

/** Throws INVALID_ARGUMENT / malformed_ipc where `offsets` ever fall or leave [0, `limit`]. */
export function checkOffsets(offsets: Int32Array, limit: number): void {
  let before = 0;
  for (let index = 0; index < offsets.length; index++) {
    const offset = offsets[index];
    if (offset < before) throw malformedIpc(`offset ${offset} after ${before}`);
    before = offset;
  }
  if (before > limit) throw malformedIpc(`offset ${before} in ${limit} bytes or values`);
}
