/** A call of a sampling function with constant limits, in its parts; the rows that it reads are SQL beside it. */
export interface Sample {
  readonly isWeighted: boolean;
  readonly isSized: boolean;
  readonly isExponential: boolean;
  /** It names every row, those that the sample leaves out too. */
  readonly isEvery: boolean;
  /** k, or the budget. */
  readonly limit: number;
  readonly oversize: 'split' | 'keep' | 'drop';
  /** The item is a bare `id`, which carries its randomness; else a STRUCT(key, r, n_in). */
  readonly isId: boolean;
  /** What its result calls the item. */
  readonly keyName: 'trace_id' | 'id';
  /** The weight is the view's adjusted_count, so that all ranks are those of weight 1 but for rounding. */
  readonly isByCount: boolean;
}

/**
 * How rows of equal randomness are seen: `singles` are rows by themselves, which holds where no two that matter are equal; `units` are first
 * put together.
 */
export type Walk = 'singles' | 'units';

interface Kind {
  readonly isWeighted: boolean;
  readonly isSized: boolean;
  readonly isExponential: boolean;
}

const kinds: ReadonlyMap<string, Kind> = new Map([
  ['bottom_k', { isWeighted: false, isSized: false, isExponential: false }],
  ['weighted_reservoir_sample', { isWeighted: true, isSized: false, isExponential: false }],
  ['weighted_reservoir_sample_exp', { isWeighted: true, isSized: false, isExponential: true }],
  ['budget_sample', { isWeighted: false, isSized: true, isExponential: false }],
  ['weighted_budget_sample', { isWeighted: true, isSized: true, isExponential: false }],
]);

/** Names of the row forms, lower case: `bottom_k_p(item, k, keys...)` stands for bottom_k_every(item, k) over rows of equal keys. */
export const rowForms: ReadonlySet<string> = new Set([...kinds.keys()].map((name) => `${name}_p`));

/** What the function of that name does; `_every` and `_p` name every row. Null for others. */
export function kindOf(name: string): (Kind & { readonly isEvery: boolean }) | null {
  const base = name.toLowerCase().replace(/_(every|p)$/, '');
  const kind = kinds.get(base);
  return kind === undefined ? null : { ...kind, isEvery: base !== name.toLowerCase() };
}

/** How many arguments the function has before its options: item, weight, size and the limit. */
export function argumentsOf({ isWeighted, isSized }: Kind): number {
  return 2 + Number(isWeighted) + Number(isSized);
}

/** Greatest k that the sampling functions take: as checked_sample_size of sql/functions. */
export const sampleSizeMax = 900_000;

/** Greatest limit: of a budget as checked_budget of sql/functions. */
export function limitMax({ isSized }: Kind): number {
  return isSized ? 2 ** 53 : sampleSizeMax;
}
