import { watch } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { findTests } from '../authoring/test-file/find-tests.ts';
import { loadTestFile } from '../authoring/test-file/load.ts';
import { type FileResult, fileText, jsonReport, junitReport, tapReport, totalsOf, totalsText } from '../authoring/test-file/report.ts';
import { type CaseResult, runCase } from '../authoring/test-file/run-case.ts';
import { CodedError } from '../base/errors.ts';
import { packageFile } from '../base/package-paths.ts';
import { realSeam } from '../base/seam.ts';
import { flag, integer, oneOf, text } from '../config/scalars.ts';
import { option, optional } from '../config/section.ts';
import { defineCommand, exitCodes, type CommandIo, type ExitCode } from './command.ts';
import { ProgressBar } from './progress-bar.ts';

export const policyTest = defineCommand({
  name: 'policy test',
  summary: 'Run the test files of policies',
  text: 'A test file NAME.test.yaml lies beside its policy NAME.sql: given traces and log records, and what must be kept of them. The whole '
    + 'pipeline runs in this process, so what a case sees is what a receiver would get. docs/authoring.md describes the files.',
  options: {
    format: option('format', oneOf('text', 'json', 'junit', 'tap'), 'text', 'How results are written.'),
    filter: optional('filter', text, 'Run only cases whose name holds this text.'),
    seed: optional('seed', integer({ min: 0, max: 2 ** 32 - 1 }), 'Seed of ids and values, in place of those in the files.'),
    isWatching: option('watch', flag, false, 'Run again whenever a file beside the tests changes, until Ctrl-C.'),
  },
  positionals: { label: 'FILE|DIR ...', text: 'Test files, policies that have one beside them, or folders; without any the policies of this package.', min: 0, max: 1000 },
  examples: [
    'thresher policy test sql/policies',
    'thresher policy test checkout.sql --seed 7 --filter "slow"',
    'thresher policy test policies/ --format junit > results.xml',
  ],
  run: async (options, io) => {
    const once = (): Promise<ExitCode> => runTests(options, io);
    const code = await once();
    return options.isWatching ? again(options, io, once) : code;
  },
});

interface TestOptions {
  readonly positionals: readonly string[];
  readonly format: 'text' | 'json' | 'junit' | 'tap';
  readonly filter: string | null;
  readonly seed: number | null;
}

function paths({ positionals }: TestOptions, io: CommandIo): readonly string[] {
  return findTests(positionals.length === 0 ? [packageFile('sql/policies')] : positionals.map((path) => resolve(io.directory, path)));
}

async function runTests(options: TestOptions, io: CommandIo): Promise<ExitCode> {
  const results: FileResult[] = [];
  for (const path of paths(options, io)) {
    if (io.signal.aborted) break;
    const result = await runFile(path, options, io);
    if (options.filter !== null && result.cases.length === 0 && result.error === null) continue;
    results.push(result);
    if (options.format === 'text') io.stdout.write(fileText(result));
  }
  const totals = totalsOf(results);
  if (totals.passed + totals.failed === 0) throw new CodedError('NOT_FOUND', 'no_case', `no case has "${options.filter ?? ''}" in its name`);
  io.stdout.write({ text: () => totalsText(totals), json: () => jsonReport(results), junit: () => junitReport(results), tap: () => tapReport(results) }[options.format]());
  return totals.failed === 0 && !io.signal.aborted ? exitCodes.ok : exitCodes.failure;
}

async function runFile(full: string, { filter, seed }: TestOptions, io: CommandIo): Promise<FileResult> {
  const below = relative(io.directory, full);
  const path = below.startsWith('..') ? full : below;
  const cases: CaseResult[] = [];
  const seam = realSeam();
  try {
    const file = loadTestFile(full);
    for (const testCase of file.cases.filter(({ name }) => filter === null || name.includes(filter))) {
      if (io.signal.aborted) break;
      const bar = new ProgressBar(io.stderr, seam);
      cases.push(await runCase({ path: full, file }, testCase, { seed, seam, signal: io.signal, progress: (share) => bar.update(share) }));
      bar.end();
    }
    return { path, cases, error: null };
  } catch (error) {
    if (error instanceof CodedError) return { path, cases, error: error.message };
    throw error;
  }
}

/** Runs again when SQL or YAML changes beside the tests, also while a run is under way; changes that come together count once. */
async function again(options: TestOptions, io: CommandIo, once: () => Promise<ExitCode>): Promise<ExitCode> {
  const seam = realSeam();
  const changes = { isNew: false, wake: (): void => undefined };
  const heard = (_: string, name: string | null): void => {
    if (name !== null && !/\.(sql|ya?ml)$/.test(name)) return;
    changes.isNew = true;
    changes.wake();
  };
  io.signal.addEventListener('abort', () => changes.wake(), { once: true });
  const folders = new Set(paths(options, io).map((path) => dirname(path)));
  for (const folder of folders) watch(folder, { signal: io.signal }, heard);
  for (;;) {
    if (!changes.isNew && !io.signal.aborted) await new Promise<void>((done) => { changes.wake = done; });
    if (io.signal.aborted) return exitCodes.ok;
    await seam.sleepMs(settleMs, io.signal).catch(() => undefined);
    changes.isNew = false;
    io.stdout.write('\n');
    await once();
  }
}

/** An editor writes a file in several steps. */
const settleMs = 100;
