import { decodeBig, encodeNumber, malformed, recordKinds } from './records.ts';

/** Decisions on traces that were made as their spans came, in no window: four words of each id. */
export interface DecidedAtArrival {
  readonly ids: Uint32Array<ArrayBuffer>;
  /** N of each, 0 where it is dropped, of traces past the horizon; null: stress relief shed them all. */
  readonly n: BigUint64Array<ArrayBuffer> | null;
  /** When, ns. */
  readonly atUnixNano: bigint;
}

const timeBytes = 8;
const idBytes = 16;
const nBytes = 8;

/** Kind of the record, `shed` or `past`, and the parts of its body (records.ts). */
export function encodeAtArrival({ ids, n, atUnixNano }: DecidedAtArrival): readonly [number, readonly Uint8Array[]] {
  const parts = [encodeNumber(atUnixNano), bytesOf(ids)];
  return n === null ? [recordKinds.shed, parts] : [recordKinds.past, [...parts, bytesOf(n)]];
}

/** Throws CodedError `journal_corrupt`. */
export function decodeAtArrival(kind: number, body: Uint8Array): DecidedAtArrival {
  const isShed = kind === recordKinds.shed;
  const count = (body.length - timeBytes) / (isShed ? idBytes : idBytes + nBytes);
  if (count < 0 || !Number.isInteger(count)) throw malformed(`traces decided at arrival, of ${body.length} bytes`);
  const idsEnd = timeBytes + count * idBytes;
  return {
    atUnixNano: decodeBig(body.subarray(0, timeBytes)), ids: new Uint32Array(body.slice(timeBytes, idsEnd).buffer),
    n: isShed ? null : new BigUint64Array(body.slice(idsEnd).buffer),
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | BigUint64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
