import { traceIdWords } from '../policy/trace-id-table.ts';
import { leaves } from '../sampling/sampling-input.ts';
import { compare56, highOf56, lowOf56, TWO_56 } from '../sampling/word56.ts';
import type { InputColumns } from '../store/input-columns.ts';
import { rowNumbers, type SlotRows } from './slot-rows.ts';
import type { TraceMemory } from './trace-memory.ts';

/**
 * Which rows of one batch stress relief sheds as they come: those whose R does not reach the threshold in force (sampling.md, rule 19). A trace whose
 * first span is shed is remembered as dropped, so that none of it is taken when the threshold falls; one that is open already is dropped with its slot.
 * Spans that follow a decision, or wait for one that is being made, are not shed.
 */
export class ShedRows {
  readonly #inputs: InputColumns;
  readonly #tLow: number;
  readonly #tHigh: number;
  readonly #firstOpen: number;
  readonly #decided: TraceMemory['decided'] | null;
  readonly #dropped: number[] = [];
  #count = 0;

  /** `nMax`: N of the probability in force, below 2^56. `firstOpen`: the first slot that still takes rows. */
  constructor(inputs: InputColumns, nMax: bigint, firstOpen: number, decided: TraceMemory['decided'] | null) {
    const t = TWO_56 - nMax;
    this.#inputs = inputs;
    this.#tLow = lowOf56(t);
    this.#tHigh = highOf56(t);
    this.#firstOpen = firstOpen;
    this.#decided = decided;
  }

  /** Rows that were shed so far. */
  get count(): number {
    return this.#count;
  }

  /** Traces that are remembered as dropped since their first spans were shed, four words of each id. */
  get dropped(): Uint32Array<ArrayBuffer> {
    return Uint32Array.from(this.#dropped);
  }

  /** Whether the R of a row does not reach the threshold. */
  isBelow(row: number): boolean {
    const { randomness } = this.#inputs;
    return compare56(randomness[row * 2], randomness[row * 2 + 1], this.#tLow, this.#tHigh) < 0;
  }

  /** Whether rows [from, to) of one open trace, alike by `isBelow`, are shed; they are counted. */
  shedsOpen(slot: number, from: number, to: number): boolean {
    return slot >= this.#firstOpen && this.#sheds(from, to);
  }

  /**
   * Whether rows [from, to) of an unknown trace are shed. The trace is remembered as dropped but for rows of a count alone, whose R says nothing of
   * other spans that came with another count.
   */
  shedsUnknown(ids: Uint32Array, at: number, from: number, to: number): boolean {
    if (!this.#sheds(from, to)) return false;
    if (this.#inputs.leaves[from] === leaves.counted) return true;
    this.#decided?.put(ids, at, 0n);
    this.#dropped.push(...ids.subarray(at, at + traceIdWords));
    return true;
  }

  /** Whether rows [from, to) of a trace that is remembered as dropped, perhaps for its first span, count as shed, not as late. */
  shedsDropped(from: number, to: number): boolean {
    return this.#sheds(from, to);
  }

  /** Rows of signals whose items are decided one by one that are taken. */
  passing(slots: readonly SlotRows[], rowCount: number): SlotRows[] {
    return slots.flatMap((part) => {
      const all = rowNumbers(part, rowCount);
      const passing = all.filter((row) => !this.isBelow(row));
      this.#count += all.length - passing.length;
      return passing.length === 0 ? [] : [{ slot: part.slot, rows: passing.length === rowCount ? null : passing }];
    });
  }

  #sheds(from: number, to: number): boolean {
    if (!this.isBelow(from)) return false;
    this.#count += to - from;
    return true;
  }
}
