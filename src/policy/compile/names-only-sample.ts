import { findNode, type Node, textOf } from './sql-tree.ts';

/** Sampling functions that give a list of what is in the sample; others (`bottom_k_every` ...) name every row with its probability. */
const ofSamples = /(?:^|_)(?:bottom_k|sample|sample_exp)$/;

/** The first function that the policy calls which names only what is in its sample, or null. `macros`: all sampling functions. */
export function namesOnlySampleOf(statement: Node, macros: ReadonlySet<string>): string | null {
  const nameOf = (node: Node): string => textOf(node['function_name']).toLowerCase();
  const call = findNode(statement, (node) => macros.has(nameOf(node)) && ofSamples.test(nameOf(node)));
  return call === undefined ? null : nameOf(call);
}
