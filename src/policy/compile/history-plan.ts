import type { Analysis } from './analysis.ts';
import { bindingError } from './binding-error.ts';
import { allReads, type TableShape, tableShapes } from './catalog-sql.ts';
import type { HistoryPlan, KeyRead, PolicySignal, SideReads } from './compiled.ts';
import { pinDoubles, translateForeign } from './foreign.ts';
import { checkGrowth } from './growth.ts';
import type { Header } from './header.ts';
import { type HistoryHeader, historyText, isHistoryStatement } from './history-header.ts';
import { rewriteKeys } from './keys.ts';
import { PolicyError } from './policy-error.ts';
import { PolicySource } from './policy-source.ts';
import { readsOf } from './reads.ts';
import { checkStatement, type Names } from './sandbox.ts';
import type { Node } from './sql-tree.ts';

/**
 * Compiles what the header declares about history, by the same walls as the policy itself: the author's expressions are read as
 * a SELECT over the view of the signal's items. Null where nothing is declared. Throws PolicyError, at the header's line.
 */
export async function historyPlan(source: PolicySource, header: Header, signal: PolicySignal, analysis: Analysis): Promise<HistoryPlan | null> {
  if (header.history === null) return null;
  try {
    return await compiled(source.name, header, header.history, signal, analysis);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const { policyReason, problem, hint } = error;
    throw source.error(policyReason, `the header's history: ${problem}`, { at: header.history.offset, hint, cause: error });
  }
}

async function compiled(name: string, header: Header, declared: HistoryHeader, view: PolicySignal, analysis: Analysis): Promise<HistoryPlan> {
  const source = new PolicySource(name, historyText(declared, view));
  const statement = await parsed(source, analysis, { tables: new Set([view]), macros: new Set() });
  const keys = rewriteKeys(source, header, statement);
  pinDoubles(statement);
  const sql = await analysis.print(source, statement);
  const table = tableShapes(view).filter((shape) => shape.name === view);
  const columns = await columnsRead(source, analysis, { statement, tables: table, keys, sql });
  const { key, value, keysMax, windowsMax } = declared;
  return { declaration: JSON.stringify([view, key, value]), sql, views: [{ view, columns: columns.columns, keys: columns.keys }], keysMax, windowsMax };
}

async function parsed(source: PolicySource, analysis: Analysis, names: Names): Promise<Node> {
  const statement = await analysis.parse(source);
  if (!isHistoryStatement(statement)) throw source.error('not_allowed', 'key and value are one expression each', { hint: 'for example root_service' });
  translateForeign(statement);
  checkStatement(source, names, statement);
  checkGrowth(source, statement);
  return statement;
}

interface Question {
  readonly statement: Node;
  readonly tables: readonly TableShape[];
  readonly keys: readonly KeyRead[];
  readonly sql: string;
}

async function columnsRead(source: PolicySource, analysis: Analysis, { statement, tables, keys, sql }: Question): Promise<{ columns: string[]; keys: readonly KeyRead[] }> {
  const bench = await analysis.bench(source);
  try {
    await bench.createTables(tables, (table) => allReads(table, keys));
    await bench.columnsOf(sql);
    const { reads } = await readsOf(bench, { tables, keys, statement, wrappedSql: sql });
    const [table] = tables;
    const read = reads.get(table.name);
    return { columns: table.columns.filter((column) => read?.columns.has(column) === true), keys: read?.keys ?? [] };
  } catch (error) {
    throw error instanceof PolicyError ? error : bindingError(source, statement, tables, keys, error);
  } finally {
    bench.close();
  }
}

/** What a policy reads beside the window. Throws PolicyError `binding` where `history` is read and nothing is declared. */
export function checkSides(source: PolicySource, sides: readonly SideReads[], header: Header): readonly string[] {
  const reads = sides.some(({ side }) => side === 'history');
  if (reads && header.history === null) {
    throw source.error('binding', 'history is read and the header does not say of what', { hint: 'declare its key, for example -- history: root_service' });
  }
  if (header.mode === 'drop' && sides.some(({ side }) => side === 'kept_traces')) {
    throw source.error('not_allowed', 'a ceiling cannot go by which traces were kept: that is chance', { hint: 'let an enforce policy name the records' });
  }
  return !reads && header.history !== null ? ['the header declares history and nothing reads it'] : [];
}
