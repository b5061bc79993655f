import { describe, inject, test } from 'vitest';
import type { Piece } from './pieces.ts';

/** The path of a piece. Throws where it is not to be had. */
export function pathOf(piece: Piece): string {
  const { path, missing } = inject('pieces')[piece];
  if (missing !== null) throw new Error(`${piece}: ${missing}`);
  return path;
}

/**
 * Tests that need these pieces. Where one is not to be had (no network, no compiler) they are skipped, with the reason in their name; in CI
 * that is a failure, but for toolchains that a machine need not have (`no toolchain: ...`).
 */
export function describeWith(name: string, needed: readonly Piece[], tests: () => void): void {
  const missing = needed.flatMap((piece) => {
    const reason = inject('pieces')[piece].missing;
    return reason === null ? [] : [`${piece}: ${reason.split('\n')[0]}`];
  });
  if (missing.length === 0) describe(name, tests);
  else if (process.env['CI'] === undefined || missing.every((reason) => reason.includes(': no toolchain: '))) test.skip(`${name} (${missing.join('; ')})`, () => undefined);
  else test(name, () => { throw new Error(missing.join('; ')); });
}
