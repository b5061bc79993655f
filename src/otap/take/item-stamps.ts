/** What sampling writes on each taken row; index i belongs to rows[i]. */
export interface ItemStamps {
  /** Adjusted count, written as double attribute `sampling.adjusted_count`; NaN = write none and remove an incoming one. */
  readonly adjustedCount: Float64Array;
  /** Spans: the whole tracestate to write (entry null = as it came, '' = none); null for signals without one. */
  readonly traceState: readonly (string | null)[] | null;
  /** Attribute `sampling.threshold`; entry null = remove an incoming one; null altogether = leave incoming ones alone. */
  readonly threshold: readonly (string | null)[] | null;
  /** Attribute `sampling.randomness`, as `threshold`. */
  readonly randomness: readonly (string | null)[] | null;
  /** Attribute `sampling.policy`, as `threshold`. */
  readonly policy?: readonly (string | null)[] | null;
  /** Attribute `sampling.partial` of all rows: why they were decided on part of the evidence; null leaves incoming ones alone. */
  readonly partial?: string | null;
}

/** Attributes that only sampling writes. */
export const stampKeys = {
  adjustedCount: 'sampling.adjusted_count',
  threshold: 'sampling.threshold',
  randomness: 'sampling.randomness',
  policy: 'sampling.policy',
  partial: 'sampling.partial',
} as const;

export type StampName = keyof typeof stampKeys;

/** The attributes that these stamps replace or remove where they come in. */
export function replacedStamps({ threshold, randomness, policy = null, partial = null }: ItemStamps): StampName[] {
  const names: StampName[] = ['adjustedCount'];
  if (threshold !== null) names.push('threshold');
  if (randomness !== null) names.push('randomness');
  if (policy !== null) names.push('policy');
  if (partial !== null) names.push('partial');
  return names;
}

/** The stamps of rows [start, end). */
export function sliceStamps(stamps: ItemStamps, start: number, end: number): ItemStamps {
  return {
    adjustedCount: stamps.adjustedCount.subarray(start, end),
    traceState: stamps.traceState?.slice(start, end) ?? null,
    threshold: stamps.threshold?.slice(start, end) ?? null,
    randomness: stamps.randomness?.slice(start, end) ?? null,
    policy: stamps.policy?.slice(start, end) ?? null,
    partial: stamps.partial ?? null,
  };
}
