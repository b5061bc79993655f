import type { SampledSignal } from '../../store/slot-plan.ts';
import type { WindowName } from './records.ts';

/** What a segment is still needed for. */
interface SegmentNeeds {
  /** By signal, the last window that has rows of its batches. */
  readonly lastSlot: { [signal in SampledSignal]: number };
  /** Batches on their way into windows, and batches whose late rows are not delivered. */
  pending: number;
  bytes: number;
  /** Only decisions are left in it. */
  isStripped: boolean;
  lastDecidedUnixNano: bigint;
  /** When the first of its batches came, and its first batch or decision; null before. */
  firstArrivalUnixNano: bigint | null;
  firstUnixNano: bigint | null;
}

/** By signal, the first window that is not decided and delivered. */
export type LowestOpen = { readonly [signal in SampledSignal]: number };

/** What each segment of the journal is needed for. Segments go in order, the oldest first: those behind have the marks of what those before hold. */
export class JournalSegments {
  readonly #segments = new Map<number, SegmentNeeds>();

  /** Bytes of all segments. */
  get byteLength(): number {
    let bytes = 0;
    for (const needs of this.#segments.values()) bytes += needs.bytes;
    return bytes;
  }

  get count(): number {
    return this.#segments.size;
  }

  start(segment: number): void {
    if (!this.#segments.has(segment)) this.#segments.set(segment, { lastSlot: { traces: -1, logs: -1 }, pending: 0, bytes: 0, isStripped: false, lastDecidedUnixNano: 0n, firstArrivalUnixNano: null, firstUnixNano: null });
  }

  resize(segment: number, bytes: number): void {
    this.#of(segment).bytes = bytes;
  }

  /** So many things more (or fewer) of the segment are under way. */
  pend(segment: number, count: number): void {
    this.#of(segment).pending += count;
  }

  /** A batch of the segment came then, and is under way. */
  arrived(segment: number, atUnixNano: bigint): void {
    const needs = this.#of(segment);
    needs.firstArrivalUnixNano = earliest(needs.firstArrivalUnixNano, atUnixNano);
    needs.firstUnixNano = earliest(needs.firstUnixNano, atUnixNano);
    needs.pending++;
  }

  /** Rows of a batch of the segment are in a window. */
  uses(segment: number, { signal, slot }: WindowName): void {
    const { lastSlot } = this.#of(segment);
    lastSlot[signal] = Math.max(lastSlot[signal], slot);
  }

  decided(segment: number, atUnixNano: bigint): void {
    const needs = this.#of(segment);
    if (atUnixNano > needs.lastDecidedUnixNano) needs.lastDecidedUnixNano = atUnixNano;
    needs.firstUnixNano = earliest(needs.firstUnixNano, atUnixNano);
  }

  stripped(segment: number, bytes: number): void {
    const needs = this.#of(segment);
    needs.isStripped = true;
    needs.bytes = bytes;
  }

  forget(segment: number): void {
    this.#segments.delete(segment);
  }

  /** The first segment with batches before `current` where nothing needs its batches any more, nor those of the ones before it; null where there is none. */
  deliverable(current: number, lowest: LowestOpen): number | null {
    for (const [segment, needs] of this.#inOrder()) {
      if (needs.isStripped) continue;
      const isDone = segment < current && needs.pending === 0 && needs.lastSlot.traces < lowest.traces && needs.lastSlot.logs < lowest.logs;
      return isDone ? segment : null;
    }
    return null;
  }

  /**
   * A segment of decisions alone that no start would look up any more: all of them were made more than a horizon before now, and before the first batch that is still
   * there, which a start takes as of its arrival. Null where there is none.
   */
  outlived(nowUnixNano: bigint, horizonNano: bigint): number | null {
    let first = nowUnixNano;
    for (const needs of this.#segments.values()) if (!needs.isStripped) first = earliest(needs.firstArrivalUnixNano, first);
    for (const [segment, needs] of this.#inOrder()) if (needs.isStripped && needs.lastDecidedUnixNano < first - horizonNano) return segment;
    return null;
  }

  /** Whether a segment has a batch or a decision from before `unixNano`. */
  isFromBefore(segment: number, unixNano: bigint): boolean {
    const firstUnixNano = this.#segments.get(segment)?.firstUnixNano ?? null;
    return firstUnixNano !== null && firstUnixNano < unixNano;
  }

  #inOrder(): [number, SegmentNeeds][] {
    return [...this.#segments].sort(([a], [b]) => a - b);
  }

  #of(segment: number): SegmentNeeds {
    this.start(segment);
    const needs = this.#segments.get(segment);
    if (needs === undefined) throw new Error(`invariant broken: segment ${segment} was started`);
    return needs;
  }
}

function earliest(known: bigint | null, unixNano: bigint): bigint {
  return known !== null && known < unixNano ? known : unixNano;
}
