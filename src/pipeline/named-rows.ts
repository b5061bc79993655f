import { isKeptAt } from '../sampling/threshold.ts';

/**
 * Items that a policy named. `keys` holds four 32-bit words an item, lowest first: number in the window, code of its
 * input probability, low and high word of R; `n` two words, low and high, of N = p * 2^56; `split` 1 where the item is
 * to be decided by a hash of its own.
 */
export interface NamedRows {
  readonly count: number;
  readonly keys: Uint32Array;
  readonly n: Uint32Array;
  readonly split: Uint8Array | null;
}

export interface KeptNamed {
  /** Ascending, each once. */
  readonly wseq: Uint32Array;
  /** Two words an item: the greatest N that it was named with on its own randomness; 0 where on a hash only. */
  readonly n: Uint32Array;
  /** Two words an item: the greatest N that it was named with on a hash of its own; null where none was. */
  readonly nSplit: Uint32Array | null;
}

/**
 * Items that are kept: those with N_R = 2^56 - R <= N, where N is the greatest that anybody named the item with
 * (sampling.md, rules 5 and 6). Items that are split pass: their own hash is checked where their rows are read, and
 * their probability is that of the union of two independent choices (rule 14).
 */
export function keepNamed(named: readonly NamedRows[]): KeptNamed {
  const all = concatNamed(named);
  const candidates = new Uint32Array(all.count);
  let count = 0;
  for (let i = 0; i < all.count; i++) if (all.split !== null || isKept(all, i)) candidates[count++] = i;
  const order = candidates.subarray(0, count).sort((a, b) => all.keys[a * 4] - all.keys[b * 4]);
  const merged = greatestOfEach(all, order);
  return all.split === null ? merged : withoutDropped(all, order, merged);
}

/** 2^56 - R <= N, in words: R >= 2^56 - N. */
function isKept({ keys, n }: NamedRows, i: number): boolean {
  return isKeptAt(keys[i * 4 + 2], keys[i * 4 + 3], n[i * 2], n[i * 2 + 1]);
}

/** Items in order of wseq, the greatest n of each; `order` is sorted by wseq. */
function greatestOfEach(all: NamedRows, order: Uint32Array): KeptNamed {
  const wseq = new Uint32Array(order.length);
  const n = new Uint32Array(order.length * 2);
  const nSplit = all.split === null ? null : new Uint32Array(order.length * 2);
  let count = 0;
  for (const i of order) {
    if (count === 0 || wseq[count - 1] !== all.keys[i * 4]) wseq[count++] = all.keys[i * 4];
    const target = nSplit !== null && all.split?.[i] === 1 ? nSplit : n;
    raise(target, (count - 1) * 2, all.n[i * 2], all.n[i * 2 + 1]);
  }
  return { wseq: wseq.subarray(0, count), n: n.subarray(0, count * 2), nSplit: nSplit?.subarray(0, count * 2) ?? null };
}

function raise(n: Uint32Array, at: number, low: number, high: number): void {
  if (high < n[at + 1] || (high === n[at + 1] && low <= n[at])) return;
  n[at] = low;
  n[at + 1] = high;
}

/** Leaves out items that no hash of their own can keep and that do not reach their threshold. */
function withoutDropped(all: NamedRows, order: Uint32Array, { wseq, n, nSplit }: KeptNamed): KeptNamed {
  if (nSplit === null) return { wseq, n, nSplit };
  const kept: number[] = [];
  let at = 0;
  for (let item = 0; item < wseq.length; item++) {
    while (all.keys[order[at] * 4] !== wseq[item]) at++;
    const { keys } = all;
    const i = order[at] * 4;
    const isHashed = (nSplit[item * 2] | nSplit[item * 2 + 1]) !== 0;
    if (isHashed || isKeptAt(keys[i + 2], keys[i + 3], n[item * 2], n[item * 2 + 1])) kept.push(item);
  }
  const pairs = (words: Uint32Array): Uint32Array => Uint32Array.from(kept.flatMap((item) => [words[item * 2], words[item * 2 + 1]]));
  return { wseq: Uint32Array.from(kept, (item) => wseq[item]), n: pairs(n), nSplit: pairs(nSplit) };
}

/** All of them as one; rows that several name are there as often. */
export function concatNamed(named: readonly NamedRows[]): NamedRows {
  if (named.length === 1) return named[0];
  const count = named.reduce((sum, part) => sum + part.count, 0);
  const keys = new Uint32Array(count * 4);
  const n = new Uint32Array(count * 2);
  const split = named.some((part) => part.split !== null) ? new Uint8Array(count) : null;
  let at = 0;
  for (const part of named) {
    keys.set(part.keys, at * 4);
    n.set(part.n, at * 2);
    if (split !== null && part.split !== null) split.set(part.split, at);
    at += part.count;
  }
  return { count, keys, n, split };
}
