import { type Json, type JsonObject, object, objects, type OtlpRequest } from '../../support/otlp-json.ts';

/** An item of the truth with where it comes from. */
export interface TruthItem {
  readonly item: JsonObject;
  readonly resource: JsonObject;
  readonly scope: JsonObject;
}

const names = { resourceSpans: ['scopeSpans', 'spans'], resourceLogs: ['scopeLogs', 'logRecords'] } as const;

export function truthItems(requests: readonly OtlpRequest[]): TruthItem[] {
  return requests.flatMap((request) => (['resourceSpans', 'resourceLogs'] as const).flatMap((name) => {
    const [scopes, items] = names[name];
    return objects(request[name]).flatMap((entry) => objects(entry[scopes]).flatMap((scoped) =>
      objects(scoped[items]).map((item) => ({ item, resource: object(entry['resource']), scope: object(scoped['scope']) }))));
  }));
}

/** A text or number as SQL prints it; absent, '' and (with `zeroIsNull`) all-zero ids are null. */
export function text(value: Json | undefined): string | null {
  return value === undefined || value === null || value === '' ? null : String(value);
}

export function id(value: Json | undefined): string | null {
  const digits = text(value);
  return digits === null || /^0*$/.test(digits) ? null : digits;
}

export function number(value: Json | undefined): string {
  return text(value) ?? '0';
}

/** The value of an attribute as it reads as `type`: null where it is absent or of another type. */
export function attribute(owner: JsonObject, key: string, type: string): string | null {
  const found = objects(owner['attributes']).find((entry) => entry['key'] === key);
  const value = object(found?.['value']);
  if (type === 'BIGINT') return value['intValue'] === undefined ? null : String(value['intValue']);
  if (type === 'DOUBLE') return doubleOf(value);
  if (type === 'BOOLEAN') return value['boolValue'] === undefined ? null : String(value['boolValue']);
  return plainText(value);
}

function doubleOf(value: JsonObject): string | null {
  const found = value['doubleValue'] ?? value['intValue'];
  return found === undefined ? null : String(Number(found));
}

/** Strings, numbers, bools and bytes as text, maps and slices as JSON (src/otap/decode/any-value.ts says how). */
function plainText(value: JsonObject): string | null {
  for (const member of ['stringValue', 'intValue', 'boolValue', 'bytesValue'] as const) if (value[member] !== undefined) return String(value[member]);
  if (value['doubleValue'] !== undefined) return String(Number(value['doubleValue']));
  if (value['arrayValue'] === undefined && value['kvlistValue'] === undefined) return null;
  return JSON.stringify(plain(value));
}

function plain(value: JsonObject): unknown {
  if (value['arrayValue'] !== undefined) return objects(object(value['arrayValue'])['values']).map(plain);
  if (value['kvlistValue'] !== undefined) {
    return Object.fromEntries(objects(object(value['kvlistValue'])['values']).map((entry) => [String(entry['key']), plain(object(entry['value']))]));
  }
  if (value['intValue'] !== undefined) return Number(value['intValue']);
  return value['stringValue'] ?? value['doubleValue'] ?? value['boolValue'] ?? value['bytesValue'] ?? null;
}

const kinds = ['stringValue', 'intValue', 'doubleValue', 'boolValue'] as const;
const sqlTypes = { stringValue: 'VARCHAR', intValue: 'BIGINT', doubleValue: 'DOUBLE', boolValue: 'BOOLEAN' } as const;
export type SqlType = (typeof sqlTypes)[keyof typeof sqlTypes];

/** Keys of some attribute lists, each with the type of its values; VARCHAR where they have several or another. */
export function keysWithTypes(owners: readonly JsonObject[]): (readonly [string, SqlType])[] {
  const seen = new Map<string, Set<string>>();
  for (const owner of owners) {
    for (const { key, value } of objects(owner['attributes'])) {
      const members = seen.get(String(key)) ?? new Set();
      seen.set(String(key), members);
      for (const member of Object.keys(object(value))) members.add(member);
    }
  }
  return [...seen].map(([key, members]) => {
    const [only] = members;
    const kind = members.size === 1 ? kinds.find((name) => name === only) : undefined;
    return [key, kind === undefined ? 'VARCHAR' : sqlTypes[kind]] as const;
  });
}

/** Randomness of a trace id: its last 7 bytes. */
export function randomnessOf(traceId: string): string {
  return String(BigInt(`0x${traceId.slice(-14)}`));
}

/** Rows as sorted lines, so that orders do not matter. */
export function lines(rows: readonly (readonly (string | null)[])[]): string[] {
  return rows.map((row) => row.map((value) => value ?? '\u2400').join(' | ')).sort();
}

/** The first line that differs; null where none does. */
export function firstDifference(found: readonly string[], expected: readonly string[]): string | null {
  const at = expected.findIndex((line, index) => line !== found[index]);
  if (at === -1 && found.length === expected.length) return null;
  return `line ${at}; ${found.length} for ${expected.length}\nfound    ${found[at] ?? 'none'}\nexpected ${expected[at] ?? 'none'}`;
}
