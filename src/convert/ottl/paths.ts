import { NoEqual } from '../finding.ts';
import type { KeySource, KeyTypes } from '../key-types.ts';
import type { KeyType } from '../../policy/compile/compiled.ts';

export type OttlContext = 'span' | 'spanevent';

/** What a path is in the views. `type` null: an attribute, read as what it is compared with. */
export interface Operand {
  readonly sql: (type: KeyType | null) => string;
  readonly type: KeyType | null;
  /** NULL stands for its empty value, as OTTL has none for it. */
  readonly isField: boolean;
}

const spanFields: { readonly [path: string]: readonly [column: string, type: KeyType] } = {
  name: ['name', 'VARCHAR'],
  kind: ['kind', 'BIGINT'],
  'status.code': ['status_code', 'BIGINT'],
  'status.message': ['status_message', 'VARCHAR'],
  trace_state: ['trace_state', 'VARCHAR'],
  flags: ['flags', 'BIGINT'],
  start_time_unix_nano: ['start_time_unix_nano', 'BIGINT'],
  end_time_unix_nano: ['start_time_unix_nano + duration_time_unix_nano', 'BIGINT'],
  dropped_attributes_count: ['dropped_attributes_count', 'BIGINT'],
  dropped_events_count: ['dropped_events_count', 'BIGINT'],
  dropped_links_count: ['dropped_links_count', 'BIGINT'],
};

const eventFields: typeof spanFields = {
  name: ['name', 'VARCHAR'],
  time_unix_nano: ['time_unix_nano', 'BIGINT'],
  dropped_attributes_count: ['dropped_attributes_count', 'BIGINT'],
};

const scopeFields: typeof spanFields = { name: ['scope_name', 'VARCHAR'], version: ['scope_version', 'VARCHAR'] };

/** Finds paths in the views that a condition of this context reads: `spans`, or `span_events e JOIN spans s`. Throws NoEqual. */
export function operandOf(parts: readonly string[], keys: readonly string[], context: OttlContext, types: KeyTypes): Operand {
  const [first, ...rest] = parts;
  const spanPrefix = context === 'span' ? '' : 's.';
  const shown = `${parts.join('.')}${keys.map((key) => `["${key}"]`).join('')}`;
  if (first === 'resource') return attributeOrNone('resource', rest, keys, spanPrefix, types, shown);
  if (first === 'scope' || first === 'instrumentation_scope') return field(scopeFields, rest.join('.'), keys, spanPrefix, shown);
  const isNamed = first === 'span' || first === 'spanevent';
  if (first === 'spanevent' && context === 'span') throw new NoEqual(`the path ${shown} is of events, and this is a condition on spans`);
  const own = isNamed ? rest : parts;
  const isEvent = context === 'spanevent' && first !== 'span';
  const prefix = isEvent ? 'e.' : spanPrefix;
  if (own[0] === 'attributes') return attributeOrNone('attributes', own, keys, prefix, types, shown);
  return field(isEvent ? eventFields : spanFields, own.join('.'), keys, prefix, shown);
}

function attributeOrNone(source: KeySource, path: readonly string[], keys: readonly string[], prefix: string, types: KeyTypes, shown: string): Operand {
  if (path.join('.') !== 'attributes' || keys.length !== 1) throw new NoEqual(`the path ${shown} is not in the views`);
  return { sql: (type) => types.read(source, keys[0], type, prefix), type: null, isField: false };
}

function field(fields: typeof spanFields, path: string, keys: readonly string[], prefix: string, shown: string): Operand {
  const found = fields[path];
  if (found === undefined || keys.length > 0) throw new NoEqual(`the path ${shown} is not in the views`);
  const [column, type] = found;
  return { sql: () => column.split(' + ').map((part) => `${prefix}${part}`).join(' + '), type, isField: true };
}
