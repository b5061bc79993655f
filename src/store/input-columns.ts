import { type BufferSource, freshBuffers } from '../base/buffer-source.ts';
import type { OtapBatch } from '../otap/batch.ts';
import { encodeInputProbabilityWords } from '../sampling/input-probability.ts';
import { type InputStates, inputStates, leaves, type SamplingInput } from '../sampling/input-state.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { writeUuid } from './field-readers.ts';
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
  /** How each row may leave, one of `leaves`. */
  readonly leaves: Uint8Array;
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
  /** Log records have a randomness of their own: what their traces' is does not count (sampling.md, rule 14). */
  readonly ownRandomness?: boolean;
}

export function inputSource(held: HeldBatch): InputSource {
  return { batchOrdinal: held.ordinal, withoutThreshold: held.withoutThreshold, ownRandomness: held.ownRandomness };
}

/** What the rows say and what follows from it, as it is read at arrival and again when rows are kept. */
export interface BatchInput {
  readonly said: SamplingInput;
  readonly states: InputStates;
}

/**
 * Reads the input states of a batch, or of `rows` alone (sampling.md, rules 1 to 4), into `memory`; the same each time for the same bytes, source
 * and key.
 */
export function readBatchInput(
  batch: OtapBatch, source: InputSource, hash: KeyedHash, rows: Uint32Array | null = null, memory: BufferSource = freshBuffers,
): BatchInput {
  const read = readSamplingInput(batch, source.batchOrdinal, rows);
  const said = source.ownRandomness === true && read.signal === 'logs' ? { ...read, traceIds: null } : read;
  return { said, states: inputStates(said, source.withoutThreshold, hash, rows, memory) };
}

/** Reads what a batch's rows bring to their slots, into `memory`. */
export function readInputs(batch: OtapBatch, source: InputSource, hash: KeyedHash, memory: BufferSource = freshBuffers): InputColumns {
  const { said, states } = readBatchInput(batch, source, hash, null, memory);
  let adjustedCount = 0;
  for (const count of states.adjustedCounts) adjustedCount += count;
  return {
    randomness: states.randomness,
    traceIds: batch.signal === 'traces' ? uuidsOf(said, hash, memory) : null,
    sampled: sampledRows(states),
    leaves: states.leaves,
    adjustedCount,
  };
}

/**
 * A row without a trace id becomes a trace of its own: (row, batch ordinal), which no random id looks like. DuckDB hashes a UUID
 * by its halves, so that ids of equal halves would all collide and make joins quadratic: of those, which by chance are none, a
 * half is replaced by a keyed hash.
 */
function uuidsOf({ rowCount, traceIds, batchOrdinal }: SamplingInput, hash: KeyedHash, memory: BufferSource): Uint32Array<ArrayBuffer> {
  const { buffer, byteOffset } = memory.take(rowCount * 16);
  const ids = new Uint32Array(buffer, byteOffset, rowCount * 4);
  for (let row = 0; row < rowCount; row++) {
    const at = row * 4;
    if (traceIds === null || writeUuid(ids, at, traceIds, row * 16) === 0) {
      ids[at] = row;
      ids[at + 1] = batchOrdinal % 2 ** 32;
      ids[at + 2] = 0xffff0000 + Math.floor(batchOrdinal / 2 ** 32);
      ids[at + 3] = 0x80000000;
    } else if (ids[at] === ids[at + 2] && ids[at + 1] === ids[at + 3]) {
      hash.hashTraceId(traceIds, row * 16);
      ids[at] = hash.low;
      ids[at + 1] = hash.high32;
    }
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

