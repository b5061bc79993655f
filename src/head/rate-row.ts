/** What is known of one service, or one operation of it, when its rate is worked out: a row of the view `head_statistics`. */
export interface RateRow {
  readonly service: string;
  /** Null: the service as a whole. */
  readonly operation: string | null;
  /** The rate that is served now; `default_rate` where none was worked out yet. */
  readonly rate: number;
  /** Windows of the lookback in which it came. */
  readonly windows: number;
  /** The greatest absolute p that policies gave a trace of it in these; null where there are none. */
  readonly probability: number | null;
  /** Smoothed in logarithms; null where nothing came yet. */
  readonly arrivalsPerSecond: number | null;
  /** What policies keep of it a second, smoothed likewise, from windows in which they kept less than came; null where there was none. */
  readonly budgetPerSecond: number | null;
  /** Whether policies kept all that came in the last window, of traces that had been sampled at the head: p is at least that. */
  readonly isCensored: boolean;
  /** The greatest probability that a trace came with, in the last window. */
  readonly cameProbability: number;
}

/** What is the same for all: the one row of the view `head_settings`. */
export interface RateSettings {
  readonly defaultRate: number;
  readonly floor: number;
  readonly floorTracesPerSecond: number;
  readonly margin: number;
  /** The greatest that a policy declares; 0 where none does. */
  readonly headMinimum: number;
  /** From 1, none, towards 0. */
  readonly stress: number;
}

/** What the rule says of one row. */
export interface WantedRate {
  readonly service: string;
  readonly operation: string | null;
  readonly rate: number;
  readonly reason: string;
}
