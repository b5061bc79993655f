import { CodedError } from '../../base/errors.ts';
import type { ColumnSpec, ValueType } from '../schema.ts';
import { arrowTypes, bufferCount, typeName } from './arrow-type.ts';
import { malformedIpc } from './errors.ts';
import type { FlatBuffer, FlatVector } from './flatbuffer.ts';
import { messageBytes, type IpcMessage } from './message.ts';

const fieldCountMax = 512;
const depthMax = 8;

/** Where a field's own node and first buffer (its validity) are, in the pre-order of the record batch. */
export interface FieldPlace {
  readonly node: number;
  readonly buffer: number;
}

/** How to read one leaf column of a schema. */
export interface ColumnPlan extends FieldPlace {
  readonly path: string;
  readonly type: ValueType;
  /** The structs around it, outermost first. */
  readonly structs: readonly FieldPlace[];
  /** Slot in `SchemaPlan.dictionaries` and bytes of an index; null where values are in the column itself. */
  readonly dictionary: { readonly slot: number; readonly indexBytes: 1 | 2 | 4 } | null;
  /** The field's `encoding` metadata. */
  readonly encoding: string | null;
  /** Lists: the element field, or quantile and value (`element` is then their struct). */
  readonly element: FieldPlace | null;
  readonly children: readonly FieldPlace[];
}

export interface DictionaryPlan {
  readonly id: number;
  readonly type: ValueType;
}

/** A schema, flattened for reading record batches by column. Shared by all batches that have it. */
export interface SchemaPlan {
  readonly columns: ReadonlyMap<string, ColumnPlan>;
  readonly paths: readonly string[];
  readonly dictionaries: readonly DictionaryPlan[];
  /** Dictionaries of columns that we do not read. */
  readonly ignoredDictionaryIds: ReadonlySet<number>;
  readonly ignoredColumnCount: number;
  readonly nodeCount: number;
  readonly bufferCount: number;
  /** One a node: 1 where its length must be that of the record batch, 0 inside lists. */
  readonly rowNodes: Uint8Array;
  /** The encapsulated schema message, copied. */
  readonly message: Uint8Array;
  /** Rough bytes of heap. */
  readonly byteLength: number;
}

/**
 * Flattens the schema in `message` by the column set `specs`. Fields of unknown names are counted and skipped.
 * Throws INVALID_ARGUMENT: malformed_ipc, column_type (naming column, expected and found type).
 */
export function planSchema(message: IpcMessage, specs: readonly ColumnSpec[]): SchemaPlan {
  const planner = new Planner(message.metadata, new Map(specs.map((spec) => [spec.path, spec])));
  return planner.plan(message);
}

/** Walks the fields once, counting nodes and buffers. */
class Planner {
  readonly #flat: FlatBuffer;
  readonly #specs: ReadonlyMap<string, ColumnSpec>;
  readonly #columns = new Map<string, ColumnPlan>();
  readonly #dictionaries: DictionaryPlan[] = [];
  readonly #ignoredIds = new Set<number>();
  readonly #rowNodes: number[] = [];
  #buffers = 0;
  #fields = 0;
  #ignored = 0;

  constructor(flat: FlatBuffer, specs: ReadonlyMap<string, ColumnSpec>) {
    this.#flat = flat;
    this.#specs = specs;
  }

  plan(message: IpcMessage): SchemaPlan {
    const { metadata, header } = message;
    if (metadata.i16(header, 0, 0) !== 0) throw malformedIpc('big-endian schema');
    this.#walkAll(metadata.vector(header, 1, 4), '', [], 1);
    for (const { id } of this.#dictionaries) this.#ignoredIds.delete(id);
    return {
      columns: this.#columns,
      paths: [...this.#columns.keys()],
      dictionaries: this.#dictionaries,
      ignoredDictionaryIds: this.#ignoredIds,
      ignoredColumnCount: this.#ignored,
      nodeCount: this.#rowNodes.length,
      bufferCount: this.#buffers,
      rowNodes: Uint8Array.from(this.#rowNodes),
      message: messageBytes(message).slice(),
      byteLength: message.end - message.start + 256 * this.#fields,
    };
  }

  #walkAll(fields: FlatVector, prefix: string, structs: readonly FieldPlace[], depth: number): void {
    for (let index = 0; index < fields.count; index++) {
      this.#walk(this.#flat.tableOf(fields, index), prefix, structs, depth);
    }
  }

  #walk(field: number, prefix: string, structs: readonly FieldPlace[], depth: number): void {
    const name = this.#flat.text(field, 0) ?? '';
    const path = prefix + name;
    const dictionary = this.#flat.table(field, 4);
    const kind = this.#flat.u8(field, 2, 0);
    const spec = name.includes('.') ? undefined : this.#specs.get(path);
    if (spec !== undefined) this.#addColumn(spec, field, structs);
    else if (kind === arrowTypes.STRUCT && dictionary === 0) {
      const place = this.#enter(kind, 1, depth);
      this.#walkAll(this.#flat.vector(field, 5, 4), `${path}.`, [...structs, place], depth + 1);
    } else {
      this.#ignored++;
      this.#skip(field, 1, depth);
    }
  }

  /** Counts a field's node and own buffers, as a dictionary's indices where it has one. */
  #enter(kind: number, isRow: 0 | 1, depth: number): FieldPlace {
    if (++this.#fields > fieldCountMax) throw malformedIpc(`schema of more than ${fieldCountMax} fields`);
    if (depth > depthMax) throw malformedIpc(`schema nested deeper than ${depthMax}`);
    const buffers = bufferCount(kind);
    if (buffers === null) throw malformedIpc(`column of Arrow type ${kind}, which is not supported`);
    const place = { node: this.#rowNodes.length, buffer: this.#buffers };
    this.#rowNodes.push(isRow);
    this.#buffers += buffers;
    return place;
  }

  #skip(field: number, isRow: 0 | 1, depth: number): void {
    const dictionary = this.#flat.table(field, 4);
    if (dictionary !== 0) {
      this.#ignoredIds.add(this.#flat.size(dictionary, 0, 'dictionary id'));
      this.#enter(arrowTypes.INT, isRow, depth);
      return;
    }
    const kind = this.#flat.u8(field, 2, 0);
    this.#enter(kind, isRow, depth);
    const children = this.#flat.vector(field, 5, 4);
    const childIsRow = kind === arrowTypes.STRUCT ? isRow : 0;
    for (let index = 0; index < children.count; index++) this.#skip(this.#flat.tableOf(children, index), childIsRow, depth + 1);
  }

  #addColumn(spec: ColumnSpec, field: number, structs: readonly FieldPlace[]): void {
    const flat = this.#flat;
    if (this.#columns.has(spec.path)) throw malformedIpc(`column ${spec.path} twice`);
    const encoding = this.#metadata(field, 'encoding');
    const common = { path: spec.path, type: spec.type, structs, encoding };
    const dictionary = flat.table(field, 4);
    const kind = flat.u8(field, 2, 0);
    if (spec.type.startsWith('list_')) {
      this.#columns.set(spec.path, { ...common, dictionary: null, ...this.#enterList(spec, field, kind) });
      return;
    }
    const found = typeName(flat, kind, flat.table(field, 3));
    if (found !== spec.type) throw columnType(spec, dictionary === 0 ? found : `dictionary of ${found}`);
    if (dictionary === 0) {
      this.#columns.set(spec.path, { ...common, dictionary: null, ...this.#enter(kind, 1, 1), element: null, children: [] });
      return;
    }
    const index = { slot: this.#slot(flat.size(dictionary, 0, 'dictionary id'), spec), indexBytes: this.#indexBytes(dictionary, spec) };
    this.#columns.set(spec.path, { ...common, dictionary: index, ...this.#enter(arrowTypes.INT, 1, 1), element: null, children: [] });
  }

  #enterList(spec: ColumnSpec, field: number, kind: number): FieldPlace & { element: FieldPlace; children: FieldPlace[] } {
    const flat = this.#flat;
    const fields = flat.vector(field, 5, 4);
    if (kind !== arrowTypes.LIST || flat.table(field, 4) !== 0 || fields.count !== 1) throw columnType(spec, typeName(flat, kind, 0));
    const list = this.#enter(kind, 1, 1);
    const item = flat.tableOf(fields, 0);
    const itemKind = flat.u8(item, 2, 0);
    const element = this.#enter(itemKind, 0, 2);
    if (spec.type !== 'list_quantile') {
      this.#expect(spec, item, spec.type === 'list_u64' ? 'u64' : 'f64');
      return { ...list, element, children: [element] };
    }
    if (itemKind !== arrowTypes.STRUCT || flat.table(item, 4) !== 0) throw columnType(spec, `list of ${typeName(flat, itemKind, 0)}`);
    return { ...list, element, children: this.#enterQuantiles(spec, flat.vector(item, 5, 4)) };
  }

  /** Places of `quantile` and `value`, in whatever order they come. */
  #enterQuantiles(spec: ColumnSpec, fields: FlatVector): FieldPlace[] {
    const places = new Map<string, FieldPlace>();
    for (let index = 0; index < fields.count; index++) {
      const child = this.#flat.tableOf(fields, index);
      const name = this.#flat.text(child, 0) ?? '';
      if (name === 'quantile' || name === 'value') {
        this.#expect(spec, child, 'f64');
        places.set(name, this.#enter(arrowTypes.FLOAT, 0, 3));
      } else {
        this.#ignored++;
        this.#skip(child, 0, 3);
      }
    }
    const quantile = places.get('quantile');
    const value = places.get('value');
    if (quantile === undefined || value === undefined) throw columnType(spec, 'list of struct without quantile and value');
    return [quantile, value];
  }

  #expect(spec: ColumnSpec, field: number, type: ValueType): void {
    const found = typeName(this.#flat, this.#flat.u8(field, 2, 0), this.#flat.table(field, 3));
    if (found !== type || this.#flat.table(field, 4) !== 0) throw columnType(spec, `list of ${found}`);
  }

  #indexBytes(dictionary: number, spec: ColumnSpec): 1 | 2 | 4 {
    const type = this.#flat.table(dictionary, 1);
    const found = type === 0 ? 'i32' : typeName(this.#flat, arrowTypes.INT, type);
    if (found === 'u8') return 1;
    if (found === 'u16') return 2;
    if (found === 'u32') return 4;
    throw columnType(spec, `dictionary of ${found} index`);
  }

  #slot(id: number, spec: ColumnSpec): number {
    if (spec.type === 'bool') throw columnType(spec, 'dictionary of bool');
    const known = this.#dictionaries.findIndex((dictionary) => dictionary.id === id);
    if (known === -1) return this.#dictionaries.push({ id, type: spec.type }) - 1;
    if (this.#dictionaries[known].type !== spec.type) throw malformedIpc(`dictionary ${id} with two types`);
    return known;
  }

  #metadata(field: number, key: string): string | null {
    const entries = this.#flat.vector(field, 6, 4);
    for (let index = 0; index < Math.min(entries.count, 64); index++) {
      const entry = this.#flat.tableOf(entries, index);
      if (this.#flat.text(entry, 0) === key) return this.#flat.text(entry, 1);
    }
    return null;
  }
}

function columnType(spec: ColumnSpec, found: string): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'column_type', `column ${spec.path}: expected ${spec.type}, got ${found}`);
}
