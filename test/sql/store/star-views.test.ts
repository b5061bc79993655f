import { describe, expect, test } from 'vitest';
import { childViewSql, rowViewSql, starViewSql, type ViewUse, type Window } from '../../../src/store/window-views.ts';
import type { StarTable } from '../../../src/store/slot-plan.ts';
import { captures, readCapture } from '../../support/captures.ts';
import { type Json, type JsonObject, object, objects } from '../../support/otlp-json.ts';
import { readTruth } from '../../support/otlp-truth.ts';
import { rowsOf, useEngine } from './engine.ts';
import { allColumns, allStars, keyReads, projectStream, reading } from './projected.ts';
import { attribute, firstDifference, id, keysWithTypes, lines, number, text, type TruthItem, truthItems } from './truth-rows.ts';

/**
 * Scenario: recorded streams are projected into two slots, rows of a batch over both, with all star tables, events and links.
 * Guarantees: joined by their ids they say what the recorded truth says, value by value, and nothing twice.
 */
const engine = useEngine(2 ** 29);
const time = (value: Json | undefined): string => id(value) ?? '';
const slotOf = (row: number, batch: number): number => (row + batch) % 2;
const sampled = captures.flatMap(({ name, signal }) => (signal === 'metrics' ? [] : [{ name, signal }]));
/** Type, and the values of an attribute row. Maps and slices are CBOR, checked where they are decoded. */
const valueSql = "a.type::VARCHAR, nullif(a.str, ''), a.int::VARCHAR, a.double::VARCHAR, a.bool::VARCHAR, nullif(to_base64(a.bytes), ''), (a.ser IS NOT NULL)::VARCHAR";

describe.each(sampled)('$name', ({ name, signal }) => {
  const view = signal === 'traces' ? 'spans' : 'logs';

  test('attributes of items, resources and scopes', async () => {
    const truth = truthItems(readTruth(name));
    const views = [{ view, columns: allColumns(view), keys: [] } as const];
    const { window, slots } = await projectStream(engine.session(), signal, readCapture(name), reading(signal, views, allStars(signal)), 2, slotOf);
    await create(window, view, { columns: allColumns(view), keys: [] }, allStars(signal).map(({ star }) => star));
    const session = engine.session();
    const item = signal === 'traces' ? "v.span_id" : "concat(v.time_unix_nano, ' ', v.observed_time_unix_nano)";
    const itemOf = ({ item: found }: TruthItem): string | null =>
      (signal === 'traces' ? id(found['spanId']) : `${time(found['timeUnixNano'])} ${time(found['observedTimeUnixNano'])}`);
    const stars = [
      [signal === 'traces' ? 'span_attrs' : 'log_attrs', 'a.parent_id = v.id', (row: TruthItem): JsonObject => row.item],
      ['resource_attrs', 'a.parent_id = v.resource_id', (row: TruthItem): JsonObject => row.resource],
      ['scope_attrs', 'a.parent_id = v.scope_id', (row: TruthItem): JsonObject => row.scope],
    ] as const;
    for (const [star, on, owner] of stars) {
      const found = await rowsOf(session, `SELECT ${item}, a.key, ${valueSql} FROM ${view} v JOIN ${star} a ON ${on}`);
      const expected = truth.flatMap((row) => objects(owner(row)['attributes']).map((entry) => [itemOf(row), text(entry['key']), ...valueColumns(object(entry['value']))]));
      expect([star, firstDifference(lines(found.map(doubles)), lines(expected.map(doubles)))]).toEqual([star, null]);
    }
    for (const slot of slots) await slot.drop();
  });

  test.runIf(signal === 'traces')('events and links, and their attributes', async () => {
    const truth = truthItems(readTruth(name));
    const children = (kind: 'events' | 'links'): JsonObject[] => truth.flatMap(({ item }) => objects(item[kind]));
    const use = { events: keyReads('attributes', keysWithTypes(children('events'))), links: keyReads('attributes', keysWithTypes(children('links'))) };
    const views = [
      { view: 'spans', columns: allColumns('spans'), keys: [] },
      { view: 'span_events', columns: allColumns('span_events'), keys: use.events },
      { view: 'span_links', columns: allColumns('span_links'), keys: use.links },
    ] as const;
    const { window, slots } = await projectStream(engine.session(), 'traces', readCapture(name), reading('traces', views, allStars('traces')), 2, slotOf);
    await create(window, 'spans', { columns: allColumns('spans'), keys: [] }, allStars('traces').map(({ star }) => star));
    const session = engine.session();
    for (const child of ['span_events', 'span_links'] as const) {
      await session.run(`CREATE OR REPLACE TEMP VIEW ${child} AS ${childViewSql(window, child, { columns: allColumns(child), keys: child === 'span_events' ? use.events : use.links })}`);
    }
    const events = await rowsOf(session, `SELECT v.span_id, (e.trace_id = v.trace_id)::VARCHAR, nullif(e.name, ''), e.time_unix_nano::VARCHAR, (epoch_ns(e.time) = e.time_unix_nano)::VARCHAR, e.dropped_attributes_count::VARCHAR
      ${use.events.map(({ field }) => `, e.attributes.${field}::VARCHAR`).join('')} FROM span_events e JOIN spans v ON v.id = e.parent_id`);
    expect(firstDifference(lines(events.map(doubles)), lines(childRows(truth, 'events', (event) => [
      'true', text(event['name']), number(event['timeUnixNano']), 'true', number(event['droppedAttributesCount']),
      ...use.events.map(({ key, type }) => attribute(event, key, type)),
    ])))).toBeNull();
    const links = await rowsOf(session, `SELECT v.span_id, (e.trace_id = v.trace_id)::VARCHAR, replace(e.linked_trace_id::VARCHAR, '-', ''), e.linked_span_id, nullif(e.trace_state, ''), e.flags::VARCHAR
      ${use.links.map(({ field }) => `, e.attributes.${field}::VARCHAR`).join('')} FROM span_links e JOIN spans v ON v.id = e.parent_id`);
    expect(firstDifference(lines(links.map(doubles)), lines(childRows(truth, 'links', (link) => [
      'true', id(link['traceId']), id(link['spanId']), text(link['traceState']), number(link['flags']),
      ...use.links.map(({ key, type }) => attribute(link, key, type)),
    ])))).toBeNull();
    for (const [star, child, kind] of [['span_event_attrs', 'span_events', 'events'], ['span_link_attrs', 'span_links', 'links']] as const) {
      const found = await rowsOf(session, `SELECT v.span_id, a.key, ${valueSql} FROM spans v JOIN ${child} e ON e.parent_id = v.id JOIN ${star} a ON a.parent_id = e.id`);
      const expected = truth.flatMap(({ item }) => objects(item[kind]).flatMap((owner) => objects(owner['attributes']).map((entry) => [id(item['spanId']), text(entry['key']), ...valueColumns(object(entry['value']))])));
      expect([star, firstDifference(lines(found.map(doubles)), lines(expected.map(doubles)))]).toEqual([star, null]);
      expect(await rowsOf(session, `SELECT count(*) - count(DISTINCT id) FROM ${child}`)).toEqual([['0']]);
    }
    if (name.startsWith('traces')) expect(Math.min(events.length, links.length)).toBeGreaterThan(100);
    for (const slot of slots) await slot.drop();
  });
});

test('some keys: only their rows are there, and they are all', async () => {
  const truth = truthItems(readTruth('logs_zstd'));
  const [[first], [second]] = keysWithTypes(truth.map(({ item }) => item));
  const plan = reading('logs', [{ view: 'logs', columns: ['id'], keys: [] }], [{ star: 'log_attrs', keys: [first, second], columns: [] }, { star: 'resource_attrs', keys: ['service.name'], columns: [] }]);
  const { window, slots } = await projectStream(engine.session(), 'logs', readCapture('logs_zstd'), plan, 2, slotOf);
  await create(window, 'logs', { columns: ['id'], keys: [] }, ['log_attrs', 'resource_attrs']);
  const counts = (owner: (row: TruthItem) => JsonObject, keys: readonly string[]): string[][] => keys.map((key) =>
    [key, String(truth.filter((row) => attribute(owner(row), key, 'VARCHAR') !== null).length)]);
  expect(await rowsOf(engine.session(), 'SELECT key, count(*) FROM log_attrs a JOIN logs v ON v.id = a.parent_id GROUP BY key ORDER BY key')).toEqual(counts(({ item }) => item, [first, second].sort()));
  expect(await rowsOf(engine.session(), 'SELECT DISTINCT key FROM resource_attrs')).toEqual([['service.name']]);
  for (const slot of slots) await slot.drop();
});

async function create(window: Window, view: 'spans' | 'logs', use: ViewUse, stars: readonly StarTable[]): Promise<void> {
  const session = engine.session();
  await session.run(`CREATE OR REPLACE TEMP VIEW ${view} AS ${rowViewSql(window, view, use)}`);
  for (const star of stars) await session.run(`CREATE OR REPLACE TEMP VIEW ${star} AS ${starViewSql(window, star)}`);
}

const members = ['', 'stringValue', 'intValue', 'doubleValue', 'boolValue', 'kvlistValue', 'arrayValue', 'bytesValue'];

function valueColumns(value: JsonObject): (string | null)[] {
  const type = Math.max(0, members.indexOf(Object.keys(value)[0] ?? ''));
  return [
    String(type), text(value['stringValue']), type === 2 ? String(value['intValue']) : null, type === 3 ? String(Number(value['doubleValue'])) : null,
    type === 4 ? String(value['boolValue']) : null, text(value['bytesValue']), String(type === 5 || type === 6),
  ];
}

function childRows(truth: readonly TruthItem[], kind: 'events' | 'links', read: (child: JsonObject) => (string | null)[]): (string | null)[][] {
  return truth.flatMap(({ item }) => objects(item[kind]).map((child) => [id(item['spanId']), ...read(child)]));
}

function doubles(row: readonly (string | null)[]): (string | null)[] {
  return row.map((value) => (value !== null && /^-?\d+\.\d+(e[+-]?\d+)?$/i.test(value) ? String(Number(value)) : value));
}
