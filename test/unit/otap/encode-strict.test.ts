import { DataType, type Field, RecordBatchReader, type Type, Uint8 } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { payloadTypes, type PayloadInfo, signalPayloads } from '../../../src/otap/payload-type.ts';
import { decodeBatchArrowRecords } from '../../../src/otap/proto/batch-arrow-records.ts';
import { type ColumnSpec, schemas } from '../../../src/otap/schema.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { isRequired } from '../../../src/otap/take/required.ts';
import { captureOf } from '../../support/captures.ts';
import { plain, reencode } from '../../support/reencode.ts';

/**
 * Scenario: recorded streams encoded again are read by a third implementation, apache-arrow's own reader.
 * Guarantees: it reads every message; and what the Rust engine's schema check refuses does not occur: unknown columns, other
 * types, missing or null required columns, u8 indexes where u16 is the least, fields of one struct out of place.
 */
const names = ['traces_tiny_nozstd', 'logs_tiny_u8_nozstd', 'collector_traces', 'collector_metrics', 'rust/rust_metrics'];

describe.each(names)('%s', (name) => {
  test('is read by apache-arrow and keeps the rules of strict receivers', () => {
    const infos = new Map(signalPayloads[captureOf(name).signal].map((info) => [info.type, info]));
    const messages = reencode(name, plain, (batch) => ({ rows: allRows(batch), stamps: null })).slice(0, 150);
    const streams = new Map<string, { info: PayloadInfo; records: Uint8Array[] }>();
    for (const message of messages) {
      for (const { schemaId, type, record } of decodeBatchArrowRecords(message).payloads) {
        const info = infos.get(type);
        if (info === undefined) throw new Error(`payload type ${type}`);
        const stream = streams.get(schemaId) ?? { info, records: [] };
        streams.set(schemaId, stream);
        expect(stream.info.type).toBe(type);
        stream.records.push(record);
      }
    }
    for (const { info, records } of streams.values()) expect(violations(info, records)).toEqual([]);
  });
});

test('a column that strict receivers refuse is noticed', () => {
  const [message] = reencode('collector_traces', plain, (batch) => ({ rows: allRows(batch), stamps: null }));
  const payload = decodeBatchArrowRecords(message).payloads.find(({ type }) => type === payloadTypes.SPAN_ATTRS);
  const [, resource] = signalPayloads.traces;
  const logs = signalPayloads.logs[0];
  expect(violations(resource, [payload?.record ?? new Uint8Array(0)])).toEqual([]);
  expect(violations(logs, [payload?.record ?? new Uint8Array(0)])).not.toEqual([]);
});

function violations(info: PayloadInfo, records: readonly Uint8Array[]): string[] {
  const found = new Set<string>();
  const reader = RecordBatchReader.from(Buffer.concat(records));
  let batchCount = 0;
  for (const batch of reader) {
    batchCount++;
    const leaves = batch.schema.fields.flatMap((field, index) => leavesOf(field, batch.data.children[index]));
    for (const { path, field, nullCount } of leaves) {
      const spec = schemas[info.schema].find((other) => other.path === path);
      if (spec === undefined) found.add(`${info.name}.${path} is unknown`);
      else for (const rule of brokenRules(info, spec, field, nullCount)) found.add(`${info.name}.${path}: ${rule}`);
    }
    for (const spec of schemas[info.schema]) {
      const isMissing = isRequired(info.schema, spec) && !spec.path.includes('.') && !leaves.some(({ path }) => path === spec.path);
      if (isMissing) found.add(`${info.name}.${spec.path} is missing`);
    }
  }
  if (batchCount !== records.length) found.add(`${info.name}: ${batchCount} record batches in ${records.length} payloads`);
  return [...found];
}

interface LeafData {
  readonly path: string;
  readonly field: Field;
  readonly nullCount: number;
}

interface ArrowData {
  readonly nullCount: number;
  readonly children: readonly ArrowData[];
}

function leavesOf(field: Field, data: ArrowData): LeafData[] {
  if (!DataType.isStruct(field.type)) return [{ path: field.name, field, nullCount: data.nullCount }];
  if (data.nullCount > 0) return [{ path: `${field.name} (null struct)`, field, nullCount: data.nullCount }];
  return field.type.children.map((child: Field, index: number) => ({ path: `${field.name}.${child.name}`, field: child, nullCount: data.children[index].nullCount }));
}

const typeNames: { readonly [type in ColumnSpec['type']]: string } = {
  u8: 'Uint8', u16: 'Uint16', u32: 'Uint32', u64: 'Uint64', i32: 'Int32', i64: 'Int64', f64: 'Float64', bool: 'Bool', utf8: 'Utf8', binary: 'Binary',
  fixed8: 'FixedSizeBinary[8]', fixed16: 'FixedSizeBinary[16]', timestamp: 'Timestamp<NANOSECOND>', duration: 'Duration<NANOSECOND>',
  list_u64: 'List<Uint64>', list_f64: 'List<Float64>', list_quantile: 'List<Struct<{quantile:Float64, value:Float64}>>',
};

function brokenRules(info: PayloadInfo, spec: ColumnSpec, { type, nullable, metadata }: Field<DataType<Type>>, nullCount: number): string[] {
  const rules: string[] = [];
  const isDictionary = DataType.isDictionary(type);
  const value = isDictionary ? type.dictionary : type;
  if (String(value) !== typeNames[spec.type]) rules.push(`is ${String(value)}`);
  if (isDictionary && spec.dictionary === 'none') rules.push('is a dictionary');
  if (isDictionary && spec.dictionary === 'u16' && type.indices instanceof Uint8) rules.push('has a u8 index');
  if (isRequired(info.schema, spec) && nullCount > 0) rules.push('is null');
  if (isRequired(info.schema, spec) === nullable) rules.push(`nullable: ${nullable}`);
  if ((metadata.get('encoding') ?? null) !== spec.idEncoding) rules.push(`encoding: ${metadata.get('encoding')}`);
  return rules;
}
