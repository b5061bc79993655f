import type { IdColumn, OtapBatch, PayloadTable } from '../batch.ts';
import type { PayloadInfo } from '../payload-type.ts';
import { appendAttributes, valueTypes } from './attributes.ts';
import { isValid } from './bitmap.ts';
import type { TableBuilder } from './table-builder.ts';
import { grown, ValuePool } from './value-pool.ts';

const wordsPerAttribute = 4;
const noId = -1;

/** Resource and scope of the root rows of an output batch. Equal ones of different source batches are one. */
export class EntityIndex {
  readonly #root: TableBuilder;
  readonly #resourceAttributes: AttributeSets;
  readonly #scopeAttributes: AttributeSets;
  #resources = new ValuePool(false);
  #scopes = new ValuePool(false);
  #resourceOf = new Uint32Array(0);
  #scopeOf = new Uint32Array(0);
  #resourceOfScope = new Uint32Array(0);

  constructor(root: TableBuilder, resourceAttributes: TableBuilder, scopeAttributes: TableBuilder) {
    this.#root = root;
    this.#resourceAttributes = new AttributeSets(resourceAttributes);
    this.#scopeAttributes = new AttributeSets(scopeAttributes);
  }

  /** Finds resource and scope of root rows [base, base + count), which were gathered from rows[0, count) of the batch. */
  append(batch: OtapBatch, source: PayloadTable, rows: Uint32Array, count: number, base: number): void {
    this.#reserve(base + count);
    const fields = this.#fields(source);
    const resourceAttributes = this.#resourceAttributes.open(batch, fields.resourceIds, rows, count);
    const scopeAttributes = this.#scopeAttributes.open(batch, fields.scopeIds, rows, count);
    const known = new Map<string, number>();
    const current = new Int32Array(8);
    const previous = new Int32Array(8).fill(-2);
    for (let index = 0; index < count; index++) {
      const row = base + index;
      fields.read(rows[index], row, current);
      if (!equal(current, previous)) {
        previous.set(current);
        const key = current.join();
        let scope = known.get(key);
        if (scope === undefined) known.set(key, (scope = this.#intern(current, resourceAttributes, scopeAttributes)));
        this.#scopeOf[row] = scope;
      } else this.#scopeOf[row] = this.#scopeOf[row - 1];
      this.#resourceOf[row] = this.#resourceOfScope[this.#scopeOf[row]];
    }
  }

  /** How many resources and scopes there are, for `truncate`. */
  get sizes(): { readonly resources: number; readonly scopes: number } {
    return { resources: this.#resources.size, scopes: this.#scopes.size };
  }

  /** Takes back resources and scopes that came since `sizes` was read. */
  truncate(sizes: { readonly resources: number; readonly scopes: number }): void {
    this.#resources.truncate(sizes.resources);
    this.#scopes.truncate(sizes.scopes);
  }

  build(rowCount: number): { resourceOf: Uint32Array; scopeOf: Uint32Array; resourceOfScope: Uint32Array } {
    const built = {
      resourceOf: this.#resourceOf.subarray(0, rowCount),
      scopeOf: this.#scopeOf.subarray(0, rowCount),
      resourceOfScope: this.#resourceOfScope.subarray(0, this.#scopes.size),
    };
    this.#resourceOf = new Uint32Array(this.#resourceOf.length);
    this.#scopeOf = new Uint32Array(this.#scopeOf.length);
    this.#resourceOfScope = new Uint32Array(16);
    this.#resources = new ValuePool(false);
    this.#scopes = new ValuePool(false);
    return built;
  }

  /** Scope number for one combination of fields (the order of `#fields`). */
  #intern(fields: Int32Array, resourceAttributes: OpenSets, scopeAttributes: OpenSets): number {
    const [resourceId, scopeId, resourceUrl, resourceDropped, scopeName, scopeVersion, scopeDropped, schemaUrl] = fields;
    const resource = internEntity(this.#resources, [resourceUrl, resourceDropped], resourceAttributes, resourceId);
    const scope = internEntity(this.#scopes, [resource, scopeName, scopeVersion, scopeDropped, schemaUrl], scopeAttributes, scopeId);
    if (scope >= this.#resourceOfScope.length) this.#resourceOfScope = grown(this.#resourceOfScope, scope + 1);
    this.#resourceOfScope[scope] = resource;
    return scope;
  }

  #fields(source: PayloadTable): { resourceIds: IdColumn | null; scopeIds: IdColumn | null; read(from: number, to: number, target: Int32Array): void } {
    const root = this.#root;
    const resourceIds = source.ids('resource.id');
    const scopeIds = source.ids('scope.id');
    const resourceUrl = root.pool('resource.schema_url');
    const resourceDropped = root.raw('resource.dropped_attributes_count');
    const name = root.pool('scope.name');
    const version = root.pool('scope.version');
    const scopeDropped = root.raw('scope.dropped_attributes_count');
    const schemaUrl = root.pool('schema_url');
    const read = (from: number, to: number, target: Int32Array): void => {
      target[0] = idAt(resourceIds, from);
      target[1] = idAt(scopeIds, from);
      target[2] = resourceUrl.code(to);
      target[3] = resourceDropped.word(to);
      target[4] = name.code(to);
      target[5] = version.code(to);
      target[6] = scopeDropped.word(to);
      target[7] = schemaUrl.code(to);
    };
    return { resourceIds, scopeIds, read };
  }

  #reserve(rowCount: number): void {
    if (rowCount > this.#resourceOf.length) this.#resourceOf = grown(this.#resourceOf, rowCount);
    if (rowCount > this.#scopeOf.length) this.#scopeOf = grown(this.#scopeOf, rowCount);
  }
}

function idAt(ids: IdColumn | null, row: number): number {
  return ids !== null && isValid(ids.validity, row) ? ids.values[row] : noId;
}

function equal(left: Int32Array, right: Int32Array): boolean {
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

/** Number of the entity with these own fields and the attributes of source id `id`; a new one gets its attributes written. */
function internEntity(pool: ValuePool, fields: readonly number[], attributes: OpenSets, id: number): number {
  const set = attributes.signature(id);
  const words = new Int32Array(fields.length + set.length);
  words.set(fields);
  words.set(set, fields.length);
  const before = pool.size;
  const entity = pool.intern(new Uint8Array(words.buffer), 0, words.byteLength);
  if (entity === before) attributes.write(id, entity);
  return entity;
}

/** The attribute sets of one source batch. */
interface OpenSets {
  /** Words that are equal exactly for equal multisets of attributes. */
  signature(id: number): Int32Array;
  /** Writes the attributes of source id `id` as those of entity `entity`. */
  write(id: number, entity: number): void;
}

/**
 * Attributes of resources or of scopes. Those of a batch are first gathered behind the rows that stay, so that they
 * can be compared by pool codes, and taken back; only those of new entities are then gathered for good.
 */
class AttributeSets {
  readonly #table: TableBuilder;

  constructor(table: TableBuilder) {
    this.#table = table;
  }

  open(batch: OtapBatch, ids: IdColumn | null, rows: Uint32Array, count: number): OpenSets {
    const source = batch.table(this.#table.info.name);
    if (source === null || ids === null) return { signature: () => new Int32Array(0), write: () => {} };
    const members = membersOf(source, idsOf(ids, rows, count), this.#table.info);
    const signatures = this.#signatures(source, members);
    return {
      signature: (id) => signatures.get(id) ?? new Int32Array(0),
      write: (id, entity) => {
        const own = members.get(id);
        if (own !== undefined) appendAttributes(this.#table, source, own, own.length, new Uint32Array(own.length).fill(entity));
      },
    };
  }

  #signatures(source: PayloadTable, members: ReadonlyMap<number, Uint32Array>): Map<number, Int32Array> {
    const base = this.#table.rowCount;
    const signatures = new Map<number, Int32Array>();
    for (const [id, rows] of members) {
      appendAttributes(this.#table, source, rows, rows.length, rows);
      signatures.set(id, sortedSignature(this.#table, base));
      this.#table.truncate(base);
    }
    return signatures;
  }
}

/** The distinct ids of rows[0, count). */
function idsOf(ids: IdColumn, rows: Uint32Array, count: number): Set<number> {
  const found = new Set<number>();
  let last = noId;
  for (let index = 0; index < count; index++) {
    const id = idAt(ids, rows[index]);
    if (id !== last) found.add(id);
    last = id;
  }
  return found;
}

/** Rows of an attribute table by the wanted parent id. */
function membersOf(source: PayloadTable, wanted: ReadonlySet<number>, info: PayloadInfo): Map<number, Uint32Array> {
  const parents = source.ids('parent_id');
  if (parents === null) throw new Error(`invariant broken: ${info.name} was accepted without parent_id`);
  const lists = new Map<number, number[]>();
  for (let row = 0; row < source.rowCount; row++) {
    const parent = idAt(parents, row);
    if (!wanted.has(parent)) continue;
    const list = lists.get(parent);
    if (list === undefined) lists.set(parent, [row]);
    else list.push(row);
  }
  return new Map([...lists].map(([id, rows]) => [id, Uint32Array.from(rows)]));
}

/** (key, type, value) of table rows from `base` on as words, sorted, so that the order of attributes does not matter. */
function sortedSignature(table: TableBuilder, base: number): Int32Array {
  const count = table.rowCount - base;
  const words = new Int32Array(count * wordsPerAttribute);
  for (let index = 0; index < count; index++) writeAttribute(table, base + index, words, index * wordsPerAttribute);
  const order = Array.from({ length: count }, (_, index) => index).sort((left, right) => compare(words, left, right));
  const sorted = new Int32Array(words.length);
  order.forEach((from, to) => sorted.set(words.subarray(from * wordsPerAttribute, (from + 1) * wordsPerAttribute), to * wordsPerAttribute));
  return sorted;
}

function writeAttribute(table: TableBuilder, row: number, target: Int32Array, at: number): void {
  const type = table.raw('type').words[row];
  target[at] = table.pool('key').code(row);
  target[at + 1] = type;
  if (type === valueTypes.STR) target[at + 2] = table.pool('str').code(row);
  else if (type === valueTypes.INT) target[at + 2] = table.pool('int').code(row);
  else if (type === valueTypes.BYTES) target[at + 2] = table.pool('bytes').code(row);
  else if (type === valueTypes.MAP || type === valueTypes.SLICE) target[at + 2] = table.pool('ser').code(row);
  else if (type === valueTypes.BOOL) target[at + 2] = table.raw('bool').words[row];
  else if (type === valueTypes.DOUBLE) {
    target[at + 2] = table.raw('double').words[row * 2];
    target[at + 3] = table.raw('double').words[row * 2 + 1];
  }
}

function compare(words: Int32Array, left: number, right: number): number {
  for (let word = 0; word < wordsPerAttribute; word++) {
    const difference = words[left * wordsPerAttribute + word] - words[right * wordsPerAttribute + word];
    if (difference !== 0) return difference;
  }
  return 0;
}
