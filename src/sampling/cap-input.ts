import type { InputStates } from './sampling-input.ts';
import { compare56, doubleOf56, highOf56, lowOf56, TWO_56_DOUBLE } from './word56.ts';

/** Takes each of `rows` as if it had come with a probability of at most N (`n`): greater ones are lowered, with their counts, in place. */
export function capInput({ nIn, adjustedCounts }: InputStates, rows: Uint32Array, n: bigint): void {
  const [low, high] = [lowOf56(n), highOf56(n)];
  const count = TWO_56_DOUBLE / doubleOf56(low, high);
  for (const row of rows) {
    if (compare56(nIn[row * 2], nIn[row * 2 + 1], low, high) <= 0) continue;
    nIn[row * 2] = low;
    nIn[row * 2 + 1] = high;
    adjustedCounts[row] = count;
  }
}

/** Each N of `words` (two words each), `n` where it is greater. Words with the bit of decided-elsewhere.ts are no probability of the row's own, and stay. */
export function capWords(words: Uint32Array, n: bigint): Uint32Array {
  const [low, high] = [lowOf56(n), highOf56(n)];
  const out = words.slice();
  for (let at = 0; at < out.length; at += 2) {
    if (out[at + 1] > 0x1000000 || compare56(out[at], out[at + 1], low, high) <= 0) continue;
    out[at] = low;
    out[at + 1] = high;
  }
  return out;
}
