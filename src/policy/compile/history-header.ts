import type { HeaderEntry } from './header-entries.ts';
import type { PolicySource } from './policy-source.ts';
import { isNode, type Node, nodesOf } from './sql-tree.ts';

/** What the header declares to be remembered of each window, for the view `history`. */
export interface HistoryHeader {
  /** SQL of the key, over one row of `traces` or `logs`. */
  readonly key: string;
  /** SQL of a number whose distribution is remembered by key; null = none. */
  readonly value: string | null;
  readonly keysMax: number;
  readonly windowsMax: number;
  /** Byte offset of the line that declares the key. */
  readonly offset: number;
}

/** Names of the header's lines about history. */
export const historyHeaderNames = ['history', 'history_value', 'history_keys', 'history_windows'] as const;

const keysDefault = 10_000;
const keysMost = 100_000;
const windowsDefault = 10;
const windowsMost = 100;

/** Reads the lines about history; null where there are none. Throws PolicyError `not_allowed`. */
export function historyHeader(source: PolicySource, entries: readonly HeaderEntry[]): HistoryHeader | null {
  const own = entries.filter(({ name }) => historyHeaderNames.some((known) => known === name));
  if (own.length === 0) return null;
  const twice = own.find((entry) => own.some((other) => other !== entry && other.name === entry.name && other.offset < entry.offset));
  if (twice !== undefined) throw source.error('not_allowed', `the header declares ${twice.name} twice`, { at: twice.offset });
  const key = own.find(({ name }) => name === 'history');
  if (key === undefined) throw source.error('not_allowed', `${own[0].name} without a key`, { at: own[0].offset, hint: 'declare it: -- history: root_service' });
  return {
    key: key.value,
    value: own.find(({ name }) => name === 'history_value')?.value ?? null,
    keysMax: wholeNumber(source, own.find(({ name }) => name === 'history_keys'), keysDefault, keysMost),
    windowsMax: wholeNumber(source, own.find(({ name }) => name === 'history_windows'), windowsDefault, windowsMost),
    offset: key.offset,
  };
}

function wholeNumber(source: PolicySource, entry: HeaderEntry | undefined, byDefault: number, most: number): number {
  if (entry === undefined) return byDefault;
  const value = /^\d+$/.test(entry.value) ? Number(entry.value) : 0;
  if (value < 1 || value > most) throw source.error('not_allowed', `${entry.name} is a whole number from 1 to ${most}`, { at: entry.offset });
  return value;
}

/** The statement that reads key and value of every item, as text: the expressions are the author's. */
export function historyText({ key, value }: HistoryHeader, view: 'traces' | 'logs'): string {
  return `SELECT item, CAST((${key}\n) AS VARCHAR) AS "key", CAST((${value ?? 'NULL'}\n) AS DOUBLE) AS "value" FROM ${view}`;
}

/** Whether a statement is what `historyText` meant: the author's text has not closed our brackets. */
export function isHistoryStatement(statement: Node): boolean {
  const select = statement['node'];
  if (!isNode(select) || select['type'] !== 'SELECT_NODE') return false;
  const from = select['from_table'];
  return nodesOf(select['select_list']).length === 3 && isNode(from) && from['type'] === 'BASE_TABLE'
    && select['where_clause'] === null && nodesOf(select['group_expressions']).length === 0 && nodesOf(select['modifiers']).length === 0;
}
