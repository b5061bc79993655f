import { pathToFileURL } from 'node:url';
import { DecisionCache } from '../src/policy/decision-cache.ts';
import { table } from './report.ts';

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

/** Bytes a million decisions that are remembered, and what to remember and to find one costs, by how many there are. */
export function decisionsTable(): string {
  const costs = [[million, false], [Math.floor(2 ** 20 * 0.95), false], [Math.floor(2 ** 20 * 1.05), false], [million, true]] as const;
  return table(['remembered decisions', 'MB a million', 'ns to remember', 'ns to find', 'ns to miss'], costs.map(([count, hasReasons]) => {
    const { decisions, bytesPerMillion, putNs, hitNs, missNs } = decisionCost(count, hasReasons);
    return [`${decisions.toLocaleString('en-US')}${hasReasons ? ', with policies' : ''}`, (bytesPerMillion / 1e6).toFixed(1), ...[putNs, hitNs, missNs].map((ns) => ns.toFixed(0))];
  }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(decisionsTable());
