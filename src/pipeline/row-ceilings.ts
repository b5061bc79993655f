import { compare56, doubleOf56, TWO_56_DOUBLE } from '../sampling/word56.ts';
import { isKeptAt } from '../sampling/threshold.ts';
import type { NamedRows } from './named-rows.ts';

/** High word of 2^56. */
const always = 0x1000000;

/** The ceilings of a window's rows: N of the greatest probability that each may have (sampling.md, rule 8). */
export class RowCeilings {
  /** Two words a row of the window. */
  readonly n: Uint32Array;

  constructor(rowCount: number) {
    this.n = new Uint32Array(rowCount * 2);
    for (let row = 0; row < rowCount; row++) this.n[row * 2 + 1] = always;
  }

  /** Lowers ceilings to what a drop policy says. */
  lower({ count, keys, n }: NamedRows): void {
    for (let i = 0; i < count; i++) {
      const at = keys[i * 4] * 2;
      if (at >= this.n.length || compare56(n[i * 2], n[i * 2 + 1], this.n[at], this.n[at + 1]) >= 0) continue;
      this.n[at] = n[i * 2];
      this.n[at + 1] = n[i * 2 + 1];
    }
  }

  /** Rows whose ceiling is 0. */
  gone(): Uint32Array {
    const rows: number[] = [];
    for (let at = 0; at < this.n.length; at += 2) if (this.n[at] === 0 && this.n[at + 1] === 0) rows.push(at / 2);
    return Uint32Array.from(rows);
  }

  /**
   * What a policy named, within the ceilings. A row that is split (rule 14) is kept when its R reaches the ceiling c and its own hash
   * reaches q / c, so with the smaller of q and c; its n becomes that of q / c, or 0 where R does not reach.
   */
  cap(named: NamedRows): NamedRows {
    const capped = named.n.slice();
    for (let i = 0; i < named.count; i++) {
      const at = named.keys[i * 4] * 2;
      if (at >= this.n.length || this.n[at + 1] === always) continue;
      if (named.split?.[i] === 1) this.#capSplit(named, capped, i, at);
      else if (compare56(capped[i * 2], capped[i * 2 + 1], this.n[at], this.n[at + 1]) > 0) {
        capped[i * 2] = this.n[at];
        capped[i * 2 + 1] = this.n[at + 1];
      }
    }
    return { ...named, n: capped };
  }

  #capSplit({ keys }: NamedRows, n: Uint32Array, i: number, at: number): void {
    const [low, high] = [this.n[at], this.n[at + 1]];
    const share = doubleOf56(n[i * 2], n[i * 2 + 1]) / doubleOf56(low, high);
    const within = isKeptAt(keys[i * 4 + 2], keys[i * 4 + 3], low, high) ? Math.floor(Math.min(1, share) * TWO_56_DOUBLE) : 0;
    n[i * 2] = within % 2 ** 32;
    n[i * 2 + 1] = Math.floor(within / 2 ** 32);
  }
}

/** Under first_match (rule 7): of each policy, in their order, what no earlier one named, kept or not. */
export function firstMatches(named: readonly NamedRows[], rowCount: number): NamedRows[] {
  const isTaken = new Uint8Array(rowCount);
  return named.map((rows) => {
    const left = Uint32Array.from({ length: rows.count }, (_, i) => i).filter((i) => isTaken[rows.keys[i * 4]] !== 1);
    for (const i of left) isTaken[rows.keys[i * 4]] = 1;
    return left.length === rows.count ? rows : picked(rows, left);
  });
}

function picked({ keys, n, split }: NamedRows, entries: Uint32Array): NamedRows {
  const words = (from: Uint32Array, width: number): Uint32Array => {
    const to = new Uint32Array(entries.length * width);
    entries.forEach((entry, index) => to.set(from.subarray(entry * width, (entry + 1) * width), index * width));
    return to;
  };
  return { count: entries.length, keys: words(keys, 4), n: words(n, 2), split: split === null ? null : Uint8Array.from(entries, (entry) => split[entry]) };
}
