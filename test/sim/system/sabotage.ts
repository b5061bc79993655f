import { DecisionCache } from '../../../src/policy/decision-cache.ts';
import { Journal } from '../../../src/pipeline/journal/journal.ts';
import { MemoryBudget } from '../../../src/pipeline/memory-budget.ts';

/** Ways to break the system that checks must find. Each gives back what mends it. */
export const sabotages = {
  /** Kept decisions are forgotten at once, dropped ones are not. */
  forgetsKept: () => replace(DecisionCache.prototype, 'put', (put) => function (this: DecisionCache, ...args) {
    if (args[2] === 0n) put.apply(this, args);
  }),
  /** Batches are acknowledged before they are on the disk. */
  acknowledgesEarly: () => replace(Journal.prototype, 'settled', (settled) => function (this: Journal, held) {
    void settled.call(this, held).catch(() => undefined);
    return Promise.resolve();
  }),
  /** Decisions are sent, and never logged. */
  decidesUnlogged: () => replace(Journal.prototype, 'decided', () => () => Promise.resolve(null)),
  /** Nothing is refused for want of memory. */
  takesAll: () => replace(MemoryBudget.prototype, 'hasRoom', () => () => true),
} as const;

function replace<T extends object, K extends keyof T>(target: T, name: K, by: (own: T[K]) => T[K]): () => void {
  const own = target[name];
  target[name] = by(own);
  return () => void (target[name] = own);
}
