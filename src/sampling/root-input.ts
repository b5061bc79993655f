import { drawnWithin } from './draw-within.ts';
import { inputFlags, type InputStates, leaves } from './sampling-input.ts';
import { complementHigh, complementLow, doubleOf56, TWO_56_DOUBLE } from './word56.ts';

/**
 * R of a trace whose root says that it came with probability N / 2^56 (`n`, a double), as two words of `out` at `at`; low and high are its R as one of
 * unknown probability, a hash of its id (sampling.md, rules 3 and 23).
 */
export function writeRootRandomness(out: Uint32Array, at: number, low: number, high: number, n: number): void {
  const drawn = drawnWithin(doubleOf56(complementLow(low), complementHigh(low, high)) / TWO_56_DOUBLE, n);
  const [drawnLow, drawnHigh] = [drawn % 2 ** 32, Math.floor(drawn / 2 ** 32)];
  out[at] = complementLow(drawnLow);
  out[at + 1] = complementHigh(drawnLow, drawnHigh);
}

/**
 * Takes rows that say nothing, at a receiver where that means unknown, as the roots of their traces say (rule 23): with the probability N / 2^56, two
 * words of `rootN` for each of `rows`, 0 = nothing said. They leave with a count, and the randomness that they were decided on. Rows whose threshold
 * contradicts them, or cannot be read, stay unknown.
 */
export function takeRootInput(states: InputStates, rows: Uint32Array, rootN: Uint32Array): void {
  rows.forEach((row, index) => {
    const n = doubleOf56(rootN[index * 2], rootN[index * 2 + 1]);
    const isContradicted = (states.flags[row] & (inputFlags.contradiction | inputFlags.thresholdInvalid)) !== 0;
    if (n === 0 || isContradicted || states.leaves[row] !== leaves.unknown) return;
    writeRootRandomness(states.randomness, row * 2, states.randomness[row * 2], states.randomness[row * 2 + 1], n);
    states.nIn[row * 2] = rootN[index * 2];
    states.nIn[row * 2 + 1] = rootN[index * 2 + 1];
    states.adjustedCounts[row] = TWO_56_DOUBLE / n;
    states.leaves[row] = leaves.counted;
    states.flags[row] |= inputFlags.writesRandomness;
  });
}
