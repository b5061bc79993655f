import type { HeaderEntry } from './header-entries.ts';
import type { PolicySource } from './policy-source.ts';

/**
 * The header `-- head_minimum: 0.05`: the least rate at which senders should go on sending for the policy's sake, since it keeps with probability 1 what
 * nobody can know at the head (errors). Null where it is not declared. Throws PolicyError `not_allowed`.
 */
export function headMinimumOf(source: PolicySource, entries: readonly HeaderEntry[]): number | null {
  const [entry, second] = entries.filter(({ name }) => name === 'head_minimum');
  if (second !== undefined) throw source.error('not_allowed', 'the header declares head_minimum twice', { at: second.offset });
  if (entry === undefined) return null;
  const value = /^(\d+(\.\d*)?|\.\d+)$/.test(entry.value) ? Number(entry.value) : NaN;
  if (!(value >= 0 && value <= 1)) throw source.error('not_allowed', 'head_minimum is a rate from 0 to 1', { at: entry.offset });
  return value;
}
