import type { PolicySignal, SideView } from '../compile/compiled.ts';
import { type CatalogColumn, column } from './views.ts';

/** A view of what is not in the window itself: what earlier windows came to, what was decided of the other signal. */
export interface CatalogSideView {
  readonly name: SideView;
  /** Signals whose policies may read it. */
  readonly signals: readonly PolicySignal[];
  readonly doc: string;
  readonly columns: readonly CatalogColumn[];
}

const history: CatalogSideView = {
  name: 'history',
  signals: ['traces', 'logs'],
  doc: 'one row a key and earlier window in which it came, by the header `-- history:`; empty at the start',
  columns: [
    column('key', 'VARCHAR', 'value of the expression that the header declares'),
    column('age', 'INTEGER', 'how many windows ago: 1 is the window before this one'),
    column('items', 'BIGINT', 'traces or records that came'),
    column('arrivals', 'DOUBLE', 'what they stood for: the sum of their adjusted counts'),
    column('kept', 'DOUBLE', 'how many of them this policy kept; of those that a hash of their own samples, the expected number'),
    column('estimate', 'DOUBLE', 'what the kept ones stand for: the sum of 1 / p'),
    column('probability', 'DOUBLE', 'greatest p that the policy gave one of them, 0 where it named none'),
    column('probability_min', 'DOUBLE', 'least p, 0 where one of them was not named'),
    column('threshold', 'UBIGINT', 'T of probability; NULL where it is 0'),
    column('value_mean', 'DOUBLE', 'mean of `-- history_value:`, weighted by adjusted_count; this and what follows is NULL where there is none'),
    column('value_p50', 'DOUBLE', 'median of it, weighted likewise'),
    column('value_p90', 'DOUBLE', 'its 90th percentile'),
    column('value_p95', 'DOUBLE', 'its 95th percentile'),
    column('value_p99', 'DOUBLE', 'its 99th percentile'),
    column('value_max', 'DOUBLE', 'greatest of it'),
  ],
};

const keptTraces: CatalogSideView = {
  name: 'kept_traces',
  signals: ['logs'],
  doc: 'one row a trace that was kept by a window of traces which overlaps this window of logs',
  columns: [
    column('trace_id', 'UUID', 'compares with logs.trace_id'),
    column('probability', 'DOUBLE', 'p that the trace was kept with; the records that the policy names are capped at it'),
    column('adjusted_count', 'DOUBLE', '1 / p'),
  ],
};

const thisWindow: CatalogSideView = {
  name: 'this_window',
  signals: ['traces', 'logs'],
  doc: 'one row: the stretch of time whose items the window decides; live, time is arrival, in a replay it is the items\' own',
  columns: [
    column('start_time', 'TIMESTAMP_NS', 'UTC'),
    column('end_time', 'TIMESTAMP_NS', 'UTC, not in the window itself'),
    column('seconds', 'DOUBLE', 'its length'),
  ],
};

/** The views beside those of the window, as data. */
export const catalogSideViews: readonly CatalogSideView[] = [history, keptTraces, thisWindow];
