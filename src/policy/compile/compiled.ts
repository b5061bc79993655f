/** The signal whose items a policy names. */
export type PolicySignal = 'traces' | 'logs';

/**
 * What becomes of the items that a policy names: `enforce` keeps them at their probability, `drop` lets none have more than its ceiling,
 * `shadow` is evaluated and counted and changes nothing.
 */
export type PolicyMode = 'enforce' | 'shadow' | 'drop';

export type ViewName = 'traces' | 'spans' | 'span_events' | 'span_links' | 'logs';

/** Views of what is not in the window itself. */
export type SideView = 'history' | 'kept_traces' | 'this_window';

export type StarName = 'span_attrs' | 'log_attrs' | 'resource_attrs' | 'scope_attrs' | 'span_event_attrs' | 'span_link_attrs';

/** SQL type that an attribute is read as. */
export type KeyType = 'VARCHAR' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN';

/** An attribute key that the policy reads by subscript; `field` is its generated name in the struct (k0, k1 …). */
export interface KeyRead {
  readonly source: 'attributes' | 'resource';
  /** As OpenTelemetry has it, case and all. */
  readonly key: string;
  readonly type: KeyType;
  readonly field: string;
}

/** What the policy reads of one view: catalog columns but `attributes` and `resource`, and the keys of those two. */
export interface ViewReads {
  readonly view: ViewName;
  readonly columns: readonly string[];
  readonly keys: readonly KeyRead[];
}

/** What the policy reads of one star table. */
export interface StarReads {
  readonly star: StarName;
  readonly keys: readonly string[] | 'all';
  readonly columns: readonly string[];
}

/** What the policy reads of one view beside the window's. */
export interface SideReads {
  readonly side: SideView;
  readonly columns: readonly string[];
}

/** What is remembered of each window for the view `history`, by the policy's header. */
export interface HistoryPlan {
  /** Names what is remembered: policies of one name and declaration share what was remembered before. */
  readonly declaration: string;
  /** SELECT of `item`, `key` VARCHAR and `value` DOUBLE, one row an item of the window; runs where `views` exist. */
  readonly sql: string;
  readonly views: readonly ViewReads[];
  /** Keys remembered of one window at most: those of most arrivals. */
  readonly keysMax: number;
  /** Windows that are looked back at most. */
  readonly windowsMax: number;
}

/** A policy made safe, typed and analysed. `sql` and `wrappedSql` run where the catalog's views exist. */
export interface CompiledPolicy {
  readonly name: string;
  readonly signal: PolicySignal;
  readonly mode: PolicyMode;
  /** The text as written. */
  readonly source: string;
  /** The SELECT as it runs: catalog names unqualified, attribute subscripts as generated struct fields. */
  readonly sql: string;
  /**
   * `SELECT k, n` (and `split` when `hasSplit`) over `sql`: k the item's key (UUID for `trace_id`, UHUGEINT for `id`), n UBIGINT =
   * floor(p * 2^56). One row a key (and split): the greatest n, for a drop policy the least. A probability that is NULL, NaN or outside [0, 1] fails
   * the query (sampling.md, rules 5 and 6). Rows without a key name nothing.
   */
  readonly wrappedSql: string;
  /** What says the same as `wrappedSql` and runs faster, to be tried first, in order; it fails with `notQuick` where its rows are not such as it presumes. */
  readonly quickSqls?: readonly string[];
  readonly keyKind: 'trace_id' | 'id';
  /** Whether `wrappedSql` has the third column `split` BOOLEAN (sampling.md, rule 14). */
  readonly hasSplit: boolean;
  /** The sampling function that it calls which names only what its sample holds (bottom_k ...), or null: it names everything that it means. */
  readonly namesOnlySampleOf: string | null;
  /** Least rate at which senders should go on sending for its sake, 0 to 1 (docs/head.md); left out where the header declares none. */
  readonly headMinimum?: number;
  readonly views: readonly ViewReads[];
  readonly stars: readonly StarReads[];
  readonly sides: readonly SideReads[];
  /** What it remembers of each window; null where the header declares nothing. */
  readonly history: HistoryPlan | null;
  readonly warnings: readonly string[];
  /**
   * The part of it that names traces for good, with probability 1: once it names one, it does so whatever spans of it come. Left out where nothing of it can be seen to.
   */
  readonly certain?: CompiledPolicy;
}
