import type { TableShape } from '../policy/compile/catalog-sql.ts';
import type { RateRow, RateSettings } from './rate-row.ts';

/** A column of a view that rules read: its name and type in SQL, what it is, and how it is made. */
interface RuleColumn<T> {
  readonly name: string;
  readonly type: 'VARCHAR' | 'DOUBLE' | 'BIGINT' | 'BOOLEAN';
  readonly text: string;
  readonly of: (row: T) => string | number | boolean | null;
}

/** View `head_statistics`: a row a service (operation NULL), and one for each operation of it. */
export const statisticsColumns: readonly RuleColumn<RateRow>[] = [
  { name: 'service', type: 'VARCHAR', text: 'service.name of the root span', of: ({ service }) => service },
  { name: 'operation', type: 'VARCHAR', text: 'name of the root span; NULL: the service as a whole', of: ({ operation }) => operation },
  { name: 'rate', type: 'DOUBLE', text: 'the rate that is served now; what goes for new ones, before the first', of: ({ rate }) => rate },
  { name: 'windows', type: 'BIGINT', text: 'in how many windows of the lookback it came', of: ({ windows }) => windows },
  { name: 'probability', type: 'DOUBLE', text: 'the greatest absolute probability that the policies gave a trace of it in these; NULL where there are none', of: ({ probability }) => probability },
  { name: 'arrivals_per_second', type: 'DOUBLE', text: 'traces a second before any sampling, smoothed in logarithms; NULL where none came yet', of: ({ arrivalsPerSecond }) => arrivalsPerSecond },
  { name: 'budget_per_second', type: 'DOUBLE', text: 'how many of these the policies keep, smoothed likewise; NULL where they kept none yet', of: ({ budgetPerSecond }) => budgetPerSecond },
  { name: 'is_censored', type: 'BOOLEAN', text: 'whether, in the last window, policies kept all that came of what had been sampled at the head', of: ({ isCensored }) => isCensored },
  { name: 'came_probability', type: 'DOUBLE', text: 'the greatest probability that a trace came with, in the last window', of: ({ cameProbability }) => cameProbability },
];

/** View `head_settings`: one row. */
export const settingsColumns: readonly RuleColumn<RateSettings>[] = [
  { name: 'default_rate', type: 'DOUBLE', text: 'head.default_rate', of: ({ defaultRate }) => defaultRate },
  { name: 'floor', type: 'DOUBLE', text: 'head.floor', of: ({ floor }) => floor },
  { name: 'floor_traces_per_second', type: 'DOUBLE', text: 'head.floor_traces_per_second', of: ({ floorTracesPerSecond }) => floorTracesPerSecond },
  { name: 'margin', type: 'DOUBLE', text: 'head.margin', of: ({ margin }) => margin },
  { name: 'head_minimum', type: 'DOUBLE', text: 'the greatest head_minimum that a policy declares; 0 where none does', of: ({ headMinimum }) => headMinimum },
  { name: 'stress', type: 'DOUBLE', text: '1, and less where the intake is full', of: ({ stress }) => stress },
];

/** The views as the analysis of SQL makes them. */
export const ruleTables: readonly TableShape[] = [tableOf('head_statistics', statisticsColumns), tableOf('head_settings', settingsColumns)];

function tableOf<T>(name: string, columns: readonly RuleColumn<T>[]): TableShape {
  return { name, kind: 'view', columns: columns.map((column) => column.name), typeOf: (wanted) => columns.find((column) => column.name === wanted)?.type ?? 'VARCHAR' };
}

/** SELECT of a view's rows out of `$1`, a text of JSON. */
export function rowsSql<T>(columns: readonly RuleColumn<T>[]): string {
  const structure = JSON.stringify([Object.fromEntries(columns.map(({ name, type }) => [name, type]))]);
  return `SELECT unnest(from_json($1::JSON, '${structure}'), recursive := true)`;
}

/** The JSON that `rowsSql` reads. */
export function rowsJson<T>(columns: readonly RuleColumn<T>[], rows: readonly T[]): string {
  return JSON.stringify(rows.map((row) => Object.fromEntries(columns.map(({ name, of }) => [name, of(row)]))));
}
