import type { Outcome } from '../../support/tail-sampling.ts';

/** What the processor kept under a configuration; throws where it refused it. */
export function outcomeOf(outcomes: ReadonlyMap<string, Outcome>, name: string): Outcome {
  const outcome = outcomes.get(name);
  if (outcome === undefined || outcome.error !== undefined) throw new Error(`the processor refused ${name}: ${outcome?.error ?? 'it is not there'}`);
  return outcome;
}

/** Trace ids that one keeps and the other does not; the first few. */
export function difference(theirs: Iterable<string>, ours: ReadonlySet<string> | undefined): readonly string[] {
  const [a, b] = [new Set(theirs), ours ?? new Set<string>()];
  return [...[...a].filter((id) => !b.has(id)).map((id) => `only theirs: ${id}`), ...[...b].filter((id) => !a.has(id)).map((id) => `only ours: ${id}`)].slice(0, 5);
}
