import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { packageVersion } from '../../../src/base/package-paths.ts';
import { runCli } from '../../../src/cli.ts';
import { defineCommand, defineGroup } from '../../../src/commands/command.ts';
import { list } from '../../../src/config/collections.ts';
import { duration, filePath, flag, integer, oneOf } from '../../../src/config/scalars.ts';
import { option, optional, required } from '../../../src/config/section.ts';

/** Runs a command line against one command that prints what it got. */
async function run(...argv: string[]) {
  const out: string[] = [];
  const errors: string[] = [];
  const replay = defineCommand({
    name: 'replay',
    summary: 'Run a capture through policies',
    text: 'As fast as it can.\n\nBy the items\' own time.',
    options: {
      input: required('input', filePath, 'The capture.'),
      windowMs: option('window', duration(), '10s', 'Length of a window.'),
      seed: optional('seed', integer({ min: 0 }), 'Makes it decide the same again.'),
      settings: option('set', list(filePath), [], 'Goes over the configuration.'),
      progressBar: option('progress_bar', flag, true, 'Show a bar.'),
      format: option('format', oneOf('text', 'json'), 'text', 'Form of the summary.'),
    },
    positionals: { label: 'FILE', text: 'A file.', min: 0, max: 1 },
    examples: ['thresher replay --input a.otap'],
    run: async (args, io) => {
      if (args.input === 'broken') throw new Error('boom');
      if (args.input === 'missing') throw new CodedError('NOT_FOUND', 'no_file', 'there is no such capture');
      io.stdout.write(JSON.stringify(args));
      return 0;
    },
  });
  const sink = (lines: string[]) => ({ write: (text: string) => lines.push(text) });
  const io = { stdout: sink(out), stderr: sink(errors), environment: {}, directory: '.', signal: new AbortController().signal };
  const code = await runCli(argv, io, [replay]);
  return { code, out: out.join(''), errors: errors.join('') };
}

describe('arguments', () => {
  test('are read to typed options, with defaults', async () => {
    const { code, out } = await run('replay', '--input', 'a.otap');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ input: 'a.otap', windowMs: 10_000, seed: null, settings: [], progressBar: true, format: 'text', positionals: [] });
  });

  test('take every usual form', async () => {
    const { out } = await run('replay', '--input=a=b', '--window', '1m', '--set', 'x=1', '--set=y=2', '--no-progress-bar', '--seed', '7', '--', '--file');
    expect(JSON.parse(out)).toMatchObject({ input: 'a=b', windowMs: 60_000, settings: ['x=1', 'y=2'], progressBar: false, seed: 7, positionals: ['--file'] });
  });

  test('everything that is wrong is said at once, with exit code 2', async () => {
    const { code, errors, out } = await run('replay', '--imput', 'a', '--window=5', '--seed', '-1', '--format', 'jason', '-x', 'one', 'two', 'three', '--seed=1');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(errors.split('\n')).toEqual([
      'thresher: unknown option --imput; did you mean "--input"?',
      expect.stringContaining('unknown option -x; known here: --input'),
      '--seed: is given twice',
      '--input: is missing: The capture.',
      '--window: expected a duration such as 10s, 1m30s or 250ms, got "5"',
      '--seed: expected a whole number of at least 0, got "-1"',
      '--format: expected one of text, json, got "jason"; did you mean "json"?',
      'unexpected arguments: one two three',
      'Try: thresher replay --help',
      '',
    ]);
  });
});

describe('the command line', () => {
  test('an unknown command gets a suggestion', async () => {
    expect(await run('repaly')).toMatchObject({ code: 2, errors: 'thresher: unknown command repaly; did you mean "replay"?\nTry: thresher --help\n' });
    expect(await run()).toMatchObject({ code: 2 });
  });

  test('help and version', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: `${packageVersion()}\n`, errors: '' });
    for (const argv of [['--help'], ['help']]) expect((await run(...argv)).out).toMatch(/ {2}replay {2}Run a capture through policies\n {2}help/);
    expect((await run('help', 'replay')).out).toBe((await run('replay', '--input', 'x', '--help')).out);
    expect((await run('replay', '--input', 'x', '--', '--help')).out).toContain('"positionals":["--help"]');
  });

  test('help derives from the declaration', async () => {
    expect((await run('help', 'replay')).out).toMatchInlineSnapshot(`
      "Run a capture through policies.

      Usage: thresher replay [OPTIONS] [FILE]

      As fast as it can.

      By the items' own time.

        FILE  A file.

        --input PATH         The capture. (required)
        --window DURATION    Length of a window. (default 10s)
        --seed INTEGER       Makes it decide the same again.
        --set PATH           Goes over the configuration. (may be given often)
        --[no-]progress-bar  Show a bar. (default true)
        --format text|json   Form of the summary. (default text)
        --help               Show this text.

      Examples:
        thresher replay --input a.otap

      Exit codes: 0 done, 1 failed, 2 arguments or configuration cannot be used, 130 stopped by a second Ctrl-C.
      "
    `);
  });

  test('errors for outside are one line, errors of ours say so; both exit with 1', async () => {
    expect(await run('replay', '--input', 'missing')).toEqual({ code: 1, out: '', errors: 'thresher: there is no such capture\n' });
    const { code, errors } = await run('replay', '--input', 'broken');
    expect(code).toBe(1);
    expect(errors).toMatch(/^thresher: this is an error of Thresher itself: boom\nError: boom\n {4}at /);
  });
});

describe('commands of commands', () => {
  async function policy(...argv: string[]) {
    const out: string[] = [];
    const errors: string[] = [];
    const check = defineCommand({
      name: 'policy check', summary: 'Say what is wrong', options: { isStrict: option('strict', flag, false, 'Warnings fail.') },
      positionals: { label: 'FILE...', text: 'Policies.', min: 0, max: 9 },
      run: async (args, io) => {
        io.stdout.write(JSON.stringify(args));
        return 0;
      },
    });
    const group = defineGroup({ name: 'policy', summary: 'All about policies', text: 'Nothing runs.', subcommands: [check] });
    const sink = (lines: string[]) => ({ write: (text: string) => lines.push(text) });
    const code = await runCli(argv, { stdout: sink(out), stderr: sink(errors), environment: {}, directory: '.', signal: new AbortController().signal }, [group]);
    return { code, out: out.join(''), errors: errors.join('') };
  }

  test('are named by two words, each with a help of its own', async () => {
    expect(await policy('policy', 'check', '--strict', 'a.sql')).toMatchObject({ code: 0, out: '{"isStrict":true,"positionals":["a.sql"]}' });
    for (const argv of [['policy'], ['policy', '--help'], ['help', 'policy']]) expect((await policy(...argv)).out).toMatch(/ {2}check {2}Say what is wrong\n/);
    for (const argv of [['policy', 'check', '--help'], ['help', 'policy', 'check']]) {
      expect((await policy(...argv)).out).toMatch(/^Say what is wrong\.\n\nUsage: thresher policy check \[OPTIONS\] \[FILE\.\.\.\]\n/);
    }
  });

  test('what is unknown gets a suggestion, at either word', async () => {
    expect(await policy('policy', 'chek')).toMatchObject({ code: 2, errors: 'thresher: unknown command policy chek; did you mean "policy check"?\nTry: thresher policy --help\n' });
    expect(await policy('policy', 'check', '--srict')).toMatchObject({ code: 2, errors: 'thresher: unknown option --srict; did you mean "--strict"?\nTry: thresher policy check --help\n' });
    expect(await policy('help', 'policy', 'chek')).toMatchObject({ code: 2 });
  });
});
