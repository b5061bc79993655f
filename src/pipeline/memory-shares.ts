/** Least of what DuckDB works with, bytes. */
const duckdbBytesMin = 64 * 2 ** 20;
/**
 * Of DuckDB's share, what tables of open windows may take; the rest is for the queries that decide one, which need as much again where all texts
 * differ: windows of 0.48 of 64 MiB could be decided, of 0.6 not, spilling or not (hash tables of texts are not spilled).
 */
const tablesPart = 0.45;
/** Of what may be spilled, what tables may take; the rest is again for queries. */
const spilledTablesPart = 0.5;
/** Of what DuckDB does not have, what remembered decisions may take. */
const decisionsPart = 0.25;
/** Most that a remembered decision takes: 4 places of 31 bytes, in each of two generations (decision-cache.ts). */
const decisionBytes = 2 * 4 * 31;

/** How one limit of memory is divided. All in bytes. */
export interface MemoryShares {
  readonly limitBytes: number;
  /** DuckDB's `memory_limit`: tables of open windows, and what queries need. */
  readonly duckdbBytes: number;
  /** What the tables may come to, in memory and spilled. */
  readonly tablesBytesMax: number;
  /** What the tables of one window may come to, where more of them are spilled. */
  readonly windowBytesMax: number;
  /** All that is not DuckDB's: retained batches, queues, caches, requests under way. */
  readonly othersBytesMax: number;
}

/**
 * Divides `limitBytes`: `duckdbShare` (a fraction) of it is DuckDB's, so that tables, queries and all else together stay below the limit.
 * With `spillBytesMax` tables of windows that wait may go on beyond DuckDB's share, on disk.
 */
export function memoryShares(limitBytes: number, duckdbShare = 0.5, spillBytesMax = 0): MemoryShares {
  const share = limitBytes * duckdbShare;
  return {
    limitBytes, duckdbBytes: Math.max(share, duckdbBytesMin), tablesBytesMax: share * tablesPart + spillBytesMax * spilledTablesPart,
    windowBytesMax: share * tablesPart, othersBytesMax: limitBytes - share,
  };
}

/** How many decisions of one generation fit, where `asked` is what the configuration allows. */
export function decisionsFitting(asked: number, { othersBytesMax }: MemoryShares): number {
  return Math.min(asked, Math.floor(othersBytesMax * decisionsPart / decisionBytes));
}
