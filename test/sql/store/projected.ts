import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { catalogStars } from '../../../src/policy/catalog/stars.ts';
import { catalogViews } from '../../../src/policy/catalog/views.ts';
import type { CompiledPolicy, KeyRead, ViewName } from '../../../src/policy/compile/compiled.ts';
import { slotPlanOf } from '../../../src/policy/slot-plan-of.ts';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';
import type { Session } from '../../../src/store/duckdb.ts';
import { HeldBatch } from '../../../src/store/held-batch.ts';
import { inputSource, readInputs } from '../../../src/store/input-columns.ts';
import { LookupCache } from '../../../src/store/lookup.ts';
import { project } from '../../../src/store/projector.ts';
import { serialiseRetained } from '../../../src/store/retained-batch.ts';
import { Slot } from '../../../src/store/slot.ts';
import type { SampledSignal, StarTable } from '../../../src/store/slot-plan.ts';
import type { Window } from '../../../src/store/window-views.ts';

/** A policy that only says what it reads. */
export function reading(signal: SampledSignal, views: CompiledPolicy['views'], stars: CompiledPolicy['stars'] = []): CompiledPolicy {
  return { name: 'p', signal, mode: 'enforce', source: '', sql: '', wrappedSql: '', keyKind: 'id', hasSplit: false, namesOnlySampleOf: null, views, stars, sides: [], history: null, warnings: [] };
}

/** All columns of a view in the catalog but `attributes` and `resource`. */
export function allColumns(view: ViewName): string[] {
  const found = catalogViews.find(({ name }) => name === view);
  return (found?.columns ?? []).map(({ name }) => name).filter((name) => name !== 'attributes' && name !== 'resource');
}

export function keyReads(source: KeyRead['source'], keys: readonly (readonly [string, KeyRead['type']])[]): KeyRead[] {
  return keys.map(([key, type], index) => ({ source, key, type, field: `${source[0]}${index}` }));
}

export const allStars = (signal: SampledSignal): CompiledPolicy['stars'] =>
  catalogStars.filter(({ signals }) => signals.includes(signal)).map(({ name }) => ({ star: name as StarTable, keys: 'all', columns: [] }));

export interface Projected {
  readonly window: Window;
  readonly slots: readonly Slot[];
  readonly mismatches: Map<string, number>;
}

let slotsMade = 0;

/**
 * Projects the messages of one stream; `slotOf(row, batch)` says in which of `slotCount` slots a row goes. Each slot's rows come with
 * the numbers that a window of all of them gives.
 */
export async function projectStream(
  session: Session, signal: SampledSignal, messages: readonly Uint8Array[], policy: CompiledPolicy,
  slotCount = 1, slotOf: (row: number, batch: number) => number = () => 0,
): Promise<Projected> {
  const decoder = new OtapStreamDecoder(signal);
  return projectBatches(session, signal, messages.map((bytes) => decoder.decode(bytes)), policy, slotCount, slotOf);
}

/** The same of batches. */
export async function projectBatches(
  session: Session, signal: SampledSignal, batches: readonly OtapBatch[], policy: CompiledPolicy,
  slotCount = 1, slotOf: (row: number, batch: number) => number = () => 0,
): Promise<Projected> {
  const plan = slotPlanOf(signal, [policy]);
  const slots: Slot[] = [];
  for (let i = 0; i < slotCount; i++) slots.push(await Slot.create(session, `s${slotsMade++}`, plan));
  const mismatches = new Map<string, number>();
  const tools = { lookups: new LookupCache(), onMismatch: (key: string, count: number) => mismatches.set(key, (mismatches.get(key) ?? 0) + count) };
  const hash = new KeyedHash(new Uint8Array(16));
  batches.forEach((batch, index) => {
    const held = heldBatch(batch, new Uint8Array(0), index);
    const parts = slots.map((slot, number) => ({ slot, rows: slotCount === 1 ? null : rowsWhere(batch, (row) => slotOf(row, index) === number) }));
    project(parts, batch, held, readInputs(batch, inputSource(held), hash), tools);
  });
  for (const slot of slots) slot.flush();
  return { window: windowOf(signal, slots), slots, mismatches };
}

function rowsWhere(batch: OtapBatch, test: (row: number) => boolean): Uint32Array {
  return Uint32Array.from(Array.from({ length: batch.rowCount }, (_, row) => row).filter(test));
}

export function windowOf(signal: SampledSignal, slots: readonly Slot[]): Window {
  let offset = 0;
  return {
    signal,
    slots: slots.map((slot) => {
      const part = { slot, offset, filter: null };
      offset += slot.rows.rowCount;
      return part;
    }),
  };
}

export function heldBatch(batch: OtapBatch, bytes: Uint8Array, batchOrdinal: number, account = { retained: 0 }): HeldBatch {
  const header = { kind: 'batch', signal: batch.signal, encoding: 'none', withoutThreshold: 'unsampled', isChecked: false, batchOrdinal, arrivalUnixNano: 0n, streamNumber: 0, bodyBytes: bytes.length } as const;
  return new HeldBatch(serialiseRetained(header, bytes), batch.rowCount, batch.layout, account);
}
