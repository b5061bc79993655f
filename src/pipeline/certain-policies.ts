import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { Combine } from './combining.ts';

/**
 * The parts of a window's policies by which a trace's outcome can no longer change once they name it: they do so with probability 1, for good. Drop policies may yet
 * limit what is named, so where there are any, none. Under `first_match` only the first policy speaks for a trace whatever the others say.
 */
export function certainPolicies(policies: readonly CompiledPolicy[], combine: Combine): readonly CompiledPolicy[] {
  if (policies.some(({ mode }) => mode === 'drop')) return [];
  const enforced = policies.filter(({ mode }) => mode === 'enforce');
  return (combine === 'first_match' ? enforced.slice(0, 1) : enforced).flatMap(({ certain }) => certain ?? []);
}
