import type { PolicySignal, StarName } from '../compile/compiled.ts';
import type { CatalogColumn } from './views.ts';

export interface CatalogStar {
  readonly name: StarName;
  /** Other names of the same table. */
  readonly aliases: readonly string[];
  /** Signals whose windows have it. */
  readonly signals: readonly PolicySignal[];
  readonly parent: string;
  readonly parentType: 'UHUGEINT' | 'UBIGINT';
}

function star(name: StarName, alias: string, signals: readonly PolicySignal[], parent: string): CatalogStar {
  return { name, aliases: [alias], signals, parent, parentType: parent.endsWith('.id') ? 'UHUGEINT' : 'UBIGINT' };
}

/** The attribute tables of the OTAP star schema, as data. */
export const catalogStars: readonly CatalogStar[] = [
  star('span_attrs', 'span_attributes', ['traces'], 'spans.id'),
  star('span_event_attrs', 'span_event_attributes', ['traces'], 'span_events.id'),
  star('span_link_attrs', 'span_link_attributes', ['traces'], 'span_links.id'),
  star('log_attrs', 'log_attributes', ['logs'], 'logs.id'),
  star('resource_attrs', 'resource_attributes', ['traces', 'logs'], 'resource_id'),
  star('scope_attrs', 'scope_attributes', ['traces', 'logs'], 'scope_id'),
];

/** Columns of a star table, after OTAP's attribute payloads. */
export function starColumns({ parent, parentType }: CatalogStar): readonly CatalogColumn[] {
  return [
    { name: 'parent_id', type: parentType, doc: parent },
    { name: 'key', type: 'VARCHAR', doc: 'attribute key' },
    { name: 'type', type: 'UTINYINT', doc: '0 empty, 1 str, 2 int, 3 double, 4 bool, 5 map, 6 slice, 7 bytes' },
    { name: 'str', type: 'VARCHAR', doc: 'value of type 1' },
    { name: 'int', type: 'BIGINT', doc: 'value of type 2' },
    { name: 'double', type: 'DOUBLE', doc: 'value of type 3' },
    { name: 'bool', type: 'BOOLEAN', doc: 'value of type 4' },
    { name: 'bytes', type: 'BLOB', doc: 'value of type 7' },
    { name: 'ser', type: 'BLOB', doc: 'CBOR of a value of type 5 or 6' },
  ];
}
