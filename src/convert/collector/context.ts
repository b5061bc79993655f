import type { Findings } from '../finding.ts';
import type { KeyTypes } from '../key-types.ts';

/** What converting one policy goes by, and what it leaves behind. */
export interface PolicyContext {
  readonly findings: Findings;
  /** Where the policy stands. */
  readonly place: string;
  readonly keys: KeyTypes;
  /** Sentences for the comment above the SQL. */
  readonly notes: string[];
  readonly options: ConvertOptions;
}

/** What the configuration does not say. */
export interface ConvertOptions {
  /** Length of a window, in which budgets are kept. */
  readonly windowMs: number;
  /** Bytes that a span is taken to have, as no view says them. */
  readonly bytesPerSpan: number;
}
