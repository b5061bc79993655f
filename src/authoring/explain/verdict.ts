import { formatThreshold, thresholdOf } from '../../sampling/threshold.ts';
import { type Probability, probabilityOf } from '../../sampling/probability.ts';
import type { RunSettings } from '../pipeline-run.ts';
import type { ItemStory } from './item.ts';
import type { Said } from './named-as.ts';

const whole = 2n ** 56n;

/** What one policy comes to for the item. */
export interface PolicyVerdict {
  readonly policy: string;
  readonly mode: Said['mode'];
  readonly named: boolean;
  /** p; for a drop policy the ceiling; null where it did not name the item. */
  readonly probability: number | null;
  /** T as 14 hex digits without the last zeros, as `th` writes it; null where p is 0 or there is none. */
  readonly threshold: string | null;
  /** R >= T; null where it did not name the item. */
  readonly reaches: boolean | null;
  /** 1 / min(p, p_in). */
  readonly adjustedCount: number | null;
  readonly note: string;
}

/** Why an item was kept or dropped. */
export interface Verdict {
  readonly policies: readonly PolicyVerdict[];
  /** The probability that all policies together come to, before what it came with. */
  readonly probability: number;
  readonly threshold: string | null;
  readonly isKept: boolean;
  /** In one sentence. */
  readonly because: string;
}

/** Puts together what the policies said, by the rules of the window, and holds it against what came out. */
export function verdictOf(story: ItemStory, settings: Pick<RunSettings, 'combine' | 'fallback'>): Verdict {
  const fallbackN = probabilityOf(settings.fallback);
  const policies = story.said.map((said) => policyVerdict(said, story, fallbackN));
  const ceiling = story.said.filter(({ mode }) => mode === 'drop').reduce((least, said) => min(least, said.error === null ? said.n ?? whole : whole), whole);
  const enforcing = story.said.filter(({ mode }) => mode === 'enforce').map((said) => (said.error === null ? said.n : fallbackN));
  const named = enforcing.filter((n) => n !== null);
  const together = named.length === 0 ? 0n : settings.combine === 'first_match' ? named[0] : named.reduce((a, b) => (a > b ? a : b));
  const n = min(min(together, ceiling), story.nIn);
  const isKept = story.kept > 0;
  return { policies, probability: Number(n) / Number(whole), threshold: thresholdText(n), isKept, because: because(story, { n, together, ceiling }, isKept) };
}

function policyVerdict(said: Said, story: ItemStory, fallbackN: bigint): PolicyVerdict {
  const own = { policy: said.policy, mode: said.mode };
  const n = said.error === null ? said.n : fallbackN;
  const split = said.splitN === null ? '' : `its trace is larger than the sample: a hash of each record's own is held against probability ${shown(said.splitN)}`;
  const note = said.error === null ? split : `failed (${said.error}), so the fallback holds`;
  if (n === null) return { ...own, named: said.splitN !== null, probability: null, threshold: null, reaches: null, adjustedCount: null, note };
  const out = min(n, story.nIn);
  return {
    ...own, named: said.error === null, probability: Number(n) / Number(whole), threshold: thresholdText(n), reaches: reaches(story.randomness, n),
    adjustedCount: out === 0n ? null : Number(whole) / Number(out), note,
  };
}

function because(story: ItemStory, { n, together, ceiling }: { readonly n: bigint; readonly together: bigint; readonly ceiling: bigint }, isKept: boolean): string {
  const names = story.said.filter((said) => said.mode === 'enforce' && (said.n !== null || said.splitN !== null || said.error !== null));
  if (story.windowNano === null) return isKept ? 'It came after its window was decided, and follows what was decided then.' : 'No window decided it: it came after its trace had been decided or forgotten.';
  const expected = n > 0n && reaches(story.randomness, n);
  if (isKept && !expected) return names.some(({ splitN }) => splitN !== null) ? 'A hash of its own keeps it: its trace is larger than the sample.' : 'It is kept by what was decided of its trace before (late spans follow their trace), or by the fallback.';
  if (isKept) return `R reaches the threshold of probability ${shown(n)}: kept.`;
  if (together === 0n && names.length === 0) return 'No policy that keeps names it: dropped.';
  if (ceiling === 0n) return 'A drop policy gives it the ceiling 0, so it leaves the views before other policies run: dropped.';
  if (expected) return 'R reaches the threshold, but not what each record is held against: its own hash, or the threshold that it came with.';
  if (ceiling < together && n === ceiling) return `A ceiling of ${shown(ceiling)} holds, and R does not reach its threshold: dropped.`;
  return n < together && n === story.nIn ? `It came with probability ${shown(n)}, which no policy raises: dropped.` : `R does not reach the threshold of probability ${shown(n)}: dropped.`;
}

function reaches(randomness: bigint, n: bigint): boolean {
  return randomness >= whole - n;
}

function thresholdText(n: bigint): string | null {
  return n === 0n ? null : formatThreshold(thresholdOf(n as Probability));
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function shown(n: bigint): string {
  return String(Number((Number(n) / Number(whole)).toPrecision(6)));
}
