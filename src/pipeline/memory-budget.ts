import type { MemoryShares } from './memory-shares.ts';

/** What holds memory for items on their way. `tables` are DuckDB's. */
export const memoryParts = ['retained', 'tables', 'streams', 'open_traces', 'decisions', 'queues', 'receiving'] as const;
export type MemoryPart = (typeof memoryParts)[number];

/** Bytes that somebody holds now. */
export type Holding = () => number;

/**
 * One budget of bytes for all that is held. DuckDB's tables have a bound within its share, everything else has the rest (memory-shares.ts);
 * where either is full, senders are told to come again.
 */
export class MemoryBudget {
  readonly shares: MemoryShares;
  readonly #holdings = new Map<MemoryPart, Holding[]>();
  readonly #largest: Holding[] = [];
  #softLimit = Infinity;
  #onSoftLimit: () => void = () => undefined;

  constructor(shares: MemoryShares) {
    this.shares = shares;
  }

  get limitBytes(): number {
    return this.shares.limitBytes;
  }

  /** From now on what `holding` says counts too. */
  count(part: MemoryPart, holding: Holding): void {
    this.#holdings.set(part, [...this.#holdings.get(part) ?? [], holding]);
  }

  /** `holding` says what the largest window's tables take; needed where tables are spilled, so that all of them may take more than one may. */
  countLargest(holding: Holding): void {
    this.#largest.push(holding);
  }

  /** `onSoftLimit` is told at each batch that comes while the budget is filled to the fraction `softLimit`. */
  watch(softLimit: number, onSoftLimit: () => void): void {
    this.#softLimit = softLimit;
    this.#onSoftLimit = onSoftLimit;
  }

  heldBy(part: MemoryPart): number {
    let bytes = 0;
    for (const holding of this.#holdings.get(part) ?? []) bytes += holding();
    return bytes;
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const part of this.#holdings.keys()) bytes += this.heldBy(part);
    return bytes;
  }

  /** How full it is: 1 where nothing more may come. The fullest speaks: tables, a window's tables, all else. */
  get fullness(): number {
    return this.#fullnessWith(0);
  }

  /** How full it would be without what open windows hold. */
  get fullnessBeside(): number {
    const windows = this.heldBy('retained') + this.heldBy('tables') + this.heldBy('open_traces');
    return (this.heldBytes - windows) / this.shares.othersBytesMax;
  }

  /** Whether `bytes` more may come. */
  hasRoom(bytes: number): boolean {
    const fullness = this.#fullnessWith(bytes);
    if (fullness >= this.#softLimit) this.#onSoftLimit();
    return fullness <= 1;
  }

  /** Whether `bytes` at once could come if nothing else were held. */
  couldHold(bytes: number): boolean {
    return bytes <= this.shares.othersBytesMax;
  }

  #fullnessWith(bytes: number): number {
    const tables = this.heldBy('tables');
    const { tablesBytesMax, windowBytesMax, othersBytesMax } = this.shares;
    const largest = this.#largest.reduce((most, holding) => Math.max(most, holding()), 0);
    return Math.max(tables / tablesBytesMax, largest / windowBytesMax, (this.heldBytes - tables + bytes) / othersBytesMax);
  }
}
