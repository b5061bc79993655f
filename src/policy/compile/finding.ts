import type { PolicySource } from './policy-source.ts';
import type { Position } from './policy-error.ts';
import { type SqlTree, visitNodes } from './sql-tree.ts';

/** `error`: the policy fails, or its counts are wrong. `warning`: likely not what was meant. `note`: good to know. */
export type Severity = 'error' | 'warning' | 'note';

/** What is found in policies that compile: the code, how bad it is, and what it means for users. */
export const lintRules = {
  reads_randomness: { severity: 'error', text: 'Rows or probabilities depend on an item\'s randomness: it decides a second time, and the counts do not say so.' },
  reads_id_bits: { severity: 'warning', text: 'Rows depend on the bits of an id, which are (or may be) its randomness. Comparing whole ids for equality is fine.' },
  own_outcome: { severity: 'error', text: 'What a sampling function picked decides about other rows of the same window.' },
  own_outcome_join: { severity: 'warning', text: 'What a sampling function picked is joined with other rows of the same window.' },
  count_as_probability: { severity: 'error', text: 'A count is returned as a probability.' },
  probability_range: { severity: 'error', text: 'A probability outside [0, 1], or NULL: the policy fails in every window that has such a row.' },
  probability_zero: { severity: 'warning', text: 'A probability of 0 names items and keeps none of them.' },
  sample_size: { severity: 'error', text: 'A sample size that is no whole number from 1 to 900,000, or a budget that is not above 0.' },
  budget_below_item: { severity: 'warning', text: 'A budget that not even the smallest item fits in: all of them go by `oversize`.' },
  never_matches: { severity: 'warning', text: 'A condition that no row can fulfil.' },
  limit_picks: { severity: 'warning', text: 'LIMIT picks rows without a chance that is known.' },
  limit_ties: { severity: 'note', text: 'LIMIT after ORDER BY picks arbitrarily among rows that are equal at the limit.' },
  order_dependent: { severity: 'warning', text: 'The result depends on the order of rows, which is not the same each time.' },
  tie_dependent: { severity: 'note', text: 'Among equal rows one is picked arbitrarily.' },
  adjusted_count_returned: { severity: 'warning', text: 'The adjusted count as it came is returned: every item is kept as it came.' },
  span_names_trace: { severity: 'note', text: 'Spans are named by id: each keeps its whole trace.' },
  wrong_owner: { severity: 'warning', text: 'Attributes of resources or scopes are joined on an item\'s id.' },
  all_keys: { severity: 'warning', text: 'A star table is read with all its keys, so all attributes are projected.' },
  all_columns: { severity: 'warning', text: 'All columns of the views are projected.' },
  header: { severity: 'warning', text: 'A header that is not known, and has no effect.' },
  duplicate_name: { severity: 'error', text: 'Two policies have one name; metrics and messages could not tell them apart.' },
  first_match: { severity: 'error', text: 'A policy that returns only its sample cannot be part of first_match.' },
} as const satisfies { readonly [code: string]: { readonly severity: Severity; readonly text: string } };

export type LintCode = keyof typeof lintRules;

/** One thing that was found, and what to write instead. */
export interface Finding {
  /** A lint's code, or of a policy that does not compile the PolicyErrorReason. */
  readonly code: string;
  readonly severity: Severity;
  readonly position: Position | null;
  readonly message: string;
  readonly hint: string | null;
}

/** A finding at a node of the syntax tree or a byte offset; `at` undefined: about the whole. */
export function finding(source: PolicySource, code: LintCode, at: SqlTree | undefined, message: string, hint: string | null = null): Finding {
  const offset = typeof at === 'number' ? at : startOf(at ?? null);
  return { code, severity: lintRules[code].severity, position: offset === null ? null : source.positionOf(offset), message, hint };
}

/** Byte offset at which an expression begins; that of an operator itself is where the operator stands. */
function startOf(tree: SqlTree): number | null {
  let start: number | null = null;
  visitNodes(tree, ({ query_location: at }) => {
    if (typeof at === 'number' && (start === null || at < start)) start = at;
  });
  return start;
}

/** `LINE:COLUMN: message; hint`. */
export function findingText({ position, message, hint }: Finding): string {
  return `${position === null ? '' : `${position.line}:${position.column}: `}${message}${hint === null ? '' : `; ${hint}`}`;
}
