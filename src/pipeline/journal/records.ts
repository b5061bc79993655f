import { CodedError } from '../../base/errors.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';

/**
 * The records of the journal, by their kind in the log. Numbers are little-endian.
 *
 *     start     JSON: how windows are cut, and the first that is open, as of the start of the segment
 *     batch     4 bytes: number of the record within its stream and segment; then a retained batch or a stream's state (store/retained-batch.ts)
 *     taken     8 bytes: ordinal of a batch whose rows are in windows now
 *     closed    8 bytes: signal and slot of a window whose rows are fixed
 *     decided   decided-record.ts
 *     exported  as closed: all that was kept of a window is delivered, or given up
 *     lateSent  as taken: the same of the rows of a batch that followed decisions
 *     limited   8 bytes: N of the greatest probability that rows are taken with from here on
 *     shed      8 bytes: when (ns); then ids of traces that are dropped though no window decided them, 16 bytes each
 *     past      as shed, then N of each in 8 bytes, 0 where it is dropped: traces past the horizon, which are decided by their age
 *     early     as decided: traces of a window that is still open
 *     earlySent signal and slot as closed, then 8 bytes: when it was decided (ns); the same of what was kept of these
 */
export const recordKinds = { start: 1, batch: 2, taken: 3, closed: 4, decided: 5, exported: 6, lateSent: 7, limited: 8, early: 9, earlySent: 10, shed: 11, past: 12 } as const;

/** A window of a signal. */
export interface WindowName {
  readonly signal: SampledSignal;
  readonly slot: number;
}

const slotScale = 2;

/** Signal and slot in 8 bytes. */
export function encodeWindow({ signal, slot }: WindowName): Uint8Array {
  return encodeNumber(slot * slotScale + (signal === 'logs' ? 1 : 0));
}

/** Signal, slot and time of traces that were decided before their window, in 16 bytes. */
export function encodeEarly(window: WindowName & { readonly atUnixNano: bigint }): Uint8Array {
  return Buffer.concat([encodeWindow(window), encodeNumber(window.atUnixNano)]);
}

export function decodeWindow(body: Uint8Array): WindowName {
  const coded = decodeNumber(body);
  return { signal: coded % slotScale === 1 ? 'logs' : 'traces', slot: Math.floor(coded / slotScale) };
}

/** A whole number below 2^64 in 8 bytes. */
export function encodeNumber(value: number | bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value), true);
  return out;
}

export function decodeNumber(body: Uint8Array): number {
  return Number(decodeBig(body));
}

export function decodeBig(body: Uint8Array): bigint {
  if (body.length !== 8) throw malformed(`a number of ${body.length} bytes`);
  return new DataView(body.buffer, body.byteOffset, 8).getBigUint64(0, true);
}

/** How windows are cut, milliseconds, by signal the first that is open, and what limits them. */
export interface SegmentStart {
  readonly lengthMs: { readonly [signal in SampledSignal]: number };
  readonly firstOpen: { readonly [signal in SampledSignal]: number };
  /** N of the greatest probability that rows are taken with; decimal. */
  readonly nMax: string;
}

export function encodeStart(start: SegmentStart): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(start));
}

export function decodeStart(body: Uint8Array): SegmentStart {
  const { lengthMs, firstOpen, nMax }: Partial<SegmentStart> = JSON.parse(new TextDecoder().decode(body));
  if (lengthMs === undefined || firstOpen === undefined || nMax === undefined) throw malformed('a start without its fields');
  return { lengthMs, firstOpen, nMax };
}

/** Bytes before a serialised batch in its record. */
export const batchPrefixBytes = 4;

/** Number of a batch record within its stream, in the 4 bytes before it. */
export function sequenceBytes(sequence: number): Uint8Array {
  const out = new Uint8Array(batchPrefixBytes);
  new DataView(out.buffer).setUint32(0, sequence, true);
  return out;
}

export function malformed(what: string): CodedError {
  return new CodedError('INTERNAL', 'journal_corrupt', `the journal has ${what}: it was written by another version, or is damaged`);
}
