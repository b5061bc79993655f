import { DecisionCache } from '../../../src/policy/decision-cache.ts';
import { Journal } from '../../../src/pipeline/journal/journal.ts';
import { KeptMarks } from '../../../src/pipeline/dropped-rows.ts';
import { MemoryBudget } from '../../../src/pipeline/memory-budget.ts';
import { RecordLog } from '../../../src/storage/record-log.ts';
import { replaced } from './replaced.ts';

/** Ways to break the system that checks must find. Each gives back what mends it. */
export const sabotages = {
  /** Kept decisions are forgotten at once, dropped ones are not. */
  forgetsKept: () => replaced(DecisionCache.prototype, 'put', (put) => function (this: DecisionCache, ...args) {
    if (args[2] === 0n) put.apply(this, args);
  }),
  /** Batches are acknowledged before they are on the disk. */
  acknowledgesEarly: () => replaced(Journal.prototype, 'settled', (settled) => function (this: Journal, held) {
    void settled.call(this, held).catch(() => undefined);
    return Promise.resolve();
  }),
  /** Decisions are sent, and never logged. */
  decidesUnlogged: () => replaced(Journal.prototype, 'decided', () => () => Promise.resolve(null)),
  /** Nothing is refused for want of memory. */
  takesAll: () => replaced(MemoryBudget.prototype, 'hasRoom', () => () => true),
  /** Rows that were kept are not remembered as such. */
  marksNothing: () => replaced(KeptMarks.prototype, 'add', () => () => undefined),
  /** With `async` nothing is ever synced. */
  neverSyncs: () => replaced(RecordLog.prototype, 'syncOverdue', () => () => Promise.resolve()),
  /** Late spans leave with half the probability of their trace, and are kept as before. */
  halvesLate: () => replaced(DecisionCache.prototype, 'get', (get) => function (this: DecisionCache, ...args) {
    return get.apply(this, args) / 2n;
  }),
} as const;
