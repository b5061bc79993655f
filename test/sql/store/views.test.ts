import { describe, expect, test } from 'vitest';
import type { ViewUse } from '../../../src/store/window-views.ts';
import { rowViewSql } from '../../../src/store/window-views.ts';
import { captures, readCapture } from '../../support/captures.ts';
import { object } from '../../support/otlp-json.ts';
import { readTruth } from '../../support/otlp-truth.ts';
import { rowsOf, useEngine } from './engine.ts';
import { allColumns, keyReads, projectStream, reading } from './projected.ts';
import { attribute, firstDifference, id, keysWithTypes, lines, number, randomnessOf, text, type TruthItem, truthItems } from './truth-rows.ts';

/**
 * Scenario: recorded streams of both reference encoders are projected into three slots, rows of a batch over all of them, with every
 * column of the catalog and every attribute key. Guarantees: each row of the views is what the recorded truth says.
 */
const engine = useEngine(2 ** 30);
const slotOf = (row: number, batch: number): number => (row * 7 + batch) % 3;

/** Those whose value is checked against another column of the same row. */
const derived = new Set(['id', 'item', 'start_time', 'end_time', 'duration', 'is_root', 'has_error', 'time', 'observed_time', 'adjusted_count', 'resource_id', 'scope_id', 'randomness']);

const spanValues: { readonly [column: string]: (truth: TruthItem) => string | null } = {
  trace_id: ({ item }) => id(item['traceId']),
  span_id: ({ item }) => id(item['spanId']),
  parent_span_id: ({ item }) => id(item['parentSpanId']),
  name: ({ item }) => text(item['name']),
  kind: ({ item }) => number(item['kind']),
  start_time_unix_nano: ({ item }) => number(item['startTimeUnixNano']),
  duration_time_unix_nano: ({ item }) => String(BigInt(number(item['endTimeUnixNano'])) - BigInt(number(item['startTimeUnixNano']))),
  status_code: ({ item }) => number(object(item['status'])['code']),
  status_message: ({ item }) => text(object(item['status'])['message']),
  trace_state: ({ item }) => text(item['traceState']),
  flags: ({ item }) => number(item['flags']),
  dropped_events_count: ({ item }) => number(item['droppedEventsCount']),
  dropped_links_count: ({ item }) => number(item['droppedLinksCount']),
};

const logValues: typeof spanValues = {
  trace_id: ({ item }) => id(item['traceId']),
  span_id: ({ item }) => id(item['spanId']),
  time_unix_nano: ({ item }) => text(item['timeUnixNano']),
  observed_time_unix_nano: ({ item }) => text(item['observedTimeUnixNano']),
  severity_number: ({ item }) => number(item['severityNumber']),
  severity_text: ({ item }) => text(item['severityText']),
  event_name: ({ item }) => text(item['eventName']),
  flags: ({ item }) => number(item['flags']),
  body: ({ item }) => attribute({ attributes: [{ key: 'body', value: item['body'] ?? {} }] }, 'body', 'VARCHAR') || null,
  body_type: ({ item }) => String(['', 'stringValue', 'intValue', 'doubleValue', 'boolValue', 'kvlistValue', 'arrayValue', 'bytesValue'].indexOf(Object.keys(object(item['body']))[0] ?? '')),
};

const sharedValues: typeof spanValues = {
  scope_name: ({ scope }) => text(scope['name']),
  scope_version: ({ scope }) => text(scope['version']),
  service_name: ({ resource }) => attribute(resource, 'service.name', 'VARCHAR'),
  dropped_attributes_count: ({ item }) => number(item['droppedAttributesCount']),
};

/** A column in SQL as text; NULL and '' are one. */
function selected(column: string): string {
  if (column === 'trace_id') return "replace(trace_id::VARCHAR, '-', '')";
  return `nullif("${column}"::VARCHAR, '')`;
}

const sampled = captures.flatMap(({ name, signal }) => (signal === 'metrics' ? [] : [{ name, signal }]));

describe.each(sampled)('$name', ({ name, signal }) => {
  const view = signal === 'traces' ? 'spans' : 'logs';

  test(`${view}, every column and key`, async () => {
    const truth = truthItems(readTruth(name));
    const values = { ...(signal === 'traces' ? spanValues : logValues), ...sharedValues };
    const columns = allColumns(view);
    const plain = columns.filter((column) => !derived.has(column));
    expect(plain.filter((column) => values[column] === undefined)).toEqual([]);
    const itemKeys = keyReads('attributes', keysWithTypes(truth.map(({ item }) => item)));
    const resourceKeys = keyReads('resource', keysWithTypes(truth.map(({ resource }) => resource)));
    expect(itemKeys.length + resourceKeys.length).toBeGreaterThan(0);
    const use: ViewUse = { columns, keys: [...itemKeys, ...resourceKeys] };
    const { window, slots, mismatches } = await projectStream(engine.session(), signal, readCapture(name), reading(signal, [{ view, ...use }]), 3, slotOf);
    const session = engine.session();
    await session.run(`CREATE OR REPLACE TEMP VIEW shown AS ${rowViewSql(window, view, use)}`);

    const keySql = use.keys.map(({ source, field, type }) => (type === 'VARCHAR' ? `${source}.${field}` : `${source}.${field}::VARCHAR`));
    const found = await rowsOf(session, `SELECT ${[...plain.map(selected), ...keySql].join(', ')} FROM shown`);
    const expected = truth.map((row) => [
      ...plain.map((column) => (values[column] ?? (() => null))(row)),
      ...use.keys.map(({ source, key, type }) => attribute(source === 'attributes' ? row.item : row.resource, key, type)),
    ]);
    expect(firstDifference(lines(found.map(normalNumbers)), lines(expected.map(normalNumbers)))).toBeNull();
    expect([...mismatches.keys()]).toEqual([]);
    await checkDerived(view, truth.length);
    if (truth.every(({ item }) => item['traceState'] === undefined)) await checkRandomness();
    for (const slot of slots) await slot.drop();
  });
});

/** Doubles print differently in SQL and JavaScript; both are compared as JavaScript prints them. */
function normalNumbers(row: readonly (string | null)[]): (string | null)[] {
  return row.map((value) => (value !== null && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) && /[.e]/i.test(value) ? String(Number(value)) : value));
}

async function checkDerived(view: 'spans' | 'logs', count: number): Promise<void> {
  const session = engine.session();
  const whole = await rowsOf(session, 'SELECT count(*), count(DISTINCT id), min(adjusted_count) >= 1, count(DISTINCT item."key") FROM shown');
  expect(whole).toEqual([[String(count), String(count), 'true', String(count)]]);
  const same = view === 'spans'
    ? `epoch_ns(start_time) = start_time_unix_nano AND epoch_ns(end_time) = start_time_unix_nano + duration_time_unix_nano
       AND epoch_us(start_time_unix_nano_base + duration) = duration_time_unix_nano // 1000
       AND is_root = (parent_span_id IS NULL) AND has_error = (status_code = 2)`
    : `epoch_ns(time) IS NOT DISTINCT FROM time_unix_nano AND epoch_ns(observed_time) IS NOT DISTINCT FROM observed_time_unix_nano AND start_time_unix_nano_base IS NOT NULL`;
  const wrong = `SELECT count(*) FROM (SELECT *, TIMESTAMP '1970-01-01' AS start_time_unix_nano_base FROM shown)
    WHERE NOT (${same} AND (id >> 64) = randomness AND item.r = randomness AND item."key" = id) OR id IS NULL`;
  expect(await rowsOf(session, wrong)).toEqual([['0']]);
}

/** Where nothing is said of sampling: the last 7 bytes of the trace id. */
async function checkRandomness(): Promise<void> {
  const ids = await rowsOf(engine.session(), "SELECT replace(trace_id::VARCHAR, '-', ''), randomness FROM shown WHERE trace_id IS NOT NULL");
  expect(ids.filter(([traceId, randomness]) => randomness !== randomnessOf(String(traceId)))).toEqual([]);
}
