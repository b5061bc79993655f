import type { KeyType } from '../policy/compile/compiled.ts';
import { conventionalTypes } from '../policy/catalog/semconv.ts';
import { NoEqual } from './finding.ts';
import { quoted } from './sql-text.ts';

export type KeySource = 'attributes' | 'resource';

/** Types of the keys that one policy reads, for its header. */
export class KeyTypes {
  readonly #types = new Map<string, { readonly source: KeySource; readonly key: string; type: KeyType | null }>();

  /**
   * `attributes['key']`, to be read as `type`; null where any type does. Throws NoEqual where the policy reads the key as another
   * type too.
   */
  read(source: KeySource, key: string, type: KeyType | null, prefix = ''): string {
    if (/^\s|\s$|[\n\r]/.test(key) || key === '') throw new NoEqual(`a header cannot name the key ${JSON.stringify(key)}`);
    const name = `${source} ${key}`;
    const known = this.#types.get(name) ?? { source, key, type: null };
    if (known.type !== null && type !== null && known.type !== type) {
      throw new NoEqual(`${source}[${quoted(key)}] is compared as ${known.type} and as ${type}, and a policy reads a key as one type; write two policies`);
    }
    known.type ??= type;
    this.#types.set(name, known);
    return `${prefix}${source}[${quoted(key)}]`;
  }

  /** Header lines for keys that would be read as another type without one. */
  headerLines(): readonly string[] {
    return [...this.#types.values()]
      .filter(({ key, type }) => type !== null && type !== (conventionalTypes.get(key) ?? 'VARCHAR'))
      .map(({ source, key, type }) => `-- ${source === 'attributes' ? 'attribute' : 'resource'}: ${key} ${type}`);
  }
}
