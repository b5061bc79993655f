import { pathToFileURL } from 'node:url';
import { DecisionCache } from '../src/policy/decision-cache.ts';

/**
 * What remembered decisions cost: bytes a million, and nanoseconds to remember one, to find it, and to find that there is none.
 * Run: node bench/decisions.ts
 */
const million = 1_000_000;

interface DecisionCost {
  readonly decisions: number;
  readonly bytesPerMillion: number;
  readonly putNs: number;
  readonly hitNs: number;
  readonly missNs: number;
}

/** Four words an id, as random as trace ids. */
function randomIds(count: number, seed: number): Uint32Array {
  let state = seed;
  return Uint32Array.from({ length: count * 4 }, () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return Math.imul(state ^ (state >>> 13), 0x297a2d39);
  });
}

function nsPer(count: number, work: (index: number) => void): number {
  const start = performance.now();
  for (let index = 0; index < count; index++) work(index);
  return ((performance.now() - start) * 1e6) / count;
}

export function decisionCost(decisions: number, hasReasons: boolean): DecisionCost {
  const cache = new DecisionCache(decisions, 1, hasReasons, 600_000);
  const [known, others] = [randomIds(decisions, 1), randomIds(decisions, 2)];
  cache.advanceTo(1000);
  const putNs = nsPer(decisions, (index) => cache.put(known, index * 4, BigInt(index % 10 === 0 ? 5 : 0)));
  const hitNs = nsPer(decisions, (index) => { if (cache.outcome(known, index * 4) === 'unknown') throw new Error('a decision is lost'); });
  const missNs = nsPer(decisions, (index) => { if (cache.outcome(others, index * 4) !== 'unknown') throw new Error('found what was never put'); });
  return { decisions, bytesPerMillion: (cache.byteLength / decisions) * million, putNs, hitNs, missNs };
}

function text({ decisions, bytesPerMillion, putNs, hitNs, missNs }: DecisionCost): string {
  return `${decisions} decisions: ${(bytesPerMillion / 1e6).toFixed(1)} MB a million, ${putNs.toFixed(0)} ns to remember, ${hitNs.toFixed(0)} ns to find, ${missNs.toFixed(0)} ns to miss`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const count of [million, Math.floor(2 ** 20 * 0.95), Math.floor(2 ** 20 * 1.05)]) console.log(text(decisionCost(count, false)));
  console.log('with reasons:', text(decisionCost(million, true)));
}
