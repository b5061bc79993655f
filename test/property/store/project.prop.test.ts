import { describe, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import type { PayloadName } from '../../../src/otap/payload-type.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { anyValueTypes } from '../../../src/store/key-columns.ts';
import { childViewSql, rowViewSql, starViewSql } from '../../../src/store/window-views.ts';
import { batchOf, type Rows, type Value } from '../../support/random-batch.ts';
import { randomRows } from '../../support/random-rows.ts';
import { rowsOf, useEngine } from '../../sql/store/engine.ts';
import { allColumns, allStars, keyReads, projectBatches, reading } from '../../sql/store/projected.ts';
import { firstDifference, lines } from '../../sql/store/truth-rows.ts';

/**
 * Strategy: random tables (extremes of every type, nulls over rubbish, columns absent, ids in any order up to the greatest, children
 * of nobody), each column native or a dictionary, rows over two slots.
 * Invariants: every row of every view is what a plain reading of the tables says.
 */
const engine = useEngine();
const seeds = Array.from({ length: 25 }, (_, index) => index + 1);
type Row = { readonly [path: string]: Value };
const keys = (['k', 'http.route', 'ü'] as const).flatMap((key) => (['VARCHAR', 'BIGINT', 'DOUBLE', 'BOOLEAN'] as const).map((type) => [key, type] as const));

const clamp = (value: bigint, min: bigint, max: bigint): bigint => (value < min ? min : value > max ? max : value);
const wide = (value: Value | undefined): bigint => (typeof value === 'bigint' ? BigInt.asIntN(64, value) : 0n);
const time = (value: Value | undefined): bigint => clamp(BigInt.asUintN(64, wide(value)), 0n, 2n ** 62n);
const count = (value: Value | undefined): string => String(Number(value ?? 0));
const small = (value: Value | undefined): string => String(Math.min(255, Math.max(0, Number(value ?? 0))));
const text = (value: Value | undefined): string | null => (typeof value === 'string' ? value : null);
const hex = (value: Value | undefined): string | null => (value instanceof Uint8Array && value.some((byte) => byte !== 0) ? Buffer.from(value).toString('hex') : null);
const timeOrNull = (value: Value | undefined): string | null => (time(value) === 0n ? null : String(time(value)));
const double = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

const spanColumns: { readonly [column: string]: (row: Row) => string | null } = {
  span_id: (row) => hex(row['span_id']), parent_span_id: (row) => hex(row['parent_span_id']), name: (row) => text(row['name']), kind: (row) => small(row['kind']),
  start_time_unix_nano: (row) => String(time(row['start_time_unix_nano'])),
  duration_time_unix_nano: (row) => String(clamp(wide(row['duration_time_unix_nano']), -(2n ** 61n), 2n ** 61n)),
  status_code: (row) => small(row['status.code']), status_message: (row) => text(row['status.status_message']), trace_state: (row) => text(row['trace_state']),
  dropped_events_count: (row) => count(row['dropped_events_count']), dropped_links_count: (row) => count(row['dropped_links_count']),
};
const logColumns: typeof spanColumns = {
  trace_id: (row) => hex(row['trace_id']), span_id: (row) => hex(row['span_id']), time_unix_nano: (row) => timeOrNull(row['time_unix_nano']),
  observed_time_unix_nano: (row) => timeOrNull(row['observed_time_unix_nano']), severity_number: (row) => small(row['severity_number']), severity_text: (row) => text(row['severity_text']),
  event_name: (row) => text(row['event_name']), body_type: (row) => small(row['body.type']),
};
const sharedColumns: typeof spanColumns = {
  flags: (row) => count(row['flags']), scope_name: (row) => text(row['scope.name']), scope_version: (row) => text(row['scope.version']), dropped_attributes_count: (row) => count(row['dropped_attributes_count']),
};

describe.each(['traces', 'logs'] as const)('%s', (signal) => {
  test.each(seeds)('seed %i', async (seed) => {
    const random = seededSeam(seed * 7919).jitter;
    const rows = withExtremes(random, randomRows(random, signal, 1 + Math.floor(random() * 60)));
    const coin = (path: string): boolean => (path.length * seed) % 3 === 0;
    const roots = rows[signal === 'traces' ? 'SPANS' : 'LOGS'] ?? [];
    const placed = roots.map(() => (random() < 0.5 ? 0 : 1));
    const view = signal === 'traces' ? 'spans' : 'logs';
    const use = { columns: allColumns(view), keys: [...keyReads('attributes', keys), ...keyReads('resource', keys)] };
    const stars = allStars(signal);
    const children = signal === 'traces' ? (['span_events', 'span_links'] as const) : [];
    const views: CompiledPolicy['views'] = [{ view, ...use }, ...children.map((child) => ({ view: child, columns: allColumns(child), keys: keyReads('attributes', keys) }))];
    const { window, slots } = await projectBatches(engine.session(), signal, [batchOf(signal, rows, coin)], reading(signal, views, stars), 2, (row) => placed[row]);
    const session = engine.session();
    await session.run(`CREATE OR REPLACE TEMP VIEW ${view} AS ${rowViewSql(window, view, use)}`);
    for (const { star } of stars) await session.run(`CREATE OR REPLACE TEMP VIEW ${star} AS ${starViewSql(window, star)}`);

    const model = { ...(signal === 'traces' ? spanColumns : logColumns), ...sharedColumns };
    const order = [...roots.keys()].sort((a, b) => placed[a] - placed[b] || a - b);
    const select = Object.keys(model).map((column) => (column === 'trace_id' ? "replace(trace_id::VARCHAR, '-', '')" : `"${column}"::VARCHAR`));
    const found = await rowsOf(session, `SELECT ${[...select, ...use.keys.map(({ source, field }) => `${source}.${field}::VARCHAR`)].join(', ')} FROM ${view} ORDER BY id & 4294967295::UHUGEINT`);
    const expected = order.map((index) => [
      ...Object.values(model).map((read) => read(roots[index])),
      ...use.keys.map(({ source, key, type }) => (source === 'attributes' ? valueOf(rows, attributesOf(signal), roots[index]['id'], key, type) : valueOf(rows, 'RESOURCE_ATTRS', roots[index]['resource.id'], key, type))),
    ]);
    expect(firstDifference(found.map(joined), expected.map(joined))).toBeNull();

    await checkStars(rows, signal, view);
    for (const child of children) {
      await session.run(`CREATE OR REPLACE TEMP VIEW ${child} AS ${childViewSql(window, child, { columns: allColumns(child), keys: keyReads('attributes', keys) })}`);
      await checkChildren(rows, child);
    }
    for (const slot of slots) await slot.drop();
  });
});

const extremes: { readonly [path: string]: readonly Value[] } = {
  start_time_unix_nano: [0n, 1n, 2n ** 62n, 2n ** 63n - 1n, -1n], duration_time_unix_nano: [-(2n ** 63n), -1n, 2n ** 61n + 1n, 2n ** 63n - 1n],
  time_unix_nano: [0n, 2n ** 63n - 1n, -1n], observed_time_unix_nano: [0n, -5n], kind: [-1, 300], severity_number: [-1, 256, 300], 'status.code': [-7, 1000],
};

/** Some times and enums beyond what the generator gives. */
function withExtremes(random: () => number, rows: Rows): Rows {
  return Object.fromEntries(Object.entries(rows).map(([name, table]) => [name, (table ?? []).map((row) => Object.fromEntries(Object.entries(row).map(([path, value]) => {
    const choices = extremes[path];
    return [path, choices !== undefined && value !== null && random() < 0.2 ? choices[Math.floor(random() * choices.length)] : value];
  })))]));
}

function joined(row: readonly (string | null)[]): string {
  return row.map((value) => (value !== null && /^-?\d+(\.\d+)?e[+-]?\d+$|^-?\d+\.\d+$/.test(value) ? double(Number(value)) : value === 'nan' ? 'NaN' : value === 'inf' ? 'Infinity' : value === '-inf' ? '-Infinity' : value ?? '\u2400')).join(' | ');
}

const attributesOf = (signal: 'traces' | 'logs'): PayloadName => (signal === 'traces' ? 'SPAN_ATTRS' : 'LOG_ATTRS');

/** The value of one key of an owner as a type, as docs/policies.md says. */
function valueOf(rows: Rows, table: PayloadName, id: Value | undefined, key: string, type: string): string | null {
  if (typeof id !== 'number') return null;
  const found = rows[table]?.find((row) => row['parent_id'] === id && row['key'] === key);
  const kind = Number(found?.['type'] ?? 0);
  if (found === undefined || kind === anyValueTypes.empty) return null;
  if (type === 'BOOLEAN') return kind === anyValueTypes.bool ? String(found['bool'] === true) : null;
  const number = kind === anyValueTypes.int ? wide(found['int']) : kind === anyValueTypes.double ? Number(found['double']) : null;
  if (type === 'DOUBLE') return number === null ? null : double(Number(number));
  if (type === 'BIGINT') return typeof number === 'bigint' ? String(number) : number !== null && Number.isSafeInteger(number) ? String(BigInt(number)) : null;
  return textOf(found, kind);
}

function textOf(row: Row, kind: number): string {
  if (kind === anyValueTypes.str) return text(row['str']) ?? '';
  if (kind === anyValueTypes.int) return String(wide(row['int']));
  if (kind === anyValueTypes.double) return String(Number(row['double']));
  if (kind === anyValueTypes.bool) return String(row['bool'] === true);
  if (kind === anyValueTypes.bytes) return row['bytes'] instanceof Uint8Array ? Buffer.from(row['bytes']).toString('base64') : '';
  const json = Buffer.from(row['ser'] instanceof Uint8Array ? row['ser'] : []).toString('latin1');
  if (kind === anyValueTypes.map) return json.includes('x') ? '{"a":1,"b":"x"}' : '{"a":1,"b":""}';
  return json.includes('y') ? '[1,"y"]' : '[1,true]';
}

async function checkStars(rows: Rows, signal: 'traces' | 'logs', view: 'spans' | 'logs'): Promise<void> {
  const root = rows[signal === 'traces' ? 'SPANS' : 'LOGS'] ?? [];
  const stars = [[attributesOf(signal), signal === 'traces' ? 'span_attrs' : 'log_attrs', 'id', 'id'], ['RESOURCE_ATTRS', 'resource_attrs', 'resource_id', 'resource.id'], ['SCOPE_ATTRS', 'scope_attrs', 'scope_id', 'scope.id']] as const;
  for (const [table, star, column, path] of stars) {
    const found = await rowsOf(engine.session(), `SELECT count(*), a.key, a.type::VARCHAR, a.str, a.int::VARCHAR, a.bool::VARCHAR, lower(hex(a.bytes)), lower(hex(a.ser)) FROM ${view} v JOIN ${star} a ON a.parent_id = v.${column} GROUP BY ALL`);
    const expected = root.flatMap((item) => (rows[table] ?? []).filter((row) => typeof item[path] === 'number' && row['parent_id'] === item[path]).map((row) => [
      text(row['key']), small(row['type']), text(row['str']), typeof row['int'] === 'bigint' ? String(wide(row['int'])) : null,
      typeof row['bool'] === 'boolean' ? String(row['bool']) : null, hexOrEmpty(row['bytes']), hexOrEmpty(row['ser']),
    ]));
    const counted = new Map<string, number>();
    for (const line of lines(expected)) counted.set(line, (counted.get(line) ?? 0) + 1);
    expect([star, firstDifference(lines(found), [...counted].map(([line, times]) => `${times} | ${line}`).sort())]).toEqual([star, null]);
  }
}

function hexOrEmpty(value: Value | undefined): string | null {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : null;
}

async function checkChildren(rows: Rows, child: 'span_events' | 'span_links'): Promise<void> {
  const [table, attributes] = child === 'span_events' ? (['SPAN_EVENTS', 'SPAN_EVENT_ATTRS'] as const) : (['SPAN_LINKS', 'SPAN_LINK_ATTRS'] as const);
  const own = child === 'span_events'
    ? { sql: 'c.name, c.time_unix_nano::VARCHAR, c.dropped_attributes_count::VARCHAR', read: (row: Row) => [text(row['name']), String(time(row['time_unix_nano'])), count(row['dropped_attributes_count'])] }
    : { sql: "replace(c.linked_trace_id::VARCHAR, '-', ''), c.linked_span_id, c.trace_state, c.flags::VARCHAR", read: (row: Row) => [hex(row['trace_id']), hex(row['span_id']), text(row['trace_state']), count(row['flags'])] };
  const reads = keyReads('attributes', keys);
  const found = await rowsOf(engine.session(), `SELECT v.start_time_unix_nano::VARCHAR, ${own.sql}, ${reads.map(({ field }) => `c.attributes.${field}::VARCHAR`).join(', ')} FROM ${child} c JOIN spans v ON v.id = c.parent_id`);
  const expected = (rows[table] ?? []).flatMap((row) => (rows['SPANS'] ?? []).filter((span) => typeof span['id'] === 'number' && span['id'] === row['parent_id']).map((span) => [
    String(time(span['start_time_unix_nano'])), ...own.read(row), ...reads.map(({ key, type }) => valueOf(rows, attributes, row['id'], key, type)),
  ]));
  expect([child, firstDifference(found.map(joined).sort(), expected.map(joined).sort())]).toEqual([child, null]);
}
