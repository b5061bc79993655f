import { commentLines, commentText } from './sql-text.ts';

/** A file to write. */
export interface WrittenFile {
  /** Without folders. */
  readonly name: string;
  readonly text: string;
}

/** What stands above a policy's SELECT. */
export interface PolicyHead {
  readonly description: string;
  readonly mode: 'enforce' | 'drop';
  /** Further header lines, as `-- attribute: my.key BIGINT`. */
  readonly headers: readonly string[];
  /** Where it comes from, and what to know about it; a sentence each. */
  readonly comments: readonly string[];
}

/** A policy's text. */
export function policyText(head: PolicyHead, sqlLines: readonly string[]): string {
  return `${[
    `-- description: ${commentText(head.description)}`,
    ...(head.mode === 'drop' ? ['-- mode: drop'] : []),
    ...head.headers,
    ...head.comments.flatMap(commentLines),
    ...sqlLines,
  ].join('\n')}\n`;
}

/** Gives each policy's file a name that no other has. */
export class FileNames {
  readonly #taken = new Set<string>();

  /** `My policy/1` becomes `my_policy_1.sql`. */
  of(name: string): string {
    const base = name.toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').slice(0, 80) || 'policy';
    for (let count = 1; ; count++) {
      const candidate = count === 1 ? base : `${base}_${count}`;
      if (this.#taken.has(candidate)) continue;
      this.#taken.add(candidate);
      return `${candidate}.sql`;
    }
  }
}
