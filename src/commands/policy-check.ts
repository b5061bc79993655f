import { readFileSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { Place, type Issue } from '../config/place.ts';
import { list } from '../config/collections.ts';
import { realSeam } from '../base/seam.ts';
import { checkRule } from '../head/check-rule.ts';
import { isRule } from '../head/compile-rule.ts';
import { policyFiles } from '../config/policy-files.ts';
import { filePath, flag, oneOf, text } from '../config/scalars.ts';
import { option, optional } from '../config/section.ts';
import { checkCombination, type Combine } from '../pipeline/combining.ts';
import { type CheckedFile, checkSet } from '../policy/check/check-set.ts';
import { PolicyChecker } from '../policy/check/policy-checker.ts';
import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { type Finding, lintRules } from '../policy/compile/finding.ts';
import { policyTextBytesMax } from '../policy/compile/policy-source.ts';
import { PolicyError } from '../policy/compile/policy-error.ts';
import { sqlFunctionFiles } from '../sampling/sql-functions.ts';
import { UsageError } from './arguments.ts';
import { defineCommand, exitCodes, type CommandIo } from './command.ts';
import { jsonReport } from './policy-check/json-report.ts';
import { fileReport, setReport } from './policy-check/text-report.ts';

export const policyCheck = defineCommand({
  name: 'policy check',
  summary: 'Say what is wrong with policies, what they read, and what that costs',
  text: 'Each file is parsed, bound to the views and planned as the engine does it, and then read as a statistician would: choices that depend on '
    + 'an item\'s own randomness, probabilities outside [0, 1], conditions that no row can fulfil, functions that depend on the order of rows. '
    + 'docs/policies.md lists the codes and the JSON. A file that reads head_statistics makes rates for head sampling (docs/head.md), and is checked as such.\n\n'
    + 'Nothing is run but plans on empty tables. The exit code is 1 where a file has an error (with --strict: or a warning), and 2 where the '
    + 'arguments cannot be used.',
  options: {
    config: optional('config', filePath, 'Configuration file whose policies are checked, as they come together there.'),
    settings: option('set', list(text), [], 'Setting that goes over the file\'s, as policy.combine=first_match.'),
    format: option('format', oneOf('text', 'json'), 'text', 'Form of the report.'),
    isStrict: option('strict', flag, false, 'Warnings fail too.'),
  },
  positionals: { label: 'FILE|DIR ...', text: 'Policies, as paths, folders or globs; package:sql/policies/NAME.sql is one that comes with Thresher.', min: 0, max: 1000 },
  examples: ['thresher policy check policies/*.sql', 'thresher policy check --config thresher.yaml --strict', 'thresher policy check policies --format json'],
  run: async (options, io) => {
    const { paths, combine } = filesToCheck(options, io);
    const files = await checkFiles(paths, combine, io);
    const set = checkSet(files.map(({ file }) => file));
    const all = [...files.flatMap(({ file }) => file.findings), ...set.findings];
    const isOk = !all.some(({ severity }) => severity === 'error' || (options.isStrict && severity === 'warning'));
    const isColoured = io.stdout.isTTY === true && (io.environment['NO_COLOR'] ?? '') === '';
    if (options.format === 'json') io.stdout.write(jsonReport(files.map(({ file }) => file), set, isOk));
    else io.stdout.write([...files.map(({ file, text: sql }) => fileReport(file, sql, isColoured)), setReport(files.map(({ file }) => file), set, isColoured)].join(''));
    return isOk ? exitCodes.ok : exitCodes.failure;
  },
});

interface CheckOptions {
  readonly config: string | null;
  readonly settings: readonly string[];
  readonly positionals: readonly string[];
}

/** Throws UsageError or ConfigError. */
function filesToCheck({ config: configPath, settings, positionals }: CheckOptions, io: CommandIo): { readonly paths: readonly string[]; readonly combine: Combine } {
  if (configPath === null && positionals.length === 0) throw new UsageError(['FILE is missing: name policies, or a configuration with --config']);
  if (configPath === null && settings.length > 0) throw new UsageError(['--set: goes over the settings of a --config, and there is none']);
  const config = configPath === null ? null : loadConfig(resolve(io.directory, configPath), settings, io.environment);
  const paths = new Set([...(config?.policies.files ?? []), ...(config?.head == null ? [] : [config.head.policy]), ...positionals.flatMap((pattern, index) => named(pattern, index, io))]);
  return { paths: [...paths], combine: config?.policy.combine ?? 'union' };
}

function named(pattern: string, index: number, io: CommandIo): readonly string[] {
  const issues: Issue[] = [];
  const place = new Place([String(index)], { issues, directory: io.directory, unresolved: new Set(), readFile: (path) => readFileSync(path, 'utf8') });
  const isFolder = statSync(resolve(io.directory, pattern), { throwIfNoEntry: false })?.isDirectory() === true;
  const files = policyFiles.read([isFolder ? join(pattern, '*.sql') : pattern], place);
  if (files === undefined) throw new UsageError(issues.map(({ message }) => message));
  return files;
}

interface FileWithText {
  readonly file: CheckedFile;
  readonly text: string;
}

async function checkFiles(paths: readonly string[], combine: Combine, io: CommandIo): Promise<readonly FileWithText[]> {
  const checker = await PolicyChecker.open(sqlFunctionFiles());
  try {
    const files: FileWithText[] = [];
    for (const full of paths) {
      if (io.signal.aborted) break;
      const name = basename(full, '.sql');
      const sql = textOf(full);
      if (isRule(sql)) {
        files.push({ text: sql, file: { path: shownPath(full, io), name, policy: null, isHeadRule: true, findings: await checkRule(name, sql, realSeam()) } });
        continue;
      }
      const { policy, findings } = await checker.check(name, sql);
      files.push({ text: sql, file: { path: shownPath(full, io), name, policy, findings: [...findings, ...combinationFindings(policy, combine)] } });
    }
    return files;
  } finally {
    checker.close();
  }
}

/** The text; of a file that is longer than policies may be only so much that it is seen to be too long. */
function textOf(path: string): string {
  return statSync(path).size > 16 * policyTextBytesMax ? ' '.repeat(policyTextBytesMax + 1) : readFileSync(path, 'utf8');
}

function shownPath(full: string, io: CommandIo): string {
  const below = relative(resolve(io.directory), full);
  return below.startsWith('..') ? full : below;
}

function combinationFindings(policy: CompiledPolicy | null, combine: Combine): readonly Finding[] {
  if (policy === null) return [];
  try {
    checkCombination([policy], combine);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const message = `first_match: ${policy.namesOnlySampleOf ?? 'it'} names only what is in its sample, not what it dropped`;
    return [{ code: 'first_match', severity: lintRules.first_match.severity, position: null, message, hint: error.hint }];
  }
}
