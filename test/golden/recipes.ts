import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type JsonObject, object, objects, type OtlpRequest } from '../support/otlp-json.ts';

/** SQL that a document shows: the code block after a comment `<!-- ENGINE: NAME -->`. */
export interface Recipe {
  readonly engine: string;
  readonly name: string;
  readonly sql: string;
}

/** All of docs/counts.md, in their order. */
export function recipes(): readonly Recipe[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs/counts.md'), 'utf8');
  return [...text.matchAll(/<!-- (\w+): ([\w ]+) -->\n+```(?:sql|yaml)\n(.*?)```/gs)].map(([, engine, name, sql]) => ({ engine, name, sql }));
}

/** A span or log record as a row, with what it belongs to. */
export interface FlatItem {
  readonly resource: number;
  readonly service: string;
  readonly item: JsonObject;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Items of requests, those with attributes of other types than text and numbers without these. */
export function flatItems(requests: readonly OtlpRequest[], count: number | null): FlatItem[] {
  const flat: FlatItem[] = [];
  let resource = 0;
  for (const request of requests) {
    const [top, scopes, items] = request.resourceSpans === undefined ? ['resourceLogs', 'scopeLogs', 'logRecords'] : ['resourceSpans', 'scopeSpans', 'spans'];
    for (const each of objects(request[top])) {
      resource++;
      const service = String(attributesOf(object(each['resource']))['service.name']);
      for (const item of objects(each[scopes]).flatMap((scope) => objects(scope[items]))) {
        const attributes = attributesOf(item);
        if (count !== null) attributes['sampling.adjusted_count'] = count;
        flat.push({ resource, service, item, attributes });
      }
    }
  }
  return flat;
}

function attributesOf(of: JsonObject): Record<string, string | number> {
  const found: Record<string, string | number> = {};
  for (const { key, value } of objects(of['attributes'])) {
    const { stringValue, doubleValue, intValue } = object(value);
    if (typeof doubleValue === 'number') found[String(key)] = doubleValue;
    else if (typeof stringValue === 'string') found[String(key)] = stringValue;
    else if (intValue !== undefined) found[String(key)] = Number(intValue);
  }
  return found;
}

/** The star tables of spans or log records, as docs/counts.md takes them to be. */
export async function loadStar(connection: DuckDBConnection, signal: 'traces' | 'logs', items: readonly FlatItem[]): Promise<void> {
  const [table, attributeTable] = signal === 'traces' ? ['spans', 'span_attrs'] : ['logs', 'log_attrs'];
  const rows = items.map(({ item, resource }, id) => ({
    id, resource_id: resource, trace_id: item['traceId'] === '' ? null : (item['traceId'] ?? null), span_id: item['spanId'] ?? null, parent_span_id: item['parentSpanId'] === '' ? null : (item['parentSpanId'] ?? null), name: item['name'] ?? '',
    start_time_unix_nano: item['startTimeUnixNano'] ?? item['timeUnixNano'] ?? 0, duration_time_unix_nano: Number(BigInt(String(item['endTimeUnixNano'] ?? 0)) - BigInt(String(item['startTimeUnixNano'] ?? 0))),
    status_code: object(item['status'] ?? {})['code'] ?? 0, severity_number: item['severityNumber'] ?? 0,
  }));
  const attributes = items.flatMap((each, id) => ['sampling.adjusted_count', 'sampling.threshold', 'sampling.randomness'].flatMap((key) => {
    const value = each.attributes[key];
    return value === undefined ? [] : [{ parent_id: id, key, str: typeof value === 'string' ? value : null, double: typeof value === 'number' ? value : null }];
  }));
  const resources = [...new Map(items.map(({ resource, service }) => [resource, service]))].map(([parent_id, str]) => ({ parent_id, key: 'service.name', str }));
  await load(connection, table, rows, { id: 'BIGINT', resource_id: 'BIGINT', trace_id: 'VARCHAR', span_id: 'VARCHAR', parent_span_id: 'VARCHAR', name: 'VARCHAR', start_time_unix_nano: 'BIGINT', duration_time_unix_nano: 'BIGINT', status_code: 'INTEGER', severity_number: 'INTEGER' });
  await load(connection, attributeTable, attributes, { parent_id: 'BIGINT', key: 'VARCHAR', str: 'VARCHAR', double: 'DOUBLE' });
  await load(connection, 'resource_attrs', resources, { parent_id: 'BIGINT', key: 'VARCHAR', str: 'VARCHAR' });
}

async function load(connection: DuckDBConnection, table: string, rows: readonly object[], columns: Readonly<Record<string, string>>): Promise<void> {
  const types = Object.entries(columns).map(([name, type]) => `"${name}" ${type}`);
  const fields = Object.entries(columns).map(([name, type]) => `"${name}": "${type}"`);
  const prepared = await connection.prepare(`CREATE OR REPLACE TABLE ${table} (${types.join(', ')})`);
  await prepared.run();
  const insert = await connection.prepare(`INSERT INTO ${table} SELECT unnest(from_json($1::JSON, '[{${fields.join(', ')}}]'), recursive := true)`);
  insert.bindVarchar(1, JSON.stringify(rows));
  await insert.run();
}
