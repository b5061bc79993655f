import { collectorBinary } from '../../support/collector.ts';
import { goProgram } from '../../support/built-program.ts';

/** What these tests are made of beside Thresher: each is built or installed once, into the user's cache. */
export const pieces = {
  collector: collectorBinary,
  otelarrow: () => goProgram('otelarrow'),
} satisfies Readonly<Record<string, () => Promise<string>>>;

export type Piece = keyof typeof pieces;

/** Where a piece is, or why it is not to be had here. */
export interface Prepared {
  readonly path: string;
  readonly missing: string | null;
}

declare module 'vitest' {
  interface ProvidedContext {
    pieces: Readonly<Record<Piece, Prepared>>;
  }
}
