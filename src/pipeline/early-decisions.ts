import { traceIdWords } from '../policy/trace-id-table.ts';
import { causeOfCode, type PartialCause } from '../sampling/partial.ts';
import { KeptMarks } from './dropped-rows.ts';

/** Traces of a slot that were decided before its window, all at one time. */
export interface DecidedEarly {
  /** Four words each. */
  readonly ids: Uint32Array;
  /** N of each threshold, 0 where dropped. */
  readonly n: BigUint64Array;
  /** Why each was kept, a code of KeepReasons; null where nobody asks. */
  readonly reasons: Uint32Array | null;
  /** Numbers of why on part of the evidence. */
  readonly causes: Uint8Array;
  /** Rows of the slot from this one on have not left with the decision. */
  readonly bound: number;
}

/** What was decided early of one slot. */
export interface EarlyOfSlot {
  /** Table of trace_id, n, code where reasons are asked for, cause (the number of why on part of the evidence), and bound. */
  readonly table: string;
  readonly decisions: readonly DecidedEarly[];
  /** Rows that left or were dropped with them, and what they stand for. */
  readonly items: number;
  readonly truth: number;
}

/** How a row of an early decided trace leaves with the slot's window. */
export interface EarlyRow {
  readonly n: bigint;
  readonly reason: number;
  readonly partial: PartialCause | null;
  readonly bound: number;
}

/** Early decisions of the slots that are not decided yet. */
export class EarlyDecisions {
  readonly #bySlot = new Map<number, EarlyOfSlot>();
  readonly #marks = new Map<number, KeptMarks>();

  of(slot: number): EarlyOfSlot | null {
    return this.#bySlot.get(slot) ?? null;
  }

  add(slot: number, table: string, decided: DecidedEarly, counts: { readonly items: number; readonly truth: number }): void {
    const before = this.#bySlot.get(slot) ?? { decisions: [], items: 0, truth: 0 };
    this.#bySlot.set(slot, { table, decisions: [...before.decisions, decided], items: before.items + counts.items, truth: before.truth + counts.truth });
  }

  close(slot: number): void {
    this.#bySlot.delete(slot);
  }

  /** Marks of a slot's rows that left early. */
  marksOf(slot: number): KeptMarks {
    const marks = this.#marks.get(slot) ?? new KeptMarks();
    this.#marks.set(slot, marks);
    return marks;
  }

  /** The same of a slot that is decided now, for others to add to; those of slots before it are not needed any more. */
  takeMarks(slot: number): KeptMarks {
    const marks = this.marksOf(slot);
    for (const known of this.#marks.keys()) if (known <= slot) this.#marks.delete(known);
    return marks;
  }
}

/** Looks up early decided traces by their ids, without a query. */
export function earlyRows({ decisions }: EarlyOfSlot): (ids: Uint32Array, at: number) => EarlyRow | null {
  const found = new Map<string, EarlyRow>();
  const keyOf = (ids: Uint32Array, at: number): string => ids.subarray(at, at + traceIdWords).join();
  for (const { ids, n, reasons, causes, bound } of decisions) n.forEach((each, index) => found.set(keyOf(ids, index * traceIdWords), { n: each, reason: reasons?.[index] ?? 0, partial: causeOfCode(causes[index]), bound }));
  return (ids, at) => found.get(keyOf(ids, at)) ?? null;
}
