import type { PayloadInfo } from '../payload-type.ts';
import { type ColumnSpec, schemas } from '../schema.ts';
import { isRequired } from '../take/required.ts';
import { widthOf } from '../take/value-bytes.ts';
import type { BodyWriter } from './body-writer.ts';
import type { ByteArena } from './byte-arena.ts';
import { type ComparedValues, shapeOf, writeCodes, writeColumn, writeEntries, writeIds, writeStruct } from './column-writer.ts';
import { groupOf, type IndexWidth, type Leaf, narrowestIndex, pathsToWrite } from './leaf.ts';
import { schemaMessage } from './schema-message.ts';
import { chooseIndex, nullEntry, StreamDictionary } from './stream-dictionary.ts';
import type { TableOrder } from './table-order.ts';

/** Ids of a table in the order of writing, in transport form, by path. */
export type EncodedIds = ReadonlyMap<string, Uint32Array>;

const comparedValues: ReadonlyMap<string, ComparedValues> = new Map([
  ['attributes_u16/double', { separateNaNs: true, nullSlot: null }],
  ['attributes_u32/double', { separateNaNs: true, nullSlot: null }],
  ['exemplars/int_value', { separateNaNs: false, nullSlot: [0x5eed5eed, 0x5eed5eed] }],
  ['exemplars/double_value', { separateNaNs: true, nullSlot: [0x5eed5eed, 0x7ff85eed] }],
]);

/** The state of one payload type in a stream: its schema and dictionaries. */
export class PayloadEncoder {
  readonly info: PayloadInfo;
  readonly #nextSchemaId: () => string;
  #leaves: readonly Leaf[] = [];
  #schemaId = '';
  /** Widest index that each column needed so far. */
  readonly #narrowest = new Map<string, IndexWidth>();
  #schemaSent = false;

  constructor(info: PayloadInfo, nextSchemaId: () => string) {
    this.info = info;
    this.#nextSchemaId = nextSchemaId;
    for (const spec of schemas[info.schema]) this.#narrowest.set(spec.path, narrowestIndex(info.schema, spec));
  }

  /** Appends the messages of one payload to the arena; gives its schema id. */
  encode(arena: ByteArena, body: BodyWriter, table: TableOrder, ids: EncodedIds): string {
    const codes = this.#prepare(table, ids);
    if (!this.#schemaSent) {
      arena.append(schemaMessage(this.#leaves));
      this.#schemaSent = true;
    }
    this.#leaves.forEach((leaf, id) => this.#writeDictionary(body, leaf, id));
    this.#writeRecordBatch(body, table, ids, codes);
    return this.#schemaId;
  }

  /** The dictionary codes of all columns that have some, after as many schema resets as this batch needs. */
  #prepare(table: TableOrder, ids: EncodedIds): (Uint32Array | null)[] {
    const withValues = new Set([...table.columns.keys(), ...ids.keys()]);
    if (this.#leaves.length === 0 || [...withValues].some((path) => !this.#leaves.some((leaf) => leaf.spec.path === path))) {
      this.#reset(table, withValues);
    }
    let codes = this.#codes(table);
    if (this.#leaves.some((leaf) => !fits(leaf))) {
      this.#widen(table);
      this.#reset(table, withValues);
      codes = this.#codes(table);
    }
    return codes;
  }

  #codes(table: TableOrder): (Uint32Array | null)[] {
    return this.#leaves.map(({ spec, dictionary }) => {
      const column = table.columns.get(spec.path);
      return dictionary === null || column?.kind !== 'pool' ? null : dictionary.encode(column, table.order);
    });
  }

  /** Remembers which columns outgrew their index. A full u16 dictionary of values that do repeat in a batch only starts anew. */
  #widen(table: TableOrder): void {
    for (const leaf of this.#leaves) {
      if (fits(leaf)) continue;
      const column = table.columns.get(leaf.spec.path);
      const wider = chooseIndex('u16', column?.kind === 'pool' ? column : null);
      this.#narrowest.set(leaf.spec.path, wider);
    }
  }

  /** A new IPC stream: all columns so far and those with values now, empty dictionaries, another schema id. */
  #reset(table: TableOrder, withValues: ReadonlySet<string>): void {
    const paths = new Set([...withValues, ...this.#leaves.map((leaf) => leaf.spec.path)]);
    this.#leaves = pathsToWrite(this.info.schema, paths).map((spec) => this.#leaf(spec, table));
    this.#schemaId = this.#nextSchemaId();
    this.#schemaSent = false;
  }

  #leaf(spec: ColumnSpec, table: TableOrder): Leaf {
    const column = table.columns.get(spec.path);
    const narrowest = this.#narrowest.get(spec.path) ?? 'native';
    const index = chooseIndex(narrowest, column?.kind === 'pool' ? column : null);
    this.#narrowest.set(spec.path, index);
    const dictionary = index === 'native' ? null : new StreamDictionary();
    return { spec, required: isRequired(this.info.schema, spec), index, dictionary };
  }

  /** The entries that were not sent yet. Every dictionary of a schema comes with the first batch, since the Go reader waits for all. */
  #writeDictionary(body: BodyWriter, leaf: Leaf, id: number): void {
    const { dictionary } = leaf;
    if (dictionary === null) return;
    const { entries, sentCount } = dictionary;
    if (entries.size === 0) entries.intern(new Uint8Array(widthOf(leaf.spec.type)), 0, widthOf(leaf.spec.type));
    if (entries.size === sentCount) return;
    body.begin(1, widthOf(leaf.spec.type) === 0 ? 3 : 2, true);
    writeEntries(body, leaf, entries, sentCount, entries.size);
    body.end(entries.size - sentCount, { id, isDelta: sentCount > 0 });
    dictionary.sentCount = entries.size;
  }

  #writeRecordBatch(body: BodyWriter, table: TableOrder, ids: EncodedIds, codes: readonly (Uint32Array | null)[]): void {
    const { order, columns } = table;
    const { nodes, buffers } = this.#shape();
    body.begin(nodes, buffers, false);
    let group: string | null = null;
    this.#leaves.forEach((leaf, index) => {
      const { path } = leaf.spec;
      if (groupOf(path) !== null && groupOf(path) !== group) writeStruct(body, order.length);
      group = groupOf(path);
      const ofIds = ids.get(path);
      const ofCodes = codes[index];
      if (ofIds !== undefined) writeIds(body, leaf, ofIds);
      else if (leaf.dictionary !== null) writeCodes(body, leaf, ofCodes ?? allNull(leaf, order.length));
      else writeColumn(body, leaf, columns.get(path) ?? null, order, comparedValues.get(`${this.info.schema}/${path}`) ?? null);
    });
    body.end(order.length, null);
  }

  #shape(): { nodes: number; buffers: number } {
    const groups = new Set(this.#leaves.map((leaf) => groupOf(leaf.spec.path)).filter((group) => group !== null)).size;
    const shapes = this.#leaves.map(shapeOf);
    return {
      nodes: shapes.reduce((sum, shape) => sum + shape.nodes, groups),
      buffers: shapes.reduce((sum, shape) => sum + shape.buffers, groups),
    };
  }
}

function fits({ index, dictionary }: Leaf): boolean {
  return index === 'native' || dictionary === null || dictionary.fits(index);
}

/** Codes of a column without values: null, or in a required column the first entry, which is then the type's zero value. */
function allNull(leaf: Leaf, rowCount: number): Uint32Array {
  return new Uint32Array(rowCount).fill(leaf.required ? 0 : nullEntry);
}
