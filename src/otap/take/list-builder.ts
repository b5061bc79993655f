import type { Column, ListColumn as SourceList } from '../column.ts';
import type { ValueType } from '../schema.ts';
import { isValid } from '../decode/bits.ts';
import type { ListColumn } from './output-batch.ts';
import { ValidityBuilder } from './row-validity.ts';
import { wordsOf } from './value-bytes.ts';
import { grown } from './value-pool.ts';

const wordsPerElement = 2;

/** Lists of 8-byte numbers, with one child (bucket counts, bounds) or two (quantile and value). */
export class ListBuilder {
  readonly type: ValueType;
  readonly #childCount: number;
  readonly #validity = new ValidityBuilder();
  #offsets = new Uint32Array(1);
  #children: Uint32Array[];
  #length = 0;
  #any = false;

  constructor(type: ValueType, childCount: number) {
    this.type = type;
    this.#childCount = childCount;
    this.#children = Array.from({ length: childCount }, () => new Uint32Array(0));
  }

  gather(source: Column, rows: Uint32Array, count: number, base: number): void {
    if (source.kind !== 'list') return;
    this.#skipTo(base);
    if (base + count + 1 > this.#offsets.length) this.#offsets = grown(this.#offsets, base + count + 1);
    const children = source.children.map((child) => wordsOf(child, 'f64'));
    for (let index = 0; index < count; index++) {
      const valid = isValid(source.validity, rows[index]);
      this.#any ||= valid;
      this.#offsets[base + index + 1] = this.#offsets[base + index];
      if (valid) this.#copyList(source, children, rows[index], base + index);
      else this.#validity.markNull(base + index);
    }
    this.#length = base + count;
  }

  build(rowCount: number): ListColumn | null {
    this.#skipTo(rowCount);
    const column: ListColumn = {
      kind: 'list',
      type: this.type,
      offsets: this.#offsets.subarray(0, rowCount + 1),
      children: this.#children.map((child) => child.subarray(0, this.#offsets[rowCount] * wordsPerElement)),
      validity: this.#validity.build(rowCount),
    };
    const any = this.#any;
    this.#offsets = new Uint32Array(1);
    this.#children = this.#children.map(() => new Uint32Array(0));
    this.#length = 0;
    this.#any = false;
    return any ? column : null;
  }

  /** Rows up to `row` that nobody wrote are null. */
  #skipTo(row: number): void {
    if (row <= this.#length) return;
    if (row + 1 > this.#offsets.length) this.#offsets = grown(this.#offsets, row + 1);
    this.#offsets.fill(this.#offsets[this.#length], this.#length, row + 1);
    this.#validity.mark(this.#length, row, false);
    this.#length = row;
  }

  /** Elements of a child that are null are written as zero. */
  #copyList(source: SourceList, children: readonly ArrayLike<number>[], row: number, to: number): void {
    const start = source.offsets[row];
    const end = source.offsets[row + 1];
    const at = this.#offsets[to] * wordsPerElement;
    const length = (end - start) * wordsPerElement;
    for (let index = 0; index < this.#childCount; index++) {
      let target = this.#children[index];
      if (at + length > target.length) this.#children[index] = target = grown(target, at + length);
      const words = children[index];
      const validity = source.children[index].validity;
      for (let word = 0; word < length; word++) {
        target[at + word] = isValid(validity, start + (word >> 1)) ? words[start * wordsPerElement + word] : 0;
      }
    }
    this.#offsets[to + 1] = this.#offsets[to] + (end - start);
  }
}
