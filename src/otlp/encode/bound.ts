import type { PayloadName } from '../../otap/payload-type.ts';
import type { OutputBatch, OutputTable } from '../../otap/take/output-batch.ts';
import { type Cells, cellsOf, type Lists, listsOf } from './cells.ts';
import { type Children, childrenOf } from './children.ts';
import type { FieldType, ListType, MessagePart } from './message-parts.ts';

export type Operation = Exclude<FieldType, 'sfixed64'> | 'list' | 'quantiles' | 'end' | 'value' | 'attributes' | 'children' | 'message' | 'one_of' | 'by_number';

/**
 * A part of a message with the columns of one batch. One class for all kinds, with fields that not every kind uses, so that
 * V8 sees one shape where writers go over the parts of a row.
 */
export class BoundPart {
  readonly operation: Operation;
  readonly number: number;
  readonly json: string;
  readonly signed: boolean;
  /** Fields: zero is written too. Messages: written even when empty. */
  readonly always: boolean;
  cells: Cells | null = null;
  /** `end`: the duration. */
  duration: Cells | null = null;
  lists: Lists | null = null;
  listType: ListType = 'fixed64';
  values: ValueCells | null = null;
  /** `attributes`: their keys. */
  keys: Cells | null = null;
  children: Children | null = null;
  /** Number of the row's resource or scope; null where children belong to the row itself. */
  ownerOf: Uint32Array | null = null;
  parts: readonly BoundPart[] = [];
  /** `by_number`: parts by the number, undefined where nothing is to be written. */
  byNumber: readonly (BoundPart | undefined)[] = [];

  constructor(operation: Operation, number: number, json: string, always: boolean, signed: boolean) {
    this.operation = operation;
    this.number = number;
    this.json = json;
    this.always = always;
    this.signed = signed;
  }
}

/** The columns of an AnyValue. */
export interface ValueCells {
  readonly type: Cells;
  readonly str: Cells | null;
  readonly int: Cells | null;
  readonly double: Cells | null;
  readonly bool: Cells | null;
  readonly bytes: Cells | null;
  readonly ser: Cells | null;
}

/** Finds the columns of messages in a batch. Parts that no row has are left out. */
export class Binder {
  readonly #batch: OutputBatch;
  readonly #children = new Map<PayloadName, Children>();

  constructor(batch: OutputBatch) {
    this.#batch = batch;
  }

  parts(table: OutputTable, parts: readonly MessagePart[]): readonly BoundPart[] {
    return parts.flatMap((part) => this.part(table, part) ?? []);
  }

  part(table: OutputTable, part: MessagePart): BoundPart | null {
    switch (part.kind) {
      case 'field': {
        const operation = part.type === 'sfixed64' ? 'fixed64' : part.type;
        const bound = new BoundPart(operation, part.number, part.json, part.optional, part.type === 'sfixed64');
        bound.cells = cellsOf(table, part.path);
        return bound.cells === null ? null : bound;
      }
      case 'list': {
        const bound = new BoundPart('list', part.number, part.json, false, false);
        bound.lists = listsOf(table, part.path);
        bound.listType = part.type;
        return bound.lists === null ? null : bound;
      }
      case 'quantiles': {
        const bound = new BoundPart('quantiles', part.number, part.json, false, false);
        bound.lists = listsOf(table, part.path);
        return bound.lists === null ? null : bound;
      }
      case 'end': {
        const bound = new BoundPart('end', part.number, part.json, false, false);
        bound.cells = cellsOf(table, part.start);
        bound.duration = cellsOf(table, part.duration);
        return bound.cells === null || bound.duration === null ? null : bound;
      }
      case 'value': {
        const bound = new BoundPart('value', part.number, part.json, false, false);
        bound.values = valueCellsOf(table, part.prefix);
        return bound.values === null ? null : bound;
      }
      case 'attributes':
        return this.#attributes(part);
      case 'children': {
        const child = this.#batch.tables.get(part.table);
        if (child === undefined) return null;
        const bound = new BoundPart('children', part.number, part.json, false, false);
        bound.children = this.#childrenOf(part.table, child, table.rowCount);
        bound.parts = this.parts(child, part.parts);
        return bound;
      }
      case 'message': {
        const bound = new BoundPart('message', part.number, part.json, part.always, false);
        bound.parts = this.parts(table, part.parts);
        return part.always || bound.parts.length > 0 ? bound : null;
      }
      case 'one_of': {
        const bound = new BoundPart('one_of', 0, '', false, false);
        bound.parts = this.parts(table, part.parts);
        return bound.parts.length > 0 ? bound : null;
      }
      case 'by_number': {
        const bound = new BoundPart('by_number', 0, '', false, false);
        bound.cells = cellsOf(table, part.path);
        const byNumber: (BoundPart | undefined)[] = [];
        for (const [number, option] of part.parts) byNumber[number] = this.part(table, option) ?? undefined;
        bound.byNumber = byNumber;
        return bound.cells === null ? null : bound;
      }
    }
  }

  #attributes(part: Extract<MessagePart, { readonly kind: 'attributes' }>): BoundPart | null {
    const { tables, resourceOf, scopeOf, resourceOfScope } = this.#batch;
    const table = tables.get(part.table);
    if (table === undefined) return null;
    const bound = new BoundPart('attributes', part.number, part.json, false, false);
    bound.keys = cellsOf(table, 'key');
    bound.values = valueCellsOf(table, '');
    if (bound.keys === null || bound.values === null) return null;
    const { parent } = table.info;
    const ownRows = parent === null || parent === 'ROOT' ? this.#batch.rowCount : (tables.get(parent)?.rowCount ?? 0);
    const owners = part.owner === 'scope' ? resourceOfScope.length : ownRows;
    bound.children = this.#childrenOf(part.table, table, owners);
    bound.ownerOf = part.owner === 'row' ? null : part.owner === 'scope' ? scopeOf : resourceOf;
    return bound;
  }

  /** Two messages may have the same children (gauges and sums); resources are never more than root rows. */
  #childrenOf(name: PayloadName, table: OutputTable, ownerCount: number): Children {
    const known = this.#children.get(name);
    if (known !== undefined) return known;
    const children = childrenOf(table.parents ?? new Uint32Array(0), ownerCount);
    this.#children.set(name, children);
    return children;
  }
}

function valueCellsOf(table: OutputTable, prefix: string): ValueCells | null {
  const type = cellsOf(table, `${prefix}type`);
  if (type === null) return null;
  const cells = (name: string): Cells | null => cellsOf(table, prefix + name);
  return { type, str: cells('str'), int: cells('int'), double: cells('double'), bool: cells('bool'), bytes: cells('bytes'), ser: cells('ser') };
}
