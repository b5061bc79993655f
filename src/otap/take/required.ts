import type { SchemaName } from '../payload-type.ts';
import type { ColumnSpec } from '../schema.ts';

/** Columns that the specification lets be null and the Rust receiver refuses when they are (docs/otap.md). */
const requiredByReceivers: ReadonlySet<string> = new Set([
  'span_links/trace_id',
  'span_links/span_id',
  'exemplars/time_unix_nano',
]);

/** Whether what we send has the column in every row; where the input had none, it is the type's zero value. */
export function isRequired(schema: SchemaName, spec: ColumnSpec): boolean {
  return spec.required || requiredByReceivers.has(`${schema}/${spec.path}`);
}
