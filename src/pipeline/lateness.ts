/** Some rows that came late. */
export interface Lateness {
  /** What became of them by the decision on their trace; `past_horizon`: nobody can know any more whether there was one. */
  readonly outcome: 'kept' | 'dropped' | 'past_horizon';
  /** Since that decision; past the horizon since the span began. */
  readonly ageMs: number;
  readonly rows: number;
}

/** What becomes of spans of unknown traces that began before what is remembered. */
export type PastHorizonBy = 'policy' | 'fallback' | 'drop';
