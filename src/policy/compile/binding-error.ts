import { engineMessage } from './analysis.ts';
import type { TableShape } from './catalog-sql.ts';
import type { KeyRead } from './compiled.ts';
import type { PolicySource } from './policy-source.ts';
import { columnParts, findNode, type Node, tablesOf, textOf } from './sql-tree.ts';
import { suggestion } from './suggest.ts';

/** DuckDB's refusal to bind the rewritten SELECT, told in terms of the policy's own text. */
export function bindingError(source: PolicySource, statement: Node, tables: readonly TableShape[], keys: readonly KeyRead[], cause: unknown): Error {
  const message = engineMessage(cause);
  const column = /(?:Referenced column|column named) "([^"]+)"|does not have a column named "([^"]+)"/.exec(message);
  if (column !== null) return unknownColumn(source, statement, tables, message, column[1] ?? column[2]);
  const called = /function .*?'([^']+)'|for the (?:function|macro) "?'?(\w+)|^Macro "?(\w+)/i.exec(message);
  const name = called?.slice(1).find((part) => part !== undefined);
  return source.error('binding', message.split('\n')[0], { at: name === undefined ? undefined : callOf(statement, name), hint: textKeysHint(message, keys), cause });
}

function unknownColumn(source: PolicySource, statement: Node, tables: readonly TableShape[], message: string, name: string): Error {
  const used = tablesOf(statement);
  const known = tables.filter((table) => used.has(table.name)).flatMap((table) => table.columns);
  const candidates = [...(/Candidate bindings: (.*)$/m.exec(message)?.[1].matchAll(/"([^"]+)"/g) ?? [])].map((match) => match[1].split('.').at(-1) ?? '');
  const at = findNode(statement, (node) => columnParts(node)?.some((part) => part.toLowerCase() === name.toLowerCase()) === true);
  return source.error('unknown_name', `there is no column ${name} here`, { at, hint: suggestion(name, [...known, ...candidates]) ?? suggestion(name, tables.flatMap(({ columns }) => columns)) });
}

function callOf(statement: Node, name: string): Node | undefined {
  const bare = name.replace(/\(.*$/, '').toLowerCase();
  return findNode(statement, (node) => textOf(node['function_name']).toLowerCase() === bare);
}

/** Where text is refused, keys that nobody knows to be numbers are the likely cause. */
function textKeysHint(message: string, keys: readonly KeyRead[]): string | null {
  const texts = keys.filter(({ type }) => type === 'VARCHAR').map(({ source, key }) => `${source}['${key}']`);
  if (!message.includes('VARCHAR') || texts.length === 0) return null;
  return `${texts.join(', ')} ${texts.length === 1 ? 'is' : 'are'} read as VARCHAR: cast to BIGINT, DOUBLE or BOOLEAN what is none`;
}
