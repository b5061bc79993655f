import type { PartialCause } from '../../sampling/partial.ts';
import type { HeldBatch } from '../../store/held-batch.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import type { EarlyCause } from '../early-windows.ts';
import type { KeepReasons } from '../keep-reasons.ts';
import type { KeptRows } from '../kept-rows.ts';
import { malformed } from './records.ts';

/** Decisions on traces: four words of each id, N (0: dropped), and why, where somebody asks. */
export interface TraceDecisions {
  readonly count: number;
  readonly ids: Uint32Array;
  readonly n: BigUint64Array;
  readonly reasons: Uint32Array | null;
  /** N that their roots say they came with, 0 for none; null or left out where none was heard. */
  readonly rootN?: BigUint64Array | null;
  /** Those that were decided on part of the evidence, by their number. */
  readonly partial: readonly (readonly [number, PartialCause])[];
  /** The same of all others; null where all was there. */
  readonly cause: PartialCause | null;
}

/** What is decided of a window: enough to send the same items with the same stamps again, and to treat late spans alike. */
export interface DecidedWindow {
  readonly signal: SampledSignal;
  readonly slot: number;
  readonly atUnixNano: bigint;
  readonly kept: readonly KeptRows[];
  /** Null for logs. */
  readonly traces: TraceDecisions | null;
  /** Set where these are traces of a window that is still open. */
  readonly early?: EarlyLook;
}

/** What the window of traces that were decided before it has to know of them. */
export interface EarlyLook {
  /** Their rows by then, and what these stand for. */
  readonly items: number;
  readonly truth: number;
  /** Why they were decided, those that were not too large. */
  readonly cause: EarlyCause;
  /** Ordinals of the batches whose rows came to the slot while these traces were being decided. */
  readonly during: readonly number[];
}

/** KeptRows with the batch by its ordinal. */
export type LoggedRows = Omit<KeptRows, 'batch'> & { readonly ordinal: number };

/** A DecidedWindow as it is read back. `isDone`: all that was kept is delivered, and nothing is said of it. */
export interface LoggedWindow extends Omit<DecidedWindow, 'kept'> {
  readonly kept: readonly LoggedRows[];
  readonly isDone: boolean;
}

/** The part that is text: JSON, behind its length in 4 bytes; arrays follow in the order in which it names them. */
interface Head {
  readonly signal: SampledSignal;
  readonly slot: number;
  readonly at: string;
  readonly isDone: boolean;
  readonly traces: { readonly count: number; readonly reasons: boolean; readonly root?: true; readonly partial: TraceDecisions['partial']; readonly cause: PartialCause | null } | null;
  readonly early?: EarlyLook;
  readonly parts: readonly PartHead[] | null;
  /** Texts of the reasons' codes. */
  readonly reasons: readonly (readonly [number, string])[];
}

interface PartHead {
  readonly ordinal: number;
  readonly count: number;
  readonly split: boolean;
  readonly ceiling: boolean;
  readonly reasons: boolean;
  readonly undecided: boolean;
  readonly partial: PartialCause | null;
  /** Decimal; left out where stress relief had no part. */
  readonly nMax?: string;
  /** Whether N of the roots' word follows. */
  readonly root?: true;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Parts of the record's body. */
export function encodeDecided(window: DecidedWindow, reasons: KeepReasons | null): Uint8Array[] {
  const codes = new Set([...(window.traces?.reasons ?? []), ...window.kept.flatMap((part) => [...(part.reasons ?? [])])]);
  const head: Head = {
    signal: window.signal, slot: window.slot, at: String(window.atUnixNano), isDone: false,
    traces: window.traces === null ? null : { count: window.traces.count, reasons: window.traces.reasons !== null, ...((window.traces.rootN ?? null) === null ? {} : { root: true }), partial: window.traces.partial, cause: window.traces.cause },
    ...(window.early === undefined ? {} : { early: window.early }), parts: window.kept.map(partHead),
    reasons: [...codes].flatMap((code) => {
      const text = reasons?.text(code) ?? null;
      return text === null ? [] : [[code, text] as const];
    }),
  };
  return [...headParts(head), ...tracesParts(window.traces), ...window.kept.flatMap(rowsParts)];
}

/** The same record without the rows, of a window that is delivered: what late spans need of it. */
export function strippedDecided(body: Uint8Array): Uint8Array {
  const { head, at } = readHead(body);
  const tracesBytes = head.traces === null ? 0 : head.traces.count * ((head.traces.reasons ? 28 : 24) + (head.traces.root === true ? 8 : 0));
  return Buffer.concat([...headParts({ ...head, isDone: true, parts: null }), body.subarray(at, at + tracesBytes)]);
}

/** Reads a record's body; reasons get codes of `reasons`. Throws CodedError `journal_corrupt`. */
export function decodeDecided(body: Uint8Array, reasons: KeepReasons | null): LoggedWindow {
  const { head, at } = readHead(body);
  const recoded = new Map(head.reasons.map(([code, text]) => [code, reasons?.of(text.split(',')) ?? 0]));
  const reader = new ArrayReader(body, at);
  const reasonsOf = (count: number): Uint32Array | null => {
    const codes = reader.words(count);
    return reasons === null ? null : codes.map((code) => recoded.get(code) ?? 0);
  };
  const traces = head.traces === null ? null : readTraces(head.traces, reader, reasonsOf);
  const kept = (head.parts ?? []).map((part) => ({
    ordinal: part.ordinal, rows: reader.words(part.count), n: reader.words(part.count * 2),
    nSplit: part.split ? reader.words(part.count * 2) : null, nCeiling: part.ceiling ? reader.words(part.count * 2) : null,
    reasons: part.reasons ? reasonsOf(part.count) : null, isUndecided: part.undecided, partial: part.partial,
    ...(part.nMax === undefined ? {} : { nMax: BigInt(part.nMax) }),
    ...(part.root === undefined ? {} : { rootN: reader.words(part.count * 2) }),
  }));
  return { signal: head.signal, slot: head.slot, atUnixNano: BigInt(head.at), isDone: head.isDone, traces, kept, ...(head.early === undefined ? {} : { early: head.early }) };
}

/** The rows of a record with their batches; `missing` counts rows of batches that are not there any more. */
export function keptOf(logged: readonly LoggedRows[], batches: ReadonlyMap<number, HeldBatch>): { readonly kept: KeptRows[]; readonly missing: number } {
  let missing = 0;
  const kept = logged.flatMap(({ ordinal, ...rows }) => {
    const batch = batches.get(ordinal);
    if (batch !== undefined) return [{ batch, ...rows }];
    missing += rows.rows.length;
    return [];
  });
  return { kept, missing };
}

function partHead({ batch, rows, nSplit, nCeiling, reasons, isUndecided, partial, nMax, rootN = null }: KeptRows): PartHead {
  return {
    ordinal: batch.ordinal, count: rows.length, split: nSplit !== null, ceiling: nCeiling !== null, reasons: reasons !== null, undecided: isUndecided, partial: partial ?? null,
    ...(nMax === undefined ? {} : { nMax: String(nMax) }), ...(rootN === null ? {} : { root: true }),
  };
}

function headParts(head: Head): Uint8Array[] {
  const text = encoder.encode(JSON.stringify(head));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length, true);
  return [length, text];
}

export function readHead(body: Uint8Array): { readonly head: Head; readonly at: number } {
  if (body.length < 4) throw malformed('a decision without its length');
  const at = 4 + new DataView(body.buffer, body.byteOffset, 4).getUint32(0, true);
  const head: Head = JSON.parse(decoder.decode(body.subarray(4, at)));
  return { head, at };
}

function tracesParts(traces: TraceDecisions | null): Uint8Array[] {
  return traces === null ? [] : [bytesOf(traces.ids.subarray(0, traces.count * 4)), bytesOf(traces.n.subarray(0, traces.count)), ...arrays(traces.reasons?.subarray(0, traces.count) ?? null), ...(traces.rootN == null ? [] : [bytesOf(traces.rootN.subarray(0, traces.count))])];
}

function readTraces({ count, reasons, root, partial, cause }: NonNullable<Head['traces']>, reader: ArrayReader, reasonsOf: (count: number) => Uint32Array | null): TraceDecisions {
  const ids = reader.words(count * 4);
  const n = new BigUint64Array(reader.words(count * 2).buffer);
  const codes = reasons ? reasonsOf(count) : null;
  return { count, ids, n, reasons: codes, ...(root === true ? { rootN: new BigUint64Array(reader.words(count * 2).buffer) } : {}), partial, cause };
}

function rowsParts({ rows, n, nSplit, nCeiling, reasons, rootN = null }: KeptRows): Uint8Array[] {
  return [bytesOf(rows), bytesOf(n), ...arrays(nSplit), ...arrays(nCeiling), ...arrays(reasons), ...arrays(rootN)];
}

function arrays(words: Uint32Array | null): Uint8Array[] {
  return words === null ? [] : [bytesOf(words)];
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | BigUint64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Takes arrays of words out of bytes, one after the other, each copied into memory of its own. */
class ArrayReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  words(count: number): Uint32Array<ArrayBuffer> {
    const end = this.#at + count * 4;
    if (end > this.#bytes.length) throw malformed('a decision that is cut off');
    const words = new Uint32Array(count);
    new Uint8Array(words.buffer).set(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return words;
  }
}
