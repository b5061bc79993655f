import { describe, expect, test } from 'vitest';
import { traceViewSql, tracesSql, type ViewUse } from '../../../src/store/window-views.ts';
import { readCapture } from '../../support/captures.ts';
import { object } from '../../support/otlp-json.ts';
import { readTruth } from '../../support/otlp-truth.ts';
import { rowsOf, useEngine } from './engine.ts';
import { allColumns, keyReads, projectStream, reading } from './projected.ts';
import { attribute, firstDifference, id, keysWithTypes, lines, number, text, type TruthItem, truthItems } from './truth-rows.ts';

/**
 * Scenario: the spans of recorded streams lie in three slots, each trace over several; the view `traces` is made of them.
 * Guarantees: every aggregate is what adding up the recorded truth in JavaScript gives.
 */
const engine = useEngine(2 ** 30);

const allShown = [
  'trace_id', 'start_time', 'end_time', 'duration_time_unix_nano', 'span_count', 'error_count', 'has_error', 'service_count', 'services', 'has_root',
  'root_service', 'root_name', 'root_kind', 'root_status_code',
];

describe.each(['traces_zstd', 'traces_tiny_nozstd', 'collector_traces'])('%s', (name) => {
  test.each([3, 1])('every column of the view, over %d slots', async (slotCount) => {
    const truth = truthItems(readTruth(name));
    const keys = [
      ...keyReads('attributes', keysWithTypes(truth.map(({ item }) => item))),
      ...keyReads('resource', keysWithTypes(truth.map(({ resource }) => resource))),
    ];
    // Over one slot, without the lists of services, texts of roots are looked up by code.
    const left = slotCount === 1 ? ['services', 'service_count'] : [];
    const columns = allShown.filter((column) => !left.includes(column));
    const use: ViewUse = { columns: allColumns('traces').filter((column) => !left.includes(column)), keys };
    const { window, slots } = await projectStream(engine.session(), 'traces', readCapture(name), reading('traces', [{ view: 'traces', ...use }]), slotCount, (row, batch) => (row + batch) % slotCount);
    const session = engine.session();
    await session.run(`CREATE OR REPLACE TABLE traces_made AS ${tracesSql(window, use)}`);
    await session.run(`CREATE OR REPLACE TEMP VIEW shown AS ${traceViewSql(window, 'traces_made', use)}`);

    const found = await rowsOf(session, `SELECT ${[...columns.map(selected), ...keys.map(({ source, field }) => `nullif(${source}.${field}::VARCHAR, '')`)].join(', ')} FROM shown`);
    const expected = [...tracesOf(truth).values()].map((spans) => [
      ...expectedColumns(spans).filter((_, index) => !left.includes(allShown[index])),
      ...keys.map(({ source, key, type }) => attribute(source === 'attributes' ? rootOf(spans).item : rootOf(spans).resource, key, type) || null),
    ]);
    expect(expected.some((row) => row[columns.indexOf('has_root')] === 'true')).toBe(true);
    if (name === 'traces_zstd') expect(keys.filter(({ key }) => isOnInnerSpanOnly(truth, key)).length).toBeGreaterThan(0);
    expect(firstDifference(lines(found.map(doubles)), lines(expected.map(doubles)))).toBeNull();
    const wrong = `SELECT count(*) FROM shown WHERE NOT (item."key" = trace_id AND item.r = randomness AND adjusted_count = 72057594037927936.0 / item.n_in
      AND epoch_us(TIMESTAMP '1970-01-01' + duration) = duration_time_unix_nano // 1000)`;
    expect(await rowsOf(session, wrong)).toEqual([['0']]);
    for (const slot of slots) await slot.drop();
  });
});

function selected(column: string): string {
  if (column === 'trace_id') return "replace(trace_id::VARCHAR, '-', '')";
  if (column === 'start_time' || column === 'end_time') return `epoch_ns(${column})::VARCHAR`;
  return `nullif(${column}::VARCHAR, '')`;
}

function doubles(row: readonly (string | null)[]): (string | null)[] {
  return row.map((value) => (value !== null && /^-?\d+\.\d+(e[+-]?\d+)?$/i.test(value) ? String(Number(value)) : value));
}

function tracesOf(truth: readonly TruthItem[]): Map<string, TruthItem[]> {
  const traces = new Map<string, TruthItem[]>();
  for (const span of truth) {
    const key = String(span.item['traceId']);
    traces.set(key, [...(traces.get(key) ?? []), span]);
  }
  return traces;
}

const startOf = ({ item }: TruthItem): bigint => BigInt(number(item['startTimeUnixNano']));
const endOf = ({ item }: TruthItem): bigint => BigInt(number(item['endTimeUnixNano']));
const isRoot = ({ item }: TruthItem): boolean => id(item['parentSpanId']) === null;
const least = (values: readonly bigint[]): bigint => values.reduce((a, b) => (b < a ? b : a));
const greatest = (values: readonly bigint[]): bigint => values.reduce((a, b) => (b > a ? b : a));

/** The earliest root, else the earliest span. */
function rootOf(spans: readonly TruthItem[]): TruthItem {
  const candidates = spans.some(isRoot) ? spans.filter(isRoot) : spans;
  const first = least(candidates.map(startOf));
  const found = candidates.filter((span) => startOf(span) === first);
  if (found.length !== 1) throw new Error('the root of a trace is not determined');
  return found[0];
}

/** Whether some root lacks an attribute that another span of its trace has. */
function isOnInnerSpanOnly(truth: readonly TruthItem[], key: string): boolean {
  const has = ({ item }: TruthItem): boolean => attribute(item, key, 'VARCHAR') !== null;
  return [...tracesOf(truth).values()].some((spans) => !has(rootOf(spans)) && spans.some(has));
}

function expectedColumns(spans: readonly TruthItem[]): (string | null)[] {
  const root = rootOf(spans);
  const service = ({ resource }: TruthItem): string | null => attribute(resource, 'service.name', 'VARCHAR');
  const services = [...new Set(spans.map(service))].filter((value) => value !== null).sort();
  const errors = spans.filter(({ item }) => number(object(item['status'])['code']) === '2').length;
  const start = least(spans.map(startOf));
  const end = greatest(spans.map(endOf));
  return [
    String(root.item['traceId']), String(start), String(end), String(end - start), String(spans.length), String(errors), String(errors > 0),
    String(services.length), `[${services.join(', ')}]`, String(spans.some(isRoot)),
    service(root), text(root.item['name']), number(root.item['kind']), number(object(root.item['status'])['code']),
  ];
}
