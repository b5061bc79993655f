import type { DictionaryStore } from '../otap/column.ts';
import type { Session } from './duckdb.ts';
import { TableWriter } from './table-writer.ts';

const unmapped = -1;

/**
 * The strings of one slot: a table (code, text) that rows refer to by code. The map from text to code is an aid that
 * may forget (a text then gets a second code), so its memory is bounded whatever arrives.
 */
export class StringTable {
  readonly #writer: TableWriter;
  readonly #entriesMax: number;
  readonly #codes = new Map<string, number>();
  /** Weak: a store may hold on to the request that its texts lie in. */
  #codesByStore = new WeakMap<DictionaryStore, Int32Array>();
  readonly #pending: string[] = [];
  #nextCode = 0;
  #textBytes = 0;

  private constructor(writer: TableWriter, entriesMax: number) {
    this.#writer = writer;
    this.#entriesMax = entriesMax;
  }

  /** Creates `table(code UINTEGER, text VARCHAR)`; at most `entriesMax` texts are remembered. */
  static async create(session: Session, table: string, entriesMax: number): Promise<StringTable> {
    const columns = [{ name: 'code', type: 'UINTEGER' }, { name: 'text', type: 'VARCHAR' }] as const;
    return new StringTable(await TableWriter.create(session, table, columns), entriesMax);
  }

  get table(): string {
    return this.#writer.table;
  }

  /** Rough bytes held: the text in DuckDB, and the same text as a key of the map. */
  get byteLength(): number {
    return this.#textBytes * 2 + this.#nextCode * 80;
  }

  codeOf(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    if (this.#codes.size >= this.#entriesMax) this.#forget();
    const code = this.#nextCode++;
    this.#codes.set(text, code);
    this.#pending.push(text);
    this.#textBytes += text.length;
    if (this.#pending.length >= 1024) this.#writePending();
    return code;
  }

  /** Codes of a dictionary's entries, index = the dictionary's own code; filled as they are asked for. */
  codesOf(store: DictionaryStore, size: number): Int32Array {
    let codes = this.#codesByStore.get(store);
    if (codes === undefined || codes.length < size) {
      const grown = new Int32Array(Math.max(size, (codes?.length ?? 0) * 2, 64)).fill(unmapped);
      if (codes !== undefined) grown.set(codes);
      codes = grown;
      this.#codesByStore.set(store, codes);
    }
    return codes;
  }

  /** The code of entry `entry` of `store`, through the map that `codesOf` gave. */
  codeOfEntry(codes: Int32Array, store: DictionaryStore, entry: number): number {
    const known = codes[entry];
    if (known !== unmapped) return known;
    const code = this.codeOf(store.text(entry));
    codes[entry] = code;
    return code;
  }

  /** Makes all codes handed out so far visible to queries. */
  flush(): void {
    this.#writePending();
    this.#writer.flush();
  }

  /** The same, and forgets the texts: what comes from here on is not expected to be much. */
  settle(): void {
    this.#writePending();
    this.#writer.settle();
    this.#forget();
  }

  close(): void {
    this.#codes.clear();
    this.#codesByStore = new WeakMap();
    this.#writer.close();
  }

  #forget(): void {
    this.#codes.clear();
    this.#codesByStore = new WeakMap();
  }

  #writePending(): void {
    const count = this.#pending.length;
    if (count === 0) return;
    const first = this.#nextCode - count;
    const codes = Uint32Array.from({ length: count }, (_, index) => first + index);
    this.#writer.write(count, [{ bytes: new Uint8Array(codes.buffer), valid: null }, { texts: this.#pending }]);
    this.#pending.length = 0;
  }
}
