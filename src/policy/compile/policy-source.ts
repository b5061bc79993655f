import { Buffer } from 'node:buffer';
import { type Node, isNode, type SqlTree } from './sql-tree.ts';
import { PolicyError, type PolicyErrorReason, type Position } from './policy-error.ts';

/** Longest policy text taken, bytes of UTF-8. */
export const policyTextBytesMax = 64 * 1024;

/** A policy's text with its name: makes errors that say where. */
export class PolicySource {
  readonly name: string;
  readonly text: string;
  readonly #bytes: Uint8Array;

  /** Throws PolicyError `too_large`. */
  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
    this.#bytes = Buffer.from(text, 'utf8');
    if (this.#bytes.length > policyTextBytesMax) {
      throw this.error('too_large', `the text has ${this.#bytes.length} bytes, at most ${policyTextBytesMax} are taken`);
    }
    if (text.includes('\0')) throw this.error('syntax', 'the text holds a NUL character');
  }

  /** `at`: the syntax node that is to blame, or a byte offset into the text. */
  error(reason: PolicyErrorReason, message: string, detail: { at?: SqlTree | undefined; hint?: string | null; cause?: unknown } = {}): PolicyError {
    const offset = typeof detail.at === 'number' ? detail.at : offsetOf(detail.at);
    const position = offset === null ? null : this.positionOf(offset);
    return new PolicyError(this.name, reason, message, { position, hint: detail.hint ?? null, cause: detail.cause });
  }

  /** Line and column of a byte offset. */
  positionOf(offset: number): Position {
    const before = Buffer.from(this.#bytes.subarray(0, offset)).toString('utf8').split('\n');
    return { line: before.length, column: [...before[before.length - 1]].length + 1 };
  }

  /** `LINE:COLUMN` of a node, `?` where the parser noted none. */
  place(node: Node): string {
    const offset = offsetOf(node);
    if (offset === null) return '?';
    const { line, column } = this.positionOf(offset);
    return `${line}:${column}`;
  }
}

/** Byte offset of a node: its own, else the first that a node below it has (some operators carry none). */
export function offsetOf(tree: SqlTree | undefined): number | null {
  if (Array.isArray(tree)) return firstOffset(tree);
  if (!isNode(tree)) return null;
  const { query_location: own } = tree;
  return typeof own === 'number' ? own : firstOffset(Object.values(tree));
}

function firstOffset(trees: readonly SqlTree[]): number | null {
  for (const tree of trees) {
    const offset = offsetOf(tree);
    if (offset !== null) return offset;
  }
  return null;
}
