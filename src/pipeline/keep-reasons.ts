import type { PolicyOutcome } from '../policy/window-policies.ts';

/** Code of no reason. */
export const noReason = 0;

/** Most codes; a set that would need one more is left as it is. */
const codesMax = 65_535;

/** What stands in the place of a policy's name where a policy or the engine failed. */
export const fallbackName = 'fallback';

/**
 * Names of the policies that kept an item, as a small code: sets of names in the order in which they were added. A code stays
 * valid for the life of the object, so that late spans can have their trace's.
 */
export class KeepReasons {
  readonly #texts: string[] = [''];
  readonly #added: Map<string, number>[] = [new Map()];

  /** Code of the set `code` with a further name, or `code` where the name is in it. */
  with(code: number, name: string): number {
    const known = this.#added[code].get(name);
    if (known !== undefined) return known;
    const added = this.#texts[code].split(',').includes(name) ? code : this.#create(code, name);
    this.#added[code].set(name, added);
    return added;
  }

  /** Code of a set of names in their order. */
  of(names: readonly string[]): number {
    return names.reduce((code, name) => this.with(code, name), noReason);
  }

  #create(code: number, name: string): number {
    if (this.#texts.length > codesMax) return code;
    this.#added.push(new Map());
    return this.#texts.push(code === noReason ? name : `${this.#texts[code]},${name}`) - 1;
  }

  /** The names, comma separated; null for no reason. */
  text(code: number): string | null {
    return code === noReason ? null : this.#texts[code];
  }
}

/** What a kept item says of a policy that kept it. */
export function reasonOf({ policy, picks }: PolicyOutcome): string {
  return picks === null ? fallbackName : policy.name;
}
