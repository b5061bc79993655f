import type { Seam } from '../../base/seam.ts';
import type { OpenPolicies } from '../../policies.ts';
import { Analysis } from '../../policy/compile/analysis.ts';
import type { CompiledPolicy } from '../../policy/compile/compiled.ts';
import { PolicySource } from '../../policy/compile/policy-source.ts';
import { sqlFunctionFiles } from '../../sampling/sql-functions.ts';
import { functionDocs } from './function-docs.ts';
import { planOf } from './plan.ts';
import { SqlTexts } from './sql-text.ts';
import { type Words, wordsOf } from './words.ts';

/** What a policy reads of one view or table. */
export interface ReadsOf {
  readonly table: string;
  readonly columns: readonly string[];
  /** Attribute keys, as `attributes['http.route'] VARCHAR`; of a star table the keys, or `all keys`. */
  readonly keys: readonly string[];
}

/** A policy explained. */
export interface Explained {
  readonly name: string;
  readonly signal: string;
  readonly mode: string;
  readonly words: Words;
  readonly reads: readonly ReadsOf[];
  /** The part of it that traces can be decided by before their window (`windows.traces.decide_at_once`), as SQL; null where nothing of it can. */
  readonly atOnce: string | null;
  readonly plan: readonly string[];
  readonly warnings: readonly string[];
}

/** Explains compiled policies from their text, without running them. */
export async function explainPolicies({ policies, setupSql }: OpenPolicies, seam: Seam): Promise<readonly Explained[]> {
  const analysis = await Analysis.open(sqlFunctionFiles().map(({ path }) => path), seam);
  try {
    const texts = await SqlTexts.open(analysis);
    const docs = functionDocs();
    const explained: Explained[] = [];
    for (const policy of policies) {
      const statement = await analysis.parse(new PolicySource(policy.name, policy.source));
      explained.push({
        name: policy.name, signal: policy.signal, mode: policy.mode, words: await wordsOf(policy, statement, texts, docs),
        reads: readsOf(policy), atOnce: policy.certain?.sql ?? null, plan: await planOf(policy, setupSql), warnings: policy.warnings,
      });
    }
    return explained;
  } finally {
    analysis.close();
  }
}

function readsOf({ views, stars, sides }: CompiledPolicy): readonly ReadsOf[] {
  return [
    ...views.map(({ view, columns, keys }) => ({ table: view, columns, keys: keys.map(({ source, key, type }) => `${source}['${key}'] ${type}`) })),
    ...stars.map(({ star, columns, keys }) => ({ table: star, columns, keys: keys === 'all' ? ['all keys'] : keys.map((key) => `key '${key}'`) })),
    ...sides.map(({ side, columns }) => ({ table: side, columns, keys: [] })),
  ];
}
