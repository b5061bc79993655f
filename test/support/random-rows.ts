import { encode as encodeCbor } from 'cbor-x';
import { type PayloadInfo, type PayloadName, type Signal, signalPayloads } from '../../src/otap/payload-type.ts';
import { type ColumnSpec, schemas, type ValueType } from '../../src/otap/schema.ts';
import { isRequired } from '../../src/otap/take/required.ts';
import type { Rows, Value } from './random-batch.ts';

/** Uniform in [0, 1), from a seed. */
export type Random = () => number;

type Row = { readonly [path: string]: Value };

/**
 * Tables of random values with references between them: extremes of every type, nulls, empties, repeated keys, ids in any order
 * with gaps up to the greatest, children of nobody. Every value that OTLP can hold is possible; what Go's pdata cannot hold is not.
 */
export function randomRows(random: Random, signal: Signal, rootCount: number): Rows {
  const tables: { [name in PayloadName]?: readonly Row[] } = {};
  for (const info of signalPayloads[signal]) tables[info.name] = info.kind === 'root' ? rootRows(random, info, rootCount) : childRows(random, info, signal, tables);
  return tables;
}

function rootRows(random: Random, info: PayloadInfo, count: number): Row[] {
  const present = presentPaths(random, info);
  const ids = distinctIds(random, count, 65_535);
  return Array.from({ length: count }, (_, index) => {
    const row = randomRow(random, info, present);
    const id = info.name === 'UNIVARIATE_METRICS' || random() < 0.8 ? ids[index] : null;
    return { ...row, id, 'resource.id': random() < 0.9 ? pick(random, [0, 1, 7, 65_535]) : null, 'scope.id': random() < 0.9 ? pick(random, [0, 3, 65_535]) : null };
  });
}

function childRows(random: Random, info: PayloadInfo, signal: Signal, tables: { readonly [name in PayloadName]?: readonly Row[] }): Row[] {
  const parents = parentIds(info, signal, tables);
  const perParent = info.kind === 'attributes' ? 3 : 1.3;
  const count = random() < 0.1 ? 0 : Math.floor(random() * parents.length * perParent);
  const present = presentPaths(random, info);
  const ids = distinctIds(random, count, 2 ** 32 - 1);
  if (info.kind === 'attributes') return uniqueKeys(Array.from({ length: count }, () => ({ ...randomAttribute(random), parent_id: pick(random, parents) })));
  return Array.from({ length: count }, (_, index) => {
    const id = random() < 0.2 ? {} : { id: ids[index] };
    return { ...randomRow(random, info, present), ...id, parent_id: pick(random, parents) };
  });
}

/** Without the second attribute of a key at one parent: readers that hold attributes in maps would lose one of them. */
function uniqueKeys(rows: readonly Row[]): Row[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const key = `${String(row['parent_id'])} ${String(row['key'])}`;
    if (row['parent_id'] === undefined || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function parentIds(info: PayloadInfo, signal: Signal, tables: { readonly [name in PayloadName]?: readonly Row[] }): number[] {
  if (info.name === 'RESOURCE_ATTRS') return [0, 1, 7, 65_535, 9];
  if (info.name === 'SCOPE_ATTRS') return [0, 3, 65_535];
  const parent = info.parent === 'ROOT' || info.parent === null ? signalPayloads[signal][0].name : info.parent;
  return (tables[parent] ?? []).map((row) => row['id']).filter((id): id is number => typeof id === 'number');
}

function randomAttribute(random: Random): Row {
  const key = random() < 0.7 ? pick(random, ['', 'k', 'http.route', 'ü']) : `key${Math.floor(random() * 400)}`;
  return { key, ...randomValue(random, Math.floor(random() * 8), '') };
}

function randomValue(random: Random, type: number, prefix: '' | 'body.'): Row {
  const specs = schemas.attributes_u16;
  const path = ['', 'str', 'int', 'double', 'bool', 'ser', 'ser', 'bytes'][type];
  if (path === '') return { [`${prefix}type`]: 0 };
  const spec = specs.find((other) => other.path === path);
  const value = path === 'ser' ? randomCbor(random, type) : valueOf(random, spec?.type ?? 'utf8');
  return { [`${prefix}type`]: type, [`${prefix}${path}`]: value };
}

function randomCbor(random: Random, type: number): Uint8Array {
  return new Uint8Array(encodeCbor(type === 5 ? { a: 1, b: pick(random, ['x', '']) } : [1, pick(random, [true, 'y'])]));
}

function presentPaths(random: Random, info: PayloadInfo): ReadonlySet<string> {
  const dense = random();
  return new Set(schemas[info.schema].filter((spec) => isRequired(info.schema, spec) || random() < dense).map((spec) => spec.path));
}

function randomRow(random: Random, info: PayloadInfo, present: ReadonlySet<string>): Row {
  const row: { [path: string]: Value } = {};
  for (const spec of schemas[info.schema]) {
    if (spec.idEncoding !== null || !present.has(spec.path) || spec.path.startsWith('body.')) continue;
    if (isRequired(info.schema, spec) || random() < 0.7) row[spec.path] = columnValue(random, spec);
  }
  if (info.schema === 'logs' && random() < 0.8) Object.assign(row, randomValue(random, Math.floor(random() * 8), 'body.'));
  if (info.schema === 'summary_data_points') row['sum'] = 1 + random();
  if (row['int_value'] !== undefined && row['double_value'] !== undefined) delete row[random() < 0.5 ? 'int_value' : 'double_value'];
  return row;
}

function columnValue(random: Random, spec: ColumnSpec): Value {
  if (spec.path === 'zero_threshold') return random();
  if (spec.path === 'metric_type') return 1 + Math.floor(random() * 5);
  if (spec.path === 'duration_time_unix_nano') return BigInt(Math.floor(random() * 1e12));
  if (spec.path === 'kind' || spec.path === 'status.code' || spec.path === 'aggregation_temporality') return Math.floor(random() * 3);
  return valueOf(random, spec.type);
}

const texts = ['', 'a', 'GET /cart', '漢字 \u{1f980}', 'x'.repeat(300), '\u0000'];

function valueOf(random: Random, type: ValueType): Value {
  switch (type) {
    case 'utf8':
      return random() < 0.6 ? pick(random, texts) : `t${Math.floor(random() * 3000)}`;
    case 'binary':
      return random() < 0.5 ? new Uint8Array(0) : Uint8Array.of(0, 255, Math.floor(random() * 256));
    case 'fixed8':
      return filled(8, 1 + Math.floor(random() * 3), random);
    case 'fixed16':
      return filled(16, 1 + Math.floor(random() * 3), random);
    case 'f64':
      return random() < 0.6 ? pick(random, [0, -0, NaN, Infinity, -Infinity, 5e-324, 1.5]) : random();
    case 'u8':
      return Math.floor(random() * 8);
    case 'u16':
      return Math.floor(random() * 65_536);
    case 'u32':
      return pick(random, [0, 1, 2 ** 32 - 1]);
    case 'i32':
      return pick(random, [0, 9, 2 ** 31 - 1, -(2 ** 31)]);
    case 'i64':
      return random() < 0.6 ? pick(random, [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]) : BigInt(Math.floor(random() * 1000));
    case 'u64':
      return pick(random, [0n, 1n, 2n ** 63n - 1n]);
    case 'bool':
      return random() < 0.5;
    case 'timestamp':
      return 1_700_000_000_000_000_000n + BigInt(Math.floor(random() * 1e15));
    case 'duration':
      return BigInt(Math.floor(random() * 1e12));
    case 'list_u64':
      return [Array.from({ length: Math.floor(random() * 4) }, () => BigInt(Math.floor(random() * 100)))];
    case 'list_f64':
      return [Array.from({ length: Math.floor(random() * 4) }, () => random())];
    case 'list_quantile': {
      const length = Math.floor(random() * 3);
      return [Array.from({ length }, () => random()), Array.from({ length }, () => random())];
    }
  }
}

function filled(length: number, value: number, random: Random): Uint8Array {
  return random() < 0.7 ? new Uint8Array(length).fill(value) : Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** Distinct ids in any order, 0 and `idMax` among them as a rule. */
function distinctIds(random: Random, count: number, idMax: number): number[] {
  const ids = new Set<number>(random() < 0.7 ? [0, idMax].slice(0, count) : []);
  while (ids.size < count) ids.add(Math.floor(random() * (random() < 0.5 ? count * 2 : idMax)));
  return [...ids].sort(() => random() - 0.5);
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)];
}
