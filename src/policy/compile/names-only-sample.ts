import { type Node, textOf, visitNodes } from './sql-tree.ts';

/** Sampling functions that give a list of what is in the sample; others (`bottom_k_every` ...) name every row with its probability. */
const ofSamples = /(?:^|_)(?:bottom_k|sample|sample_exp)$/;

/** The first function that the policy calls which names only what is in its sample, or null. `macros`: all sampling functions. */
export function namesOnlySampleOf(statement: Node, macros: ReadonlySet<string>): string | null {
  let found: string | null = null;
  visitNodes(statement, (node) => {
    const name = textOf(node['function_name']).toLowerCase();
    if (found === null && macros.has(name) && ofSamples.test(name)) found = name;
  });
  return found;
}
