import { createHash } from 'node:crypto';
import { CodedError } from '../../base/errors.ts';
import type { OtapBatch, PayloadTable } from '../../otap/batch.ts';
import type { Column, FixedBinaryColumn, WideColumn } from '../../otap/column.ts';
import { rootPayload } from '../../otap/payload-type.ts';
import { KeyedHash } from '../../sampling/keyed-hash.ts';
import { isZeroTraceId } from '../../sampling/randomness.ts';
import { parseThreshold } from '../../sampling/threshold.ts';
import { visitFixedBytes } from '../../store/field-readers.ts';
import { LookupCache, readWide } from '../../store/lookup.ts';
import { readSamplingInput } from '../../store/sampling-input.ts';
import { statedThresholds } from '../kept-items.ts';

/** 2^56, as a double: it is exact. */
const whole = 2 ** 56;

/** What renaming does to one trace. */
interface TraceKey {
  readonly oldId: Uint8Array;
  /** N of the least probability that its items came with: the new randomness stays above that threshold, since they did arrive. */
  nIn: number;
}

/** One batch, with which trace each row of its columns of trace ids belongs to (-1 where there is none, or it is not renamed). */
interface KnownBatch {
  readonly batch: OtapBatch;
  readonly traceOf: Int32Array | null;
  readonly linkTraceOf: Int32Array | null;
}

/**
 * The same telemetry under other trace ids: each seed gives every trace a new id, and with it a new randomness, uniform over what it can
 * be given the thresholds that its items came with. What must stay is kept in `fixed`.
 */
export class TraceKeys {
  readonly #keys: TraceKey[] = [];
  readonly #byId = new Map<string, number>();
  readonly #fixed: ReadonlySet<string> | 'all';
  readonly #batches: KnownBatch[] = [];
  readonly #lookups = new LookupCache();

  /** `fixed`: ids (32 hex digits) that no seed changes, or all. */
  constructor(fixed: ReadonlySet<string> | 'all' = new Set()) {
    this.#fixed = fixed;
  }

  get traceCount(): number {
    return this.#keys.length;
  }

  /** Takes a batch in; gives its number. Throws CodedError where an item states a randomness of its own, which no new id would change. */
  add(batch: OtapBatch): number {
    const said = readSamplingInput(batch, 0);
    const thresholds = statedThresholds(said);
    const { traceIds } = said;
    const traceOf = traceIds === null ? null : Int32Array.from({ length: batch.rowCount }, (_, row) => (isZeroTraceId(traceIds, row * 16) ? -1 : this.#numberOf(traceIds, row * 16)));
    for (let row = 0; row < batch.rowCount; row++) {
      const trace = traceOf?.[row] ?? -1;
      const threshold = parseThreshold(thresholds[row] ?? '');
      if (trace >= 0 && threshold !== null) this.#keys[trace].nIn = Math.min(this.#keys[trace].nIn, whole - Number(threshold));
    }
    const links = batch.table('SPAN_LINKS')?.column('trace_id') ?? null;
    this.#batches.push({ batch, traceOf, linkTraceOf: links === null ? null : this.#known(links) });
    return this.#batches.length - 1;
  }

  /** Refuses items whose randomness is written on them. */
  static assertRenamable(batch: OtapBatch): void {
    const { randomness, traceStates } = readSamplingInput(batch, 0);
    const stated = (randomness ?? []).some((text) => text !== null) || (traceStates ?? []).some((state) => state !== null && /[=;]rv:/.test(state));
    if (stated) throw new CodedError('INVALID_ARGUMENT', 'not_renamable', 'an item states its own randomness (rv or sampling.randomness), so that no seed can give it another; leave it out of cases with `unbiased`');
  }

  /** The new ids of a seed, 16 bytes a trace. */
  idsOf(seed: string): Uint8Array {
    const hash = new KeyedHash(createHash('sha256').update(`thresher policy test ${seed}`).digest().subarray(0, 16));
    const ids = new Uint8Array(this.#keys.length * 16);
    const view = new DataView(ids.buffer);
    this.#keys.forEach(({ oldId, nIn }, trace) => {
      if (this.#fixed === 'all' || this.#fixed.has(Buffer.from(oldId).toString('hex'))) return ids.set(oldId, trace * 16);
      hash.hashPlace(0, trace);
      view.setUint32(trace * 16, hash.high32 | 1);
      view.setUint32(trace * 16 + 4, hash.low);
      hash.hashPlace(1, trace);
      view.setUint32(trace * 16 + 8, hash.high32);
      view.setUint32(trace * 16 + 12, hash.low);
      if (nIn === whole) return;
      const r = whole - Math.max(1, Math.min(nIn, Math.ceil(((hash.low + hash.high * 2 ** 32) / whole) * nIn)));
      view.setUint32(trace * 16 + 8, ((hash.high32 & 0xff000000) >>> 0) + Math.floor(r / 2 ** 32));
      view.setUint32(trace * 16 + 12, r % 2 ** 32);
    });
    return ids;
  }

  /** Number of the trace that had this id (32 hex digits) before any seed; -1 where there is none. */
  traceOf(idHex: string): number {
    return this.#byId.get(idHex) ?? -1;
  }

  /** Batch `number` with the ids of a seed (`idsOf`), all its times moved by `shiftNano`. */
  renamed(number: number, ids: Uint8Array, shiftNano: bigint): OtapBatch {
    const { batch, traceOf, linkTraceOf } = this.#batches[number];
    const root = rootPayload[batch.signal].name;
    return {
      signal: batch.signal, batchId: batch.batchId, rowCount: batch.rowCount, layout: batch.layout,
      table: (name) => {
        const table = batch.table(name);
        if (table === null) return null;
        const traces = name === root ? traceOf : name === 'SPAN_LINKS' ? linkTraceOf : null;
        return this.#changed(table, traces, ids, shiftNano);
      },
    };
  }

  #changed(table: PayloadTable, traces: Int32Array | null, ids: Uint8Array, shiftNano: bigint): PayloadTable {
    return {
      info: table.info, rowCount: table.rowCount, paths: table.paths,
      ids: (path) => table.ids(path),
      encodingMark: (path) => table.encodingMark(path),
      rowsOfKey: (key) => table.rowsOfKey(key),
      valuesOf: (rows) => table.valuesOf(rows),
      release: () => table.release(),
      column: (path) => {
        const column = table.column(path);
        if (column === null) return null;
        if (path === 'trace_id' && traces !== null) return renamedIds(column, traces, ids);
        return column.type === 'timestamp' && shiftNano !== 0n ? this.#shifted(column, shiftNano) : column;
      },
    };
  }

  #shifted(column: Column, shiftNano: bigint): WideColumn {
    const values = readWide(column, this.#lookups);
    for (let row = 0; row < values.length; row++) if (values[row] !== 0n) values[row] += shiftNano;
    return { kind: 'wide', type: 'timestamp', length: column.length, validity: column.validity, values };
  }

  #numberOf(bytes: Uint8Array, at: number): number {
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset + at, 16).toString('hex');
    const known = this.#byId.get(hex);
    if (known !== undefined) return known;
    this.#byId.set(hex, this.#keys.length);
    return this.#keys.push({ oldId: bytes.slice(at, at + 16), nIn: whole }) - 1;
  }

  /** Traces that links point to: those that are given are renamed with them. */
  #known(column: Column): Int32Array {
    const traces = new Int32Array(column.length).fill(-1);
    visitFixedBytes(column, (row, data, offset) => {
      traces[row] = isZeroTraceId(data, offset) ? -1 : this.#numberOf(data, offset);
    });
    return traces;
  }
}

function renamedIds(column: Column, traces: Int32Array, ids: Uint8Array): FixedBinaryColumn {
  const data = new Uint8Array(column.length * 16);
  visitFixedBytes(column, (row, bytes, offset) => data.set(bytes.subarray(offset, offset + 16), row * 16));
  for (let row = 0; row < traces.length; row++) if (traces[row] >= 0) data.set(ids.subarray(traces[row] * 16, traces[row] * 16 + 16), row * 16);
  return { kind: 'fixed_binary', type: 'fixed16', width: 16, length: column.length, validity: column.validity, data };
}
