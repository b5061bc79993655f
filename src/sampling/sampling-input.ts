/** How an item may leave. */
export const leaves = {
  /** With a threshold and a count. */
  exact: 0,
  /** With a count and a written randomness, without threshold (rule 3). */
  counted: 1,
  /** With neither (rules 2 and 4). */
  unknown: 2,
} as const;

/** What was found on an item; bits. */
export const inputFlags = {
  /** th contradicted R: th goes, and an adjusted count with it (rule 2). */
  contradiction: 1,
  /** An adjusted count that is not a finite number of at least 1; it was ignored. */
  countInvalid: 2,
  thresholdInvalid: 4,
  randomnessInvalid: 8,
  /** R is to be written as `sampling.randomness`: nothing on the item gives it. */
  writesRandomness: 16,
} as const;

/** What the rows of a batch say of their own sampling. Columns are null where no row has the field. */
export interface SamplingInput {
  readonly signal: 'spans' | 'logs';
  readonly rowCount: number;
  /** 16 bytes a row; all zero = none. */
  readonly traceIds: Uint8Array | null;
  /** Spans. */
  readonly traceStates: readonly (string | null)[] | null;
  /** Attribute `sampling.adjusted_count`; NaN = none. What is there but not a number is to be given as 0. */
  readonly adjustedCounts: Float64Array | null;
  /** Attribute `sampling.randomness`. */
  readonly randomness: readonly (string | null)[] | null;
  /** Attribute `sampling.threshold`, logs only. */
  readonly thresholds: readonly (string | null)[] | null;
  /** Names the batch, the same again after a restart: rows without a trace id draw by (ordinal, row). */
  readonly batchOrdinal: number;
}

/** The state of every row. */
export interface InputStates {
  /** R, two words (low, high) a row. */
  readonly randomness: Uint32Array<ArrayBuffer>;
  /** N of p_in = 2^56 - T_in, two words a row. For counted rows it is w_in rounded, and only caps what SQL says. */
  readonly nIn: Uint32Array;
  /** Adjusted count of the input, 1 where nothing was said. */
  readonly adjustedCounts: Float64Array;
  /** One of `leaves`. */
  readonly leaves: Uint8Array;
  /** `inputFlags`. */
  readonly flags: Uint8Array;
}
