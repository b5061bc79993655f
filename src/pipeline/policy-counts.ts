import type { PolicyMode } from '../policy/compile/compiled.ts';

/**
 * What one policy came to in one window. Items are spans or log records; a unit is what a policy names, a trace or a log record.
 * "Kept" is by the policy's own threshold, after ceilings and what the item came with, whatever the other policies say; under
 * first_match only for units that no earlier policy named.
 */
export interface PolicyCounts {
  readonly name: string;
  readonly mode: PolicyMode;
  /** Units that it named; for a drop policy those that it put a ceiling on. */
  readonly named: number;
  /** Entries that it named for a hash of their own, since their unit alone is larger than the sample (sampling.md, rule 14, `split`). */
  readonly oversize: number;
  /** Units that reach its threshold; for a drop policy those that its ceiling lets pass. */
  readonly keptUnits: number;
  /** Items of those units. */
  readonly kept: number;
  /** The kept items' share of the window's retained bytes: items times the mean bytes of an item as it came, compressed. */
  readonly bytes: number;
  /** Sum of the kept items' adjusted counts by the policy's own probability. */
  readonly estimate: number;
  /** Kept items that no (other) enforce policy keeps; 0 for a drop policy. */
  readonly marginal: number;
  /** Time that its query took, ms. */
  readonly elapsedMs: number;
  /** Why it failed, a stable word, or null. The counts of a failed enforce policy are those of the fallback. */
  readonly error: string | null;
}
