import { catalogSideViews } from '../catalog/side-views.ts';
import { catalogStars } from '../catalog/stars.ts';
import { catalogViews } from '../catalog/views.ts';
import type { PolicySignal } from './compiled.ts';
import type { Header } from './header.ts';
import type { PolicySource } from './policy-source.ts';
import { type Node, textOf, visitNodes } from './sql-tree.ts';

const signalsByTable: ReadonlyMap<string, readonly PolicySignal[]> = new Map([
  ...catalogViews.map(({ name, signal }): [string, readonly PolicySignal[]] => [name, [signal]]),
  ...[...catalogStars, ...catalogSideViews].map(({ name, signals }): [string, readonly PolicySignal[]] => [name, signals]),
]);

/** Names of all views and star tables, star aliases not. */
export const tableNames: ReadonlySet<string> = new Set(signalsByTable.keys());

/**
 * The signal that all tables of the policy belong to, else the one that the header declares. Throws PolicyError `signal` where
 * they disagree, or say nothing.
 */
export function signalOf(source: PolicySource, header: Header, statement: Node): PolicySignal {
  let signal: PolicySignal | null = header.signal;
  visitNodes(statement, (node) => {
    if (node['type'] !== 'BASE_TABLE') return;
    const name = textOf(node['table_name']).toLowerCase();
    const signals = signalsByTable.get(name);
    if (signals === undefined) return;
    if (signal !== null && !signals.includes(signal)) {
      const why = header.signal === null ? `other tables are of ${signal}` : `the header says ${signal}`;
      throw source.error('signal', `${name} belongs to ${signals.join(' and ')}, but ${why}`, { at: node, hint: 'a policy reads the windows of one signal' });
    }
    if (signals.length === 1) [signal] = signals;
  });
  if (signal === null) throw source.error('signal', 'nothing says which signal the policy is for', { hint: 'begin the file with -- signal: traces or -- signal: logs' });
  return signal;
}
