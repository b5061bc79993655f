import { drawnWithin } from './draw-within.ts';
import { traceIdHigh, traceIdLow } from './randomness.ts';
import { inputFlags, type InputStates, leaves, type SamplingInput } from './sampling-input.ts';
import { readTracestate } from './tracestate.ts';
import { complementHigh, complementLow, doubleOf56, TWO_56_DOUBLE } from './word56.ts';

/**
 * R of a trace whose root says that it came with probability N / 2^56 (`n`, a double), as two words of `out` at `at`; low and high are its R as one of
 * unknown probability, a hash of its id (sampling.md, rules 3 and 23). Not for N = 2^56: of what was not sampled R is that of the trace id (rule 1).
 */
export function writeRootRandomness(out: Uint32Array, at: number, low: number, high: number, n: number): void {
  const drawn = drawnWithin(doubleOf56(complementLow(low), complementHigh(low, high)) / TWO_56_DOUBLE, n);
  const [drawnLow, drawnHigh] = [drawn % 2 ** 32, Math.floor(drawn / 2 ** 32)];
  out[at] = complementLow(drawnLow);
  out[at + 1] = complementHigh(drawnLow, drawnHigh);
}

/**
 * Takes rows that say nothing, at a receiver where that means unknown, as the roots of their traces say (rule 23): with the probability N / 2^56, two
 * words of `rootN` for each of `rows`, 0 = nothing said. They leave with a count, and the randomness that they were decided on; those of probability 1 as
 * what is unsampled. Rows whose threshold contradicts them, or cannot be read, stay unknown.
 */
export function takeRootInput(said: SamplingInput, states: InputStates, rows: Uint32Array, rootN: Uint32Array): void {
  rows.forEach((row, index) => {
    const [low, high] = [rootN[index * 2], rootN[index * 2 + 1]];
    const n = doubleOf56(low, high);
    const isContradicted = (states.flags[row] & (inputFlags.contradiction | inputFlags.thresholdInvalid)) !== 0;
    if (n === 0 || isContradicted || states.leaves[row] !== leaves.unknown) return;
    if (n === TWO_56_DOUBLE && said.traceIds !== null) takeUnsampled(said, said.traceIds, states, row);
    else {
      writeRootRandomness(states.randomness, row * 2, states.randomness[row * 2], states.randomness[row * 2 + 1], n);
      states.nIn[row * 2] = low;
      states.nIn[row * 2 + 1] = high;
      states.adjustedCounts[row] = TWO_56_DOUBLE / n;
      leaveCounted(states, row);
    }
  });
}

/** R of the trace id, on which the trace is decided; where the row has an rv beside it, a threshold would speak of that. */
function takeUnsampled({ traceStates }: SamplingInput, traceIds: Uint8Array, states: InputStates, row: number): void {
  states.randomness[row * 2] = traceIdLow(traceIds, row * 16);
  states.randomness[row * 2 + 1] = traceIdHigh(traceIds, row * 16);
  if (readTracestate(traceStates?.[row] ?? '').rv === null) states.leaves[row] = leaves.exact;
  else leaveCounted(states, row);
}

function leaveCounted(states: InputStates, row: number): void {
  states.leaves[row] = leaves.counted;
  states.flags[row] |= inputFlags.writesRandomness;
}
