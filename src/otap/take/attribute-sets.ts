import type { IdColumn, OtapBatch, PayloadTable } from '../batch.ts';
import { appendAttributes, valueTypes } from './attributes.ts';
import { isValid } from '../decode/bits.ts';
import type { TableBuilder } from './table-builder.ts';
import { grown, type ValuePool } from './value-pool.ts';

const wordsPerAttribute = 4;
const noId = -1;

/** The id of a row, -1 where it has none. */
export function idAt(ids: IdColumn | null, row: number): number {
  return ids !== null && isValid(ids.validity, row) ? ids.values[row] : noId;
}

/** The attribute sets of one source batch. */
export interface OpenSets {
  /** Copies words that are equal exactly for equal multisets of attributes to target[at...]; gives how many. */
  signature(id: number, target: EntityScratch, at: number): number;
  /** Writes the attributes of source id `id` as those of entity `entity`. */
  write(id: number, entity: number): void;
}

/** Words of the entity that is looked for. */
export class EntityScratch {
  words = new Int32Array(256);

  reserve(length: number): void {
    if (length > this.words.length) this.words = grown(this.words, length);
  }
}

/** Number of the entity with the own fields scratch.words[0, fieldCount) and the attributes of source id `id`; a new one gets its attributes written. */
export function internEntity(pool: ValuePool, scratch: EntityScratch, fieldCount: number, attributes: OpenSets, id: number): number {
  const length = fieldCount + attributes.signature(id, scratch, fieldCount);
  const before = pool.size;
  const entity = pool.intern(new Uint8Array(scratch.words.buffer), 0, length * 4);
  if (entity === before) attributes.write(id, entity);
  return entity;
}

/**
 * Attributes of resources or of scopes. Those of a batch are first gathered behind the rows that stay, so that they
 * can be compared by pool codes, and taken back; only those of new entities are then gathered for good.
 */
export class AttributeSets {
  readonly #table: TableBuilder;

  constructor(table: TableBuilder) {
    this.#table = table;
  }

  open(batch: OtapBatch, ids: IdColumn | null, rows: Uint32Array, count: number): OpenSets {
    const source = batch.table(this.#table.info.name);
    if (source === null || ids === null) return { signature: () => 0, write: () => {} };
    const members = membersOf(source, idsOf(ids, rows, count));
    const words = this.#words(source, members);
    return {
      signature: (id, target, at) => {
        const slot = members.slots.get(id);
        if (slot === undefined) return 0;
        const own = words.subarray(members.starts[slot] * wordsPerAttribute, members.starts[slot + 1] * wordsPerAttribute);
        target.reserve(at + own.length);
        target.words.set(own, at);
        return own.length;
      },
      write: (id, entity) => {
        const slot = members.slots.get(id);
        if (slot === undefined) return;
        const own = members.rows.subarray(members.starts[slot], members.starts[slot + 1]);
        appendAttributes(this.#table, source, own, own.length, new Uint32Array(own.length).fill(entity));
      },
    };
  }

  /** (key, type, value) of all members, sorted within each set, so that the order of attributes does not matter. */
  #words(source: PayloadTable, members: Members): Int32Array {
    const table = this.#table;
    const base = table.rowCount;
    appendAttributes(table, source, members.rows, members.rows.length, members.rows);
    const words = attributeWords(table, base);
    table.truncate(base);
    for (let slot = 0; slot < members.slots.size; slot++) sortQuads(words, members.starts[slot], members.starts[slot + 1]);
    return words;
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

/** Attribute rows by what they belong to: the rows of `slots.get(id)` are rows[starts[slot], starts[slot + 1]). */
interface Members {
  readonly slots: ReadonlyMap<number, number>;
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
}

/** Rows of an attribute table that belong to the wanted ids: a counting sort by id. */
function membersOf(source: PayloadTable, wanted: ReadonlySet<number>): Members {
  const parents = source.ids('parent_id');
  const slots = new Map<number, number>();
  for (const id of wanted) slots.set(id, slots.size);
  const starts = new Uint32Array(slots.size + 1);
  const slotOf = new Int32Array(source.rowCount).fill(-1);
  for (let row = 0; row < source.rowCount; row++) {
    const slot = slots.get(idAt(parents, row));
    if (slot === undefined) continue;
    slotOf[row] = slot;
    starts[slot + 1]++;
  }
  for (let slot = 0; slot < slots.size; slot++) starts[slot + 1] += starts[slot];
  const rows = new Uint32Array(starts[slots.size]);
  const next = starts.slice();
  for (let row = 0; row < source.rowCount; row++) if (slotOf[row] >= 0) rows[next[slotOf[row]]++] = row;
  return { slots, starts, rows };
}

/** Key, type and value of table rows from `base` on, four words each. */
function attributeWords(table: TableBuilder, base: number): Int32Array {
  const count = table.rowCount - base;
  const words = new Int32Array(count * wordsPerAttribute);
  const types = table.raw('type').words;
  const keys = table.pool('key');
  const codes = [null, table.pool('str'), table.pool('int'), null, null, table.pool('ser'), table.pool('ser'), table.pool('bytes')];
  const bools = table.raw('bool');
  const doubles = table.raw('double').words;
  for (let row = base, at = 0; row < table.rowCount; row++, at += wordsPerAttribute) {
    const type = types[row];
    words[at] = keys.code(row);
    words[at + 1] = type;
    const ofType = codes[type] ?? null;
    if (ofType !== null) words[at + 2] = ofType.code(row);
    else if (type === valueTypes.BOOL) words[at + 2] = bools.word(row);
    else if (type === valueTypes.DOUBLE) {
      words[at + 2] = doubles[row * 2];
      words[at + 3] = doubles[row * 2 + 1];
    }
  }
  return words;
}

const insertionMax = 64;

/** Sorts groups of four words [start, end) in place. Sets are small; a large one goes through the built-in sort. */
function sortQuads(words: Int32Array, start: number, end: number): void {
  if (end - start > insertionMax) {
    sortManyQuads(words, start, end);
    return;
  }
  for (let sorted = start + 1; sorted < end; sorted++) {
    for (let at = sorted; at > start && compareQuads(words, at, at - 1) < 0; at--) swapQuads(words, at, at - 1);
  }
}

function sortManyQuads(words: Int32Array, start: number, end: number): void {
  const source = words.slice();
  const order = Array.from({ length: end - start }, (_, index) => start + index).sort((left, right) => compareQuads(source, left, right));
  order.forEach((from, index) => {
    words.set(source.subarray(from * wordsPerAttribute, (from + 1) * wordsPerAttribute), (start + index) * wordsPerAttribute);
  });
}

function compareQuads(words: Int32Array, left: number, right: number): number {
  for (let word = 0; word < wordsPerAttribute; word++) {
    const difference = words[left * wordsPerAttribute + word] - words[right * wordsPerAttribute + word];
    if (difference !== 0) return difference;
  }
  return 0;
}

function swapQuads(words: Int32Array, left: number, right: number): void {
  for (let word = 0; word < wordsPerAttribute; word++) {
    const kept = words[left * wordsPerAttribute + word];
    words[left * wordsPerAttribute + word] = words[right * wordsPerAttribute + word];
    words[right * wordsPerAttribute + word] = kept;
  }
}
