import { draws } from '../../base/draws.ts';
import { CodedError } from '../../base/errors.ts';
import type { OtapBatch } from '../../otap/batch.ts';
import { CaptureReader, signalOfMessage } from '../../otap/capture-file.ts';
import { OtapStreamDecoder } from '../../otap/decode/stream-decoder.ts';
import { eventTimes } from '../../pipeline/slot-rows.ts';
import { LookupCache } from '../../store/lookup.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import { drawValue } from '../test-file/drawn.ts';
import type { Given, GivenTrace } from '../test-file/given.ts';
import { GivenTables } from './given-tables.ts';

/** What a case is given, built: batches in the order in which they come, and who is who in them. */
export interface GivenItems {
  readonly batches: readonly OtapBatch[];
  /** Windows that the given items' own times span. */
  readonly windows: number;
  /** Traces and log records by number; null for captures, whose items have no names. */
  readonly units: readonly Unit[] | null;
  /** Number of the unit of a span, by the span's id. */
  readonly unitOfSpan: ReadonlyMap<string, number>;
  /** Number of the unit of a log record, by its mark. */
  readonly unitOfMark: ReadonlyMap<number, number>;
  /** Trace ids that are given, which stay as they are. */
  readonly fixedIds: ReadonlySet<string>;
}

/** A trace or a log record. */
export interface Unit {
  readonly signal: SampledSignal;
  readonly name: string;
  /** The id that it has before a seed gives it another: 32 hex digits, '' where there is none. */
  readonly traceId: string;
}

const rowsMax = 2_000_000;
/** Given windows are counted from about here (2023). */
const aroundNano = 1_700_000_000_000_000_000n;

/** Start of the first given window, ns since the epoch. */
export function firstWindowNano(windowMs: number): bigint {
  const length = BigInt(Math.round(windowMs * 1e6));
  return ((aroundNano + length - 1n) / length) * length;
}

/** Builds what a case is given, values drawn by `seed`. Throws CodedError where a capture cannot be read, or there is too much. */
export function givenItems(given: Given, options: { readonly windowMs: number; readonly seed: number; readonly resolve: (path: string) => string }): GivenItems {
  if (given.captures.length > 0) return fromCaptures(given.captures.map(options.resolve), options.windowMs);
  return new Building(options.windowMs, options.seed).build(given);
}

class Building {
  readonly #lengthNano: bigint;
  readonly #startNano: bigint;
  readonly #seed: number;
  readonly #tables = new Map<string, GivenTables>();
  readonly #units: Unit[] = [];
  readonly #unitOfSpan = new Map<string, number>();
  readonly #unitOfMark = new Map<number, number>();
  readonly #fixedIds = new Set<string>();
  readonly #firstOf = new Map<string, { readonly unit: number; readonly count: number }>();
  #spans = 0;
  #slotMax = 0;

  constructor(windowMs: number, seed: number) {
    this.#lengthNano = BigInt(Math.round(windowMs * 1e6));
    this.#startNano = firstWindowNano(windowMs);
    this.#seed = seed;
  }

  build({ traces, logs }: Given): GivenItems {
    for (const trace of traces) this.#nameTraces(trace);
    for (const [order, trace] of traces.entries()) this.#addTraces(trace, order);
    for (const [order, log] of logs.entries()) {
      const next = draws(this.#seed * 7919 + 500_000 + order);
      for (let index = 0; index < log.repeat; index++) {
        const unit = this.#units.push({ signal: 'logs', name: log.name, traceId: '' }) - 1;
        this.#unitOfMark.set(unit + 1, unit);
        const startNano = this.#at(log.window, Number(drawValue(log.startMs, next)));
        const traceId = log.traceId !== null ? Uint8Array.from(Buffer.from(log.traceId, 'hex')) : log.trace === null ? null : this.#idOfTrace(log.trace, index);
        if (log.traceId !== null) this.#fixedIds.add(log.traceId);
        this.#in('logs', startNano).addLog(log, { traceId, startNano, mark: unit + 1 }, { index, next });
        this.#checkSize();
      }
    }
    const keys = [...this.#tables.keys()].sort();
    return {
      batches: keys.map((key) => (this.#tables.get(key) ?? new GivenTables('traces')).batch()),
      windows: this.#slotMax + 1, units: this.#units, unitOfSpan: this.#unitOfSpan, unitOfMark: this.#unitOfMark, fixedIds: this.#fixedIds,
    };
  }

  #nameTraces(trace: GivenTrace): void {
    this.#firstOf.set(trace.name, { unit: this.#units.length, count: trace.repeat });
    for (let index = 0; index < trace.repeat; index++) {
      const traceId = trace.id ?? Buffer.from(idOf(this.#units.length)).toString('hex');
      if (trace.id !== null) this.#fixedIds.add(trace.id);
      this.#units.push({ signal: 'traces', name: trace.name, traceId });
    }
  }

  #addTraces(trace: GivenTrace, order: number): void {
    const next = draws(this.#seed * 7919 + order);
    for (let index = 0; index < trace.repeat; index++) this.#addTrace(trace, index, next);
  }

  #addTrace(trace: GivenTrace, index: number, next: () => number): void {
    const unit = (this.#firstOf.get(trace.name)?.unit ?? 0) + index;
    const traceId = Uint8Array.from(Buffer.from(this.#units[unit].traceId, 'hex'));
    const startMs = Number(drawValue(trace.startMs, next));
    const first = this.#spans;
    const firstOf: number[] = [];
    for (const span of trace.spans) {
      firstOf.push(this.#spans);
      for (let copy = 0; copy < span.repeat; copy++) {
        const parent = span.parent === null ? (this.#spans === first ? null : first) : span.parent < 0 ? null : firstOf[span.parent] ?? null;
        const spanId = spanIdOf(this.#spans++);
        this.#unitOfSpan.set(Buffer.from(spanId).toString('hex'), unit);
        const startNano = this.#at(trace.window, startMs + span.startMs);
        this.#in('traces', startNano).addSpan(
          span, { traceId, startNano, spanId, parentId: parent === null ? null : spanIdOf(parent), tracestate: trace.tracestate },
          (name) => this.#idOfTrace(name, index), { index, next });
        this.#checkSize();
      }
    }
  }

  #idOfTrace(name: string, index: number): Uint8Array {
    const known = this.#firstOf.get(name);
    return known === undefined ? new Uint8Array(16) : Uint8Array.from(Buffer.from(this.#units[known.unit + (index % known.count)].traceId, 'hex'));
  }

  #at(window: number, offsetMs: number): bigint {
    return this.#startNano + BigInt(window) * this.#lengthNano + BigInt(Math.round(offsetMs * 1e6));
  }

  /** The tables of a signal and slot; their names sort in the order in which they come, traces before logs. */
  #in(signal: SampledSignal, startNano: bigint): GivenTables {
    const slot = Number((startNano - this.#startNano) / this.#lengthNano);
    this.#slotMax = Math.max(this.#slotMax, slot);
    const key = `${String(slot).padStart(9, '0')} ${signal === 'traces' ? 0 : 1}`;
    const known = this.#tables.get(key) ?? new GivenTables(signal);
    this.#tables.set(key, known);
    return known;
  }

  #checkSize(): void {
    if (this.#spans + this.#unitOfMark.size > rowsMax) throw new CodedError('INVALID_ARGUMENT', 'too_much_given', `more than ${rowsMax} spans and log records are given; repeat fewer`);
  }
}

/** An id that says its number and nothing else; seeds replace it. */
function idOf(unit: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, 0x7e57);
  new DataView(id.buffer).setUint32(12, unit + 1);
  return id;
}

function spanIdOf(ordinal: number): Uint8Array {
  const id = new Uint8Array(8);
  new DataView(id.buffer).setUint32(0, 0x7e57);
  new DataView(id.buffer).setUint32(4, ordinal + 1);
  return id;
}

function fromCaptures(paths: readonly string[], windowMs: number): GivenItems {
  const batches = paths.flatMap((path) => [...captureBatches(path)]);
  const lookups = new LookupCache();
  const times = batches.map((batch) => eventTimes(batch, lookups));
  const first = times.reduce((least, { min }) => Math.min(least, min ?? Infinity), Infinity);
  const last = times.reduce((greatest, { values }) => values.reduce((so, value) => Math.max(so, value), greatest), 0);
  return { batches, windows: Math.ceil(Math.max(0, last - first) / (windowMs * 1e6)) + 2, units: null, unitOfSpan: new Map(), unitOfMark: new Map(), fixedIds: new Set() };
}

/** Every batch of a capture file. Throws CodedError where it cannot be read or holds metrics. */
export function* captureBatches(path: string): Generator<OtapBatch> {
  const reader = new CaptureReader(path);
  try {
    let decoder: OtapStreamDecoder | null = null;
    for (let bytes = reader.next(); bytes !== null; bytes = reader.next()) {
      const signal = decoder === null ? signalOfMessage(bytes) : null;
      if (decoder === null && (signal === null || signal === 'metrics')) throw new CodedError('INVALID_ARGUMENT', 'not_sampled', `${path} holds ${signal ?? 'no'} items that policies decide on`);
      decoder ??= new OtapStreamDecoder(signal ?? 'traces');
      yield decoder.decode(bytes);
    }
  } finally {
    reader.close();
  }
}
