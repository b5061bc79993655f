import type { SchemaName } from '../payload-type.ts';
import { type ColumnSpec, schemas } from '../schema.ts';
import { isRequired } from '../take/required.ts';
import type { StreamDictionary } from './stream-dictionary.ts';

/** How a column's values lie on the wire: themselves, or as 8 or 16 bit codes of a dictionary. */
export type IndexWidth = 'native' | 'u8' | 'u16';

/** One leaf column of a payload's schema in a stream. */
export interface Leaf {
  readonly spec: ColumnSpec;
  readonly required: boolean;
  readonly index: IndexWidth;
  /** Null where the index is native. */
  readonly dictionary: StreamDictionary | null;
}

/** Columns that are written together or not at all: the Go reader fails on half of a struct. */
const pairs: readonly (readonly [string, string])[] = [
  ['positive.offset', 'positive.bucket_counts'],
  ['negative.offset', 'negative.bucket_counts'],
];

/** The paths to write, in the order of the specification, when these have values. */
export function pathsToWrite(schema: SchemaName, withValues: ReadonlySet<string>): ColumnSpec[] {
  const has = (path: string): boolean => withValues.has(path);
  return schemas[schema].filter((spec) => {
    if (has(spec.path) || pairs.some((pair) => pair.includes(spec.path) && pair.some(has))) return true;
    if (!isRequired(schema, spec)) return false;
    const group = groupOf(spec.path);
    return group === null || [...withValues].some((path) => groupOf(path) === group);
  });
}

/** `resource` of `resource.id`; null for a column of its own. */
export function groupOf(path: string): string | null {
  const dot = path.indexOf('.');
  return dot < 0 ? null : path.slice(0, dot);
}

/** The narrowest index that the specification and both known receivers allow; exemplars' ints are compared by value there. */
export function narrowestIndex(schema: SchemaName, spec: ColumnSpec): IndexWidth {
  if (spec.dictionary === 'none' || (schema === 'exemplars' && spec.path === 'int_value')) return 'native';
  return spec.dictionary;
}
