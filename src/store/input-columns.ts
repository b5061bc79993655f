import type { OtapBatch } from '../otap/batch.ts';
import { rootPayload } from '../otap/payload-type.ts';
import { encodeInputProbabilityWords } from '../sampling/input-probability.ts';
import { type InputStates, inputStates, leaves, type SamplingInput } from '../sampling/input-state.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { traceIdHigh, traceIdLow } from '../sampling/randomness.ts';
import { visitFixedBytes, writeUuid } from './field-readers.ts';
import type { HeldBatch } from './held-batch.ts';
import type { WithoutThreshold } from './retained-batch.ts';
import { readSamplingInput } from './sampling-input.ts';

/** What the items of a batch bring for sampling, one a root row. */
export interface InputColumns {
  /** R, 56 bits, as two words (low, high) a row. */
  readonly randomness: Uint32Array<ArrayBuffer>;
  /** Trace ids as DuckDB's UUIDs, four words a row; null for logs. A span without a trace id gets one that no other row has. */
  readonly traceIds: Uint32Array<ArrayBuffer> | null;
  /** Rows whose N of the input probability is not 2^56, or unknown; null where there are none. */
  readonly sampled: SampledRows | null;
  /** What the batch stands for: the sum over rows of the input's adjusted counts. */
  readonly adjustedCount: number;
}

export interface SampledRows {
  readonly rows: Uint32Array;
  readonly nIn: BigUint64Array<ArrayBuffer>;
  /** Codes of N within ids. */
  readonly codes: Uint32Array;
  /** 1 where the probability is unknown. */
  readonly unknown: Uint8Array;
}

/** Where a batch stands, and how it is read: what its input states depend on beside its bytes. */
export interface InputSource {
  readonly batchOrdinal: number;
  readonly withoutThreshold: WithoutThreshold;
}

export function inputSource(held: HeldBatch): InputSource {
  return { batchOrdinal: held.ordinal, withoutThreshold: held.withoutThreshold };
}

/** What the rows say and what follows from it, as it is read at arrival and again when rows are kept. */
export interface BatchInput {
  readonly said: SamplingInput;
  readonly states: InputStates;
}

/** Reads the input states of a batch (sampling.md, rules 1 to 4); the same each time for the same bytes, source and key. */
export function readBatchInput(batch: OtapBatch, source: InputSource, hash: KeyedHash): BatchInput {
  const said = readSamplingInput(batch, source.batchOrdinal);
  return { said, states: plainStates(said, source) ?? inputStates(said, source.withoutThreshold, hash) };
}

/** Reads what a batch's rows bring to their slots. */
export function readInputs(batch: OtapBatch, source: InputSource, hash: KeyedHash): InputColumns {
  const { states } = readBatchInput(batch, source, hash);
  let adjustedCount = 0;
  for (const count of states.adjustedCounts) adjustedCount += count;
  return {
    randomness: states.randomness,
    traceIds: batch.signal === 'traces' ? uuidsOf(batch, source.batchOrdinal) : null,
    sampled: sampledRows(states),
    adjustedCount,
  };
}

/** Spans that all have a trace id and say nothing of sampling, as most do: R is read off the ids; null for any others. */
function plainStates(said: SamplingInput, { withoutThreshold }: InputSource): InputStates | null {
  const { signal, rowCount, traceIds, traceStates, adjustedCounts, randomness: written } = said;
  if (signal !== 'spans' || withoutThreshold === 'unknown' || traceIds === null || adjustedCounts !== null || written !== null) return null;
  if (traceStates !== null && traceStates.some((state) => state !== null && state.includes('ot='))) return null;
  const randomness = new Uint32Array(rowCount * 2);
  const nIn = new Uint32Array(rowCount * 2);
  for (let row = 0; row < rowCount; row++) {
    const low = traceIdLow(traceIds, row * 16);
    const high = traceIdHigh(traceIds, row * 16);
    if (low === 0 && high === 0) return null;
    randomness[row * 2] = low;
    randomness[row * 2 + 1] = high;
    nIn[row * 2 + 1] = 0x1000000;
  }
  return { randomness, nIn, adjustedCounts: new Float64Array(rowCount).fill(1), leaves: new Uint8Array(rowCount), flags: new Uint8Array(rowCount) };
}

/** A row without a trace id becomes a trace of its own: (row, batch ordinal), which no random id looks like. */
function uuidsOf(batch: OtapBatch, batchOrdinal: number): Uint32Array<ArrayBuffer> {
  const ids = new Uint32Array(batch.rowCount * 4);
  const column = batch.table(rootPayload.traces.name)?.column('trace_id') ?? null;
  if (column !== null) visitFixedBytes(column, (row, data, offset) => writeUuid(ids, row * 4, data, offset));
  for (let row = 0; row < batch.rowCount; row++) {
    const at = row * 4;
    if ((ids[at] | ids[at + 1] | ids[at + 2] | (ids[at + 3] & 0x7fffffff)) !== 0) continue;
    ids[at] = row;
    ids[at + 1] = batchOrdinal % 2 ** 32;
    ids[at + 2] = 0xffff0000 + Math.floor(batchOrdinal / 2 ** 32);
    ids[at + 3] = 0x80000000;
  }
  return ids;
}

function sampledRows({ nIn, leaves: ways }: InputStates): SampledRows | null {
  const rows: number[] = [];
  for (let row = 0; row < ways.length; row++) {
    if (nIn[row * 2] !== 0 || nIn[row * 2 + 1] !== 0x1000000 || ways[row] === leaves.unknown) rows.push(row);
  }
  if (rows.length === 0) return null;
  const n = new Uint32Array(rows.length * 2);
  const codes = new Uint32Array(rows.length);
  rows.forEach((row, index) => {
    n[index * 2] = nIn[row * 2];
    n[index * 2 + 1] = nIn[row * 2 + 1];
    const isLast = index > 0 && n[index * 2] === n[index * 2 - 2] && n[index * 2 + 1] === n[index * 2 - 1];
    codes[index] = isLast ? codes[index - 1] : encodeInputProbabilityWords(nIn[row * 2], nIn[row * 2 + 1]);
  });
  const unknown = Uint8Array.from(rows, (row) => (ways[row] === leaves.unknown ? 1 : 0));
  return { rows: Uint32Array.from(rows), nIn: new BigUint64Array(n.buffer), codes, unknown };
}

