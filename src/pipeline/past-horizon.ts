import type { OtapBatch } from '../otap/batch.ts';
import { isValid } from '../otap/decode/bits.ts';
import { traceIdWords } from '../policy/trace-id-table.ts';
import { isKeptAt } from '../sampling/threshold.ts';
import { highOf56, lowOf56 } from '../sampling/word56.ts';
import type { InputColumns } from '../store/input-columns.ts';
import type { Lateness, PastHorizonBy } from './lateness.ts';
import type { TraceMemory } from './trace-memory.ts';

/** What becomes of spans of traces on which an earlier decision may be forgotten. */
export interface PastHorizon {
  readonly by: PastHorizonBy;
  /** By `fallback`: N of the probability that such a trace is kept with. */
  readonly n: bigint;
  /** By `fallback`: why it is kept, a code of KeepReasons; 0 where nobody asks. */
  readonly reason: number;
}

type Memory = Pick<TraceMemory, 'decided' | 'partial'>;

/**
 * The spans of one batch that are past the horizon: their trace is unknown, and they began before what is remembered, so that it may have been
 * decided and forgotten. That goes by their age alone (sampling.md, rule 17). Their trace is decided at once, by the fallback's
 * probability or as dropped, and that is remembered, so that all that comes of it leaves with one threshold; or it is taken for a new one, and marked.
 */
export class PastHorizonRows {
  readonly #horizon: PastHorizon;
  readonly #memory: Memory;
  readonly #inputs: InputColumns;
  readonly #starts: (row: number) => number;
  readonly #lateness: Lateness[] = [];
  readonly #ids: number[] = [];
  readonly #n: bigint[] = [];

  constructor(horizon: PastHorizon, memory: Memory, batch: OtapBatch, inputs: InputColumns) {
    this.#horizon = horizon;
    this.#memory = memory;
    this.#inputs = inputs;
    this.#starts = startsOf(batch);
  }

  /** What was found so far. */
  get lateness(): readonly Lateness[] {
    return this.#lateness;
  }

  /** Traces that were decided so far: four words of each id, and N, 0 where dropped. */
  get decided(): { readonly ids: Uint32Array<ArrayBuffer>; readonly n: BigUint64Array<ArrayBuffer> } {
    return { ids: Uint32Array.from(this.#ids), n: BigUint64Array.from(this.#n) };
  }

  /** Whether rows [from, to), all of one unknown trace, are past the horizon and were decided; `slot` is where its rows go if not. */
  decides(ids: Uint32Array, from: number, to: number, slot: number): boolean {
    const { decided, partial } = this.#memory;
    const startMs = earliest(this.#starts, from, to);
    if (startMs >= decided.forgottenBeforeMs) return false;
    this.#lateness.push({ outcome: 'past_horizon', ageMs: Math.max(0, decided.nowMs - startMs), rows: to - from });
    const at = from * traceIdWords;
    if (this.#horizon.by === 'policy') {
      partial.add(slot, ids, at, 'past_horizon');
      return false;
    }
    const n = this.#nOf(from);
    decided.put(ids, at, n, this.#horizon.reason, 'past_horizon');
    this.#ids.push(...ids.subarray(at, at + traceIdWords));
    this.#n.push(n);
    return true;
  }

  /** N of the decision on the trace of a row, 0 where it is dropped. */
  #nOf(row: number): bigint {
    const { by, n } = this.#horizon;
    const { randomness } = this.#inputs;
    if (by === 'drop') return 0n;
    return isKeptAt(randomness[row * 2], randomness[row * 2 + 1], lowOf56(n), highOf56(n)) ? n : 0n;
  }
}

/** When each span began, ms since the epoch; infinite where it does not say. The column is read when it is first asked for. */
function startsOf(batch: OtapBatch): (row: number) => number {
  let read: ((row: number) => number) | null = null;
  return (row) => (read ??= readStarts(batch))(row);
}

function readStarts(batch: OtapBatch): (row: number) => number {
  const column = batch.table('SPANS')?.column('start_time_unix_nano') ?? null;
  if (column === null) return () => Infinity;
  if (column.kind === 'wide') {
    const { values, validity } = column;
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
    return (row) => (isValid(validity, row) ? msOf(words[row * 2] + words[row * 2 + 1] * 2 ** 32) : Infinity);
  }
  if (column.kind !== 'dictionary') return () => Infinity;
  return (row) => (isValid(column.validity, row) ? msOf(Number(column.dictionary.store.bigint(column.codes[row]))) : Infinity);
}

/** A time of 0 says nothing, and one from 2262 on is no time. */
function msOf(unixNano: number): number {
  return unixNano <= 0 || unixNano >= 2 ** 63 ? Infinity : unixNano / 1e6;
}

function earliest(starts: (row: number) => number, from: number, to: number): number {
  let startMs = Infinity;
  for (let row = from; row < to; row++) startMs = Math.min(startMs, starts(row));
  return startMs;
}
