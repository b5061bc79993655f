import type { KeyType } from '../../policy/compile/compiled.ts';
import { NoEqual } from '../finding.ts';
import type { KeyTypes } from '../key-types.ts';

/** Fields that Refinery makes of a span of OTLP, and the column of `spans` that each is; all others are attributes. */
const spanColumns: { readonly [field: string]: string } = {
  name: 'name',
  'service.name': 'service_name',
  duration_ms: 'duration_time_unix_nano / 1e6',
  status_code: 'status_code',
  status_message: 'status_message',
  error: 'has_error',
  'library.name': 'scope_name',
  'library.version': 'scope_version',
  'trace.parent_id': 'parent_span_id',
  'trace.span_id': 'span_id',
};

/** The same of a root span, in `traces`. */
const rootColumns: { readonly [field: string]: string } = {
  name: 'root_name', 'service.name': 'root_service', status_code: 'root_status_code::VARCHAR', error: '(root_status_code = 2)::VARCHAR',
};

const unknown = new Set(['span.kind', 'type', 'span.num_events', 'span.num_links', 'meta.signal_type', 'meta.annotation_type', 'trace.trace_id', 'parent_name']);

/** Where a field of a span may be, over `spans`, the first that is there: a span's attribute, or else its resource's. */
export function spanField(field: string, type: KeyType | null, keys: KeyTypes): readonly string[] {
  const column = spanColumns[field];
  if (column !== undefined) return [type === 'VARCHAR' && !isText(column) ? `(${column})::VARCHAR` : column];
  if (unknown.has(field)) throw new NoEqual(`the field ${field} is not in the views`);
  return [keys.read('attributes', field, type), keys.read('resource', field, type)];
}

/** A field of the root span, over `traces`, as a part of a key; never NULL. */
export function keyField(field: string, keys: KeyTypes): string {
  const name = field.replace(/^root\./, '');
  const column = rootColumns[name];
  if (column !== undefined) return `coalesce(${column}, '')`;
  if (unknown.has(name) || spanColumns[name] !== undefined) throw new NoEqual(`a key cannot have the field ${name}: the view traces has it not`);
  return `coalesce(${keys.read('attributes', name, 'VARCHAR')}, ${keys.read('resource', name, 'VARCHAR')}, '')`;
}

function isText(column: string): boolean {
  return /^(name|service_name|status_message|scope_name|scope_version|parent_span_id|span_id)$/.test(column);
}
