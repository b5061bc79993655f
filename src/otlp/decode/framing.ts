import type { Column } from '../../otap/column.ts';
import { isValid } from '../../otap/decode/bits.ts';
import * as shapes from '../proto-fields.ts';
import { checkText } from './check-values.ts';
import { u32Memory, Validity } from './column-memory.ts';
import { textField, type ReadField, varintField } from './field-columns.ts';
import { checkCount, entitiesMax } from './limits.ts';
import type { Ranges } from './ranges.ts';
import { type MessageRows, type RequestBytes, walk, wholeRequest } from './walk.ts';

/** What is around the items of a request: which resource and scope each belongs to, and what those are. */
export interface Framing {
  /** Spans, log records or metrics. */
  readonly items: Ranges;
  readonly resourceOf: Uint32Array;
  readonly scopeOf: Uint32Array;
  /** Where the messages around resources lie, and around scopes, which are owned by the former. */
  readonly resourceRanges: Ranges;
  readonly scopeRanges: Ranges;
  /** Rows by resource number: the messages around the resource, and the resource itself. */
  readonly resourceItems: MessageRows;
  readonly resources: MessageRows;
  /** Rows by scope number. */
  readonly scopeItems: MessageRows;
  readonly scopes: MessageRows;
}

/** Walks down to the items of a request, the same for each signal. Throws as `walk`. */
export function readFraming(request: RequestBytes): Framing {
  const resourceRanges = walk(request, shapes.request, wholeRequest(request)).lists[shapes.request.lists.resources];
  checkCount('resources', resourceRanges.count, entitiesMax);
  const resourceItems = walk(request, shapes.resourceItems, resourceRanges);
  const scopeRanges = resourceItems.lists[shapes.resourceItems.lists.scopes];
  checkCount('scopes', scopeRanges.count, entitiesMax);
  const scopeItems = walk(request, shapes.scopeItems, scopeRanges);
  const items = scopeItems.lists[shapes.scopeItems.lists.items];
  const scopeOf = items.ownerIds();
  const resourceOf = u32Memory(request.source, items.count);
  for (let row = 0; row < items.count; row++) resourceOf[row] = scopeRanges.owners[scopeOf[row]];
  const resourceMessages = resourceItems.lists[shapes.resourceItems.lists.resource];
  if (request.isChecked) checkEntities(request, walk(request, shapes.resourceEntities, resourceMessages).lists[0]);
  return {
    items, resourceOf, scopeOf, resourceRanges, scopeRanges, resourceItems, scopeItems,
    resources: walk(request, shapes.resource, resourceMessages, resourceRanges.count),
    scopes: walk(request, shapes.scope, scopeItems.lists[shapes.scopeItems.lists.scope], scopeRanges.count),
  };
}

/** Nothing here reads them, but whoever gets them spliced. */
function checkEntities(request: RequestBytes, refs: Ranges): void {
  if (refs.count === 0) return;
  for (const { starts, ends, count } of walk(request, shapes.entityRef, refs).lists) {
    for (let index = 0; index < count; index++) checkText(request.bytes, request.view, starts[index], ends[index]);
  }
}

/** The columns of root tables that say what is around the items. */
export function framingColumns(framing: Framing): [string, () => Column | null][] {
  const { resourceOf, scopeOf, resourceItems, resources, scopeItems, scopes } = framing;
  const column = (path: string, rows: MessageRows, read: ReadField, owners: Uint32Array): [string, () => Column | null] => [path, () => spread(rows, read(rows), owners)];
  return [
    column('resource.schema_url', resourceItems, textField(shapes.resourceItems.slots.schema_url, 'null'), resourceOf),
    column('resource.dropped_attributes_count', resources, varintField(shapes.resource.slots.dropped_attributes_count, 'u32'), resourceOf),
    column('scope.name', scopes, textField(shapes.scope.slots.name, 'null'), scopeOf),
    column('scope.version', scopes, textField(shapes.scope.slots.version, 'null'), scopeOf),
    column('scope.dropped_attributes_count', scopes, varintField(shapes.scope.slots.dropped_attributes_count, 'u32'), scopeOf),
    column('schema_url', scopeItems, textField(shapes.scopeItems.slots.schema_url, 'null'), scopeOf),
  ];
}

/** The column of a resource or scope, once for each of its items. */
function spread({ request: { source } }: MessageRows, column: Column | null, owners: Uint32Array): Column | null {
  if (column === null) return null;
  const length = owners.length;
  const values = u32Memory(source, length);
  if (column.kind === 'fixed') {
    for (let row = 0; row < length; row++) values[row] = column.values[owners[row]];
    return { kind: 'fixed', type: 'u32', length, validity: null, values };
  }
  if (column.kind !== 'dictionary') throw new Error(`invariant broken: ${column.type} column of a resource or scope`);
  const { codes, validity: from } = column;
  const validity = new Validity(source, length);
  for (let row = 0; row < length; row++) {
    const owner = owners[row];
    values[row] = codes[owner];
    if (!isValid(from, owner)) validity.clear(row);
  }
  return { ...column, length, validity: validity.finish(), codes: values };
}
