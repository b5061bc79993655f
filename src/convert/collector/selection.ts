import { Share } from './share.ts';

/** A condition on a trace; never NULL. */
export type Condition =
  | { readonly kind: 'trace'; readonly sql: string; readonly negated: string }
  /** One of its spans fulfils `where`, or none where `isNone`; `from` names the rows, spans by default. */
  | { readonly kind: 'spans'; readonly where: string; readonly from: string; readonly key: string; readonly isNone: boolean };

/** Items of a size, of which so much may be kept a second. */
export interface Limit {
  /** SQL over traces. */
  readonly size: string;
  readonly perSecond: number;
  /** What no single trace may exceed. */
  readonly burst: number;
}

/** What a policy of the Collector takes: traces that fulfil all conditions, of them a share, up to limits. */
export interface Selection {
  readonly conditions: readonly Condition[];
  readonly share: Share;
  readonly limits: readonly Limit[];
  /** Takes nothing at all. */
  readonly isNever: boolean;
}

export const everything: Selection = { conditions: [], share: Share.all, limits: [], isNever: false };
export const nothing: Selection = { ...everything, isNever: true };

/** A condition over columns of `traces`, and its opposite. */
export function onTraces(sql: string, negated: string): Selection {
  return { ...everything, conditions: [{ kind: 'trace', sql, negated }] };
}

/** At least one span fulfils the condition over `spans`. */
export function onSpans(where: string, isNone = false): Selection {
  return { ...everything, conditions: [{ kind: 'spans', where, from: 'spans', key: 'trace_id', isNone }] };
}

/** At least one event fulfils the condition over `span_events e` and its span `s`. */
export function onEvents(where: string): Selection {
  return { ...everything, conditions: [{ kind: 'spans', where, from: 'span_events e JOIN spans s ON s.id = e.parent_id', key: 's.trace_id', isNone: false }] };
}

export function allOf(selections: readonly Selection[]): Selection {
  return selections.reduce((both, { conditions, share, limits, isNever }) => ({
    conditions: [...both.conditions, ...conditions],
    share: both.share.and(share),
    limits: [...both.limits, ...limits],
    isNever: both.isNever || isNever,
  }), everything);
}

/** All traces that the selection does not take; null where it has limits, which have no opposite. */
export function opposite(selection: Selection): Selection | null {
  const { conditions: [condition, ...more], share, limits, isNever } = selection;
  if (isNever) return everything;
  if (limits.length > 0 || more.length > 0) return null;
  if (condition === undefined) return share.isAll ? nothing : { ...everything, share: share.not() };
  return share.isAll ? { ...everything, conditions: [negation(condition)] } : null;
}

function negation(condition: Condition): Condition {
  return condition.kind === 'trace' ? { ...condition, sql: condition.negated, negated: condition.sql } : { ...condition, isNone: !condition.isNone };
}

/** The condition over the view `traces`. */
export function conditionSql(condition: Condition): string {
  if (condition.kind === 'trace') return condition.sql;
  const { where, from, key, isNone } = condition;
  return `trace_id ${isNone ? 'NOT IN' : 'IN'} (SELECT ${key} FROM ${from} WHERE ${where})`;
}
