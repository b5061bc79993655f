import type { Place } from './place.ts';

export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/**
 * What an option can hold: how a written value is read into a typed one, how an editor checks it, and how the
 * documentation names it. `read` returns undefined after it has recorded at least one issue, and never throws.
 */
export interface Kind<T> {
  /** A word or two for the documentation: `duration`. */
  readonly name: string;
  readonly schema: JsonSchema;
  /** Parts with options of their own, which the documentation describes one by one. */
  readonly parts?: readonly Part[];
  /** How the kind goes on a command line: a flag stands alone, `many` may be given often. Else one value. */
  readonly arity?: 'flag' | 'many';
  read(input: unknown, place: Place): T | undefined;
}

/** A group of options under one key. `path` is relative to the kind that holds the part. */
export interface Part {
  readonly path: readonly string[];
  readonly text: string;
  readonly options: readonly OptionText[];
}

/** One line of documentation. */
export interface OptionText {
  readonly key: string;
  readonly kindName: string;
  /** The default as it would be written, or `required`, or nothing. */
  readonly presence: string;
  readonly text: string;
}

/** The type of the values that a kind reads. */
export type ValueOf<K> = K extends Kind<infer T> ? T : never;
