import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { cached, goProgram, hashOf, runProgram } from '../../support/built-program.ts';
import { collectorBinary } from '../../support/collector.ts';
import { headGo, headJava, headJs, headRust } from './head-clients.ts';

const sdks = join(import.meta.dirname, '../sdk');

/** What these tests are made of beside Thresher: each is built or installed once, into the user's cache. */
export const pieces = {
  collector: collectorBinary,
  otelarrow: () => goProgram('otelarrow'),
  sdkJs,
  sdkPython,
  headGo,
  headJs,
  headJava,
  headRust,
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

/** A directory with send.mjs and its packages. */
function sdkJs(): Promise<string> {
  const source = join(sdks, 'js');
  return cached('sdk-js', hashOf({ path: source }), async (directory) => {
    const home = join(directory, 'home');
    cpSync(source, home, { recursive: true });
    await runProgram('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: home });
    return home;
  });
}

/** A virtual environment with the SDK. It is moved once made, which only its scripts would mind: `bin/python` finds itself. */
function sdkPython(): Promise<string> {
  const requirements = join(sdks, 'python/requirements.txt');
  return cached('sdk-python', hashOf({ path: requirements }), async (directory) => {
    const home = join(directory, 'venv');
    await runProgram('python3', ['-m', 'venv', home]);
    await runProgram(join(home, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements]);
    return home;
  });
}
