import type { TestProject } from 'vitest/node';
import { type Piece, pieces, type Prepared } from './pieces.ts';

/** Builds and installs all pieces, one after the other, before any test runs. */
export default async function prepare(project: TestProject): Promise<void> {
  const prepared: Partial<Record<Piece, Prepared>> = {};
  for (const [name, make] of Object.entries(pieces)) {
    const start = performance.now();
    prepared[name as Piece] = await make().then((path) => ({ path, missing: null }), (error: unknown) => ({ path: '', missing: error instanceof Error ? error.message : String(error) }));
    const seconds = Math.round((performance.now() - start) / 1000);
    process.stderr.write(`interop: ${name} ${prepared[name as Piece]?.missing ?? `is there after ${seconds} s`}\n`);
  }
  project.provide('pieces', prepared as Record<Piece, Prepared>);
}
