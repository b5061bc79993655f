import type { DecisionCache } from '../policy/decision-cache.ts';
import type { Followers } from './followers.ts';
import type { OpenTraces } from './open-traces.ts';
import type { OversizeTraces } from './oversize-traces.ts';
import type { PartialTraces } from './partial-traces.ts';

/** What is known of traces when spans of them come. */
export interface TraceMemory {
  /** Those that wait for their decision, by slot. */
  readonly open: OpenTraces;
  /** Those that were decided. */
  readonly decided: DecisionCache;
  /** Spans of those that are being decided. */
  readonly followers: Followers;
  /** Those that wait for their decision and of which something may be missing. */
  readonly partial: PartialTraces;
  /** Those that wait to be decided early for their size; left out where traces have no limits. */
  readonly oversize?: OversizeTraces;
}
